"""The letters about a changed address: one to the address before, one to the new one; pure."""

from __future__ import annotations

from datetime import datetime

from services.registration.domain.registration import Registration
from shared.addresses import as_mailed
from shared.clock import japan_date
from shared.events import DeskLetterRequested
from shared.programme import Programme

ADDRESS_CHANGED = "address-changed"
NO_ADDRESS = "（登録なし）"


def masked(address: str) -> str:
    """So that its owner knows it and nobody else learns it: t***@e***.jp."""
    local, _, domain = as_mailed(address).rpartition("@")
    return f"{local[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"


def address_changed_letters(
    registration: Registration, old: str | None, new: str, cause: str, now: datetime, programme: Programme
) -> list[DeskLetterRequested]:
    """Both addresses are told; only the new one where there was none before.

    `cause` makes them these letters, however often they are asked for: the id of the order, or of the request.
    """
    record = registration.written
    desk_id = programme.qualification(record.qualification).desk
    facts = {
        "name": f"{record.family_name} {record.given_name}",
        "qualification": record.qualification,
        "old_masked": masked(old) if old else NO_ADDRESS,
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
            reply_to=programme.desks[desk_id].email,
        )
        for side, recipient in (("old", old), ("new", new))
        if recipient
    ]
