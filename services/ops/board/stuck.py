"""Who is stuck: the reason, the field at fault, and the order that ends it. Pure.

Stuck is what does not go on by itself. People who are held are no part of it: `held_by_reason` has them.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.ops.board.counts import Person
from shared.office_events import CORRECTABLE

REFUSED = "issuance-refused"
REPAIR = "akashi scrub --repair"


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Why a person's badge does not go on. `got`: what was found of `field`, or the characters that no font has.

    `order` is the command for the office; None: it goes on by itself when a service was corrected and started again.
    """

    reason: str
    field: str | None
    expected: str | None
    got: str | None
    since: datetime | None
    order: str | None


def stuck_of(person: Person) -> Stuck | None:
    """None for a person who is not stuck."""
    if person.stuck_as is None:
        return None
    return Stuck(
        reason=person.stuck_as,
        field=person.stuck_field,
        expected=person.stuck_expected,
        got=person.stuck_got,
        since=person.stuck_at,
        order=order_for(person.stuck_as, person.stuck_field, person.registration_id),
    )


def order_for(reason: str, field: str | None, registration_id: str) -> str | None:
    """The command that ends it, with … where the office has to write a value."""
    if "-letter-" in reason:
        field = "email"
    if field in CORRECTABLE:
        return f"akashi correct {registration_id} --{field.replace('_', '-')} …"
    if field == "name":
        return f"akashi correct {registration_id} --family-name … --given-name …"
    if reason == REFUSED:
        return f"akashi correct {registration_id} --again"
    return REPAIR if reason.endswith("-object") else None
