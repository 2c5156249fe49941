"""The letters about a changed address: one to the address before, one to the new one; pure."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.registration.domain.registration import Registration
from shared.addresses import as_mailed, masked
from shared.clock import japan_date
from shared.letter_events import DeskLetterRequested
from shared.programme import Programme

ADDRESS_CHANGED = "address-changed"
NO_ADDRESS = "（登録なし）"


def address_changed_letters(
    registration: Registration,
    old: str | None,
    new: str,
    cause: str,
    now: datetime,
    programme: Programme,
    language: Literal["ja", "en"] = "ja",
) -> list[DeskLetterRequested]:
    """Both addresses are told; only the new one where there was none before.

    `cause` makes them these letters, however often they are asked for: the id of the order, or of the request.
    """
    record = registration.written
    desk_id = programme.qualification(record.qualification).desk
    facts = {
        "name": f"{record.family_name} {record.given_name}",
        "qualification": record.qualification,
        "old_masked": masked(old) if old else NO_ADDRESS if language == "ja" else "none",
        "new_masked": masked(new),
        "changed_on": japan_date(now).isoformat(),
        "desk": desk_id,
    }
    return [
        DeskLetterRequested(
            letter_id=f"{ADDRESS_CHANGED}/{cause}/{side}",
            letter=ADDRESS_CHANGED,
            recipient=as_mailed(recipient),
            facts=facts,
            requested_at=now,
            language=language,
            reply_to=programme.desks[desk_id].email,
        )
        for side, recipient in (("old", old), ("new", new))
        if recipient
    ]


def screen_cause(request_id: str, registration_id: str) -> str:
    """The cause of letters about what a person confirmed: after a restore they say whose address it is."""
    return f"screen/{request_id}/{registration_id}"


def confirmed_at_screen(letter_id: str) -> str | None:
    """The registration whose person confirmed the address that this letter goes to; None for every other letter."""
    prefix, suffix = f"{ADDRESS_CHANGED}/screen/", "/new"
    if not (letter_id.startswith(prefix) and letter_id.endswith(suffix)):
        return None
    return letter_id.removeprefix(prefix).removesuffix(suffix).partition("/")[2]
