"""A holder has lost the mailbox: the change of address that waits, and its letters; pure.

Others can know number and date of birth. So the new address takes effect only days later; until then every known
address is told, and its reader can stop the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.registration.domain.registration import Registration
from shared.addresses import as_mailed, masked, same_address_key
from shared.clock import japan_date
from shared.letter_events import DeskLetterRequested
from shared.programme import Programme
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled, RecoveryOutcome

RECOVERY_BEGUN = "recovery-begun"


@dataclass(frozen=True)
class Recovery:
    """`email` is to be the person's instead of `former_email`. `outcome` None: it waits until `takes_effect_at`."""

    recovery_id: str
    person_id: str
    registration_id: str
    email: str
    former_email: str | None
    language: Literal["ja", "en"]
    begun_at: datetime
    takes_effect_at: datetime
    outcome: RecoveryOutcome | None = None

    @property
    def state(self) -> RecoveryOutcome | Literal["waiting"]:
        return self.outcome or "waiting"

    def begun(self, stop_url: str) -> AddressRecoveryBegun:
        return AddressRecoveryBegun(
            recovery_id=self.recovery_id,
            person_id=self.person_id,
            registration_id=self.registration_id,
            email=self.email,
            former_email=self.former_email,
            begun_at=self.begun_at,
            takes_effect_at=self.takes_effect_at,
            stop_url=stop_url,
            language=self.language,
        )

    def settled(self, outcome: RecoveryOutcome, now: datetime) -> AddressRecoverySettled:
        return AddressRecoverySettled(
            recovery_id=self.recovery_id,
            person_id=self.person_id,
            registration_id=self.registration_id,
            outcome=outcome,
            email=self.email,
            former_email=self.former_email,
            begun_at=self.begun_at,
            settled_at=now,
            language=self.language,
        )


def has_badge(registration: Registration) -> bool:
    """Whether it has one, as far as the issuer has said: before that there is nothing to recover."""
    return registration.state == "released" and registration.is_issued


def is_to_move(registration: Registration, former_email: str | None) -> bool:
    """Whether one without a badge gets the new address: not one that has a third one."""
    former = {None, *([same_address_key(former_email)] if former_email else [])}
    return registration.office_email is None or registration.address_key in former


def begun_letters(
    recovery: Recovery, of_person: list[Registration], stop_url: str, programme: Programme
) -> list[DeskLetterRequested]:
    """To each address on file that is not the new one: its reader can stop the change."""
    badges_first = sorted(of_person, key=lambda each: not has_badge(each))
    by_key = {same_address_key(each.email): each for each in reversed(badges_first) if each.email is not None}
    by_key.pop(same_address_key(recovery.email), None)
    letters = []
    for number, each in enumerate(by_key[key] for key in sorted(by_key)):
        record = each.written
        letters.append(
            DeskLetterRequested(
                letter_id=f"{RECOVERY_BEGUN}/{recovery.recovery_id}/{number}",
                letter=RECOVERY_BEGUN,
                recipient=as_mailed(each.email or ""),
                facts={
                    "name": f"{record.family_name} {record.given_name}",
                    "new_masked": masked(recovery.email),
                    "deadline": japan_date(recovery.takes_effect_at).isoformat(),
                    "link": stop_url,
                },
                requested_at=recovery.begun_at,
                language=recovery.language,
                reply_to=programme.desks[programme.qualification(record.qualification).desk].email,
                valid_until=recovery.takes_effect_at,
            )
        )
    return letters
