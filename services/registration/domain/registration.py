"""A registration period as this service keeps it: the upstream record, the office's changes, the state; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.registration.domain.cohort import Candidate, Judgement
from services.registration.domain.record import UpstreamRecord
from shared.addresses import as_mailed, same_address_key
from shared.events import Award, HeldReason, Holder, RegistrationRenewed


@dataclass(frozen=True)
class Registration:
    """One registration period and its state.

    `revision` counts its holds and releases. `version` counts the badges issued for it: above 1, the office corrected
    what was issued.
    """

    record: UpstreamRecord
    office_email: str | None
    confirmed_at: datetime | None
    state: Literal["waiting", "held", "released"]
    reason: HeldReason | None
    first_registration_id: str | None
    office_hold: bool
    revision: int
    version: int = 1

    @property
    def id(self) -> str:
        return self.record.registration_id

    @property
    def email(self) -> str | None:
        """The address in use: the office's if it set one, whatever upstream delivers."""
        return self.office_email or self.record.email

    @property
    def address_key(self) -> str | None:
        return None if self.email is None else same_address_key(self.email)

    @property
    def candidate(self) -> Candidate:
        return Candidate(
            registration_id=self.id,
            person_id=self.record.person_id,
            valid_from=self.record.valid_from,
            completed_on=self.record.completed_on,
            address_key=self.address_key,
            confirmed_at=self.confirmed_at,
            office_hold=self.office_hold,
        )

    def is_held_as(self, judgement: Judgement) -> bool:
        """Whether it is already held for this reason: there is nothing to announce."""
        return (
            self.state == "held"
            and self.reason == judgement.reason
            and self.first_registration_id == judgement.first_registration_id
        )


def renewed(
    registration: Registration, cohort: str, notify_from: datetime, correction: str | None = None
) -> RegistrationRenewed:
    """The event of a released registration: the award, its holder, and the earliest moment of the notice.

    `correction` is the reason for a version above 1. ValueError for a registration without an address.
    """
    record = registration.record
    if registration.email is None:
        raise ValueError(f"registration {registration.id}: got no address, expected one of a released registration")
    return RegistrationRenewed(
        award=Award(
            registration_id=record.registration_id,
            cohort=cohort,
            qualification=record.qualification,
            kind=record.kind,
            pass_number=record.pass_number,
            registration_number=record.registration_number,
            valid_from=record.valid_from,
            valid_until=record.valid_until,
            previous_registration_id=record.previous_registration_id,
        ),
        holder=Holder(
            person_id=record.person_id,
            family_name=record.family_name,
            given_name=record.given_name,
            email=as_mailed(registration.email),
            family_name_latin=record.family_name_latin,
            given_name_latin=record.given_name_latin,
        ),
        notify_from=notify_from,
        version=registration.version,
        correction=correction,
    )
