"""A registration period as this service keeps it: the upstream record, the office's changes, the state; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from services.registration.domain.cohort import Candidate, Judgement
from services.registration.domain.look_alikes import look_alikes
from services.registration.domain.record import UpstreamRecord
from services.registration.domain.spelling import NAMES, Spelling, missing_characters, written
from shared.addresses import as_mailed, same_address_key
from shared.events import AssertionIssued, Award, HeldReason, Holder, RegistrationRenewed
from shared.soundness import MissingGlyphs

_END_BY_THEMSELVES: frozenset[HeldReason] = frozenset(
    {"not-completed", "not-this-cycle", "completes-later", "not-judged"}
)
"""Holds whose end is a day that the record names, or our own."""


@dataclass(frozen=True)
class Registration:
    """One registration period and its state.

    `revision` counts its holds and releases. `version` counts what was released to the issuer: while the state is
    "released" it is the newest that was, else the next one. `is_issued`: some version has a badge, or the office's
    correction is to get it, so upstream amends it no more. `facts_confirmed`: the office has said that this record is
    right where others say otherwise. `is_recalled`: it is as announced before a restore, and its
    record may be older than that. `spelling`: how its names are written, as was agreed. `address_revision`: how often
    its address changed after the issue. `with_cohort`: held because its cohort is. `resumed_at`: when the office
    resumed this one.
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
    is_recalled: bool = False
    is_issued: bool = False
    notify_from: datetime | None = None
    facts_confirmed: bool = False
    spelling: Spelling | None = None
    address_revision: int = 0
    with_cohort: bool = False
    resumed_at: datetime | None = None

    @property
    def written(self) -> UpstreamRecord:
        """The record with its names as the certificate has them."""
        return written(self.record, self.spelling)

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
            was_released=self.version > 1,
            previous_registration_id=self.record.previous_registration_id,
            facts_confirmed=self.facts_confirmed,
            has_look_alikes=bool(look_alikes(self.written)),
        )

    @property
    def is_held_with_cohort(self) -> bool:
        """Whether nothing but the hold of its cohort holds it: by that it is not late."""
        return self.state == "held" and self.reason == "office-hold" and self.with_cohort

    def confirmed_by(self, now: datetime) -> datetime | None:
        """`confirmed_at` if nothing holds it now: one whose hold somebody had to end is complete only then."""
        if self.state != "held" or self.reason in _END_BY_THEMSELVES or self.is_held_with_cohort:
            return self.confirmed_at
        if self.reason == "missing-address" and self.confirmed_at is not None:
            return self.confirmed_at
        return now

    def judged_by(self, missing_glyphs: MissingGlyphs) -> Candidate:
        """The candidate, with whether its name can be printed."""
        return replace(self.candidate, lacks_glyphs=bool(missing_characters(self.written, missing_glyphs)))

    def is_held_as(self, judgement: Judgement) -> bool:
        """Whether it is already held for this reason: there is nothing to announce."""
        return (
            self.state == "held"
            and self.reason == judgement.reason
            and self.first_registration_id == judgement.first_registration_id
        )


def amended(registration: Registration, record: UpstreamRecord) -> Registration:
    """A released registration without a badge as upstream has it now: to be judged, one version higher."""
    return replace(registration, record=record, state="waiting", version=registration.version + 1, is_recalled=False)


def delivered_again(registration: Registration, record: UpstreamRecord) -> Registration:
    """A recalled registration when its record comes again: no longer recalled.

    The address of an issued one stays; where upstream has another one, it was the office's.
    """
    if (
        registration.state != "released"
        or not registration.is_issued
        or registration.email is None
        or record.email is None
    ):
        return replace(registration, is_recalled=False)
    is_upstreams = same_address_key(record.email) == registration.address_key
    return replace(
        registration,
        record=msgspec.structs.replace(registration.record, email=record.email),
        office_email=None if is_upstreams else registration.email,
        is_recalled=False,
    )


def announced_record(
    event: RegistrationRenewed | AssertionIssued, before: UpstreamRecord | None, spelling: Spelling | None = None
) -> UpstreamRecord:
    """The record as announced; the rest is as `before`, or empty until upstream delivers it again.

    Names that are announced as `spelling` writes them stay as they are in `before`.
    """
    award, holder = event.award, event.holder
    record = UpstreamRecord(
        registration_id=award.registration_id,
        person_id=holder.person_id,
        qualification=award.qualification,
        kind=award.kind,
        pass_number=award.pass_number,
        registration_number=award.registration_number,
        previous_registration_id=award.previous_registration_id,
        family_name=holder.family_name,
        given_name=holder.given_name,
        family_name_kana=before.family_name_kana if before else None,
        given_name_kana=before.given_name_kana if before else None,
        family_name_latin=holder.family_name_latin,
        given_name_latin=holder.given_name_latin,
        birth_date=before.birth_date if before else None,
        email=before.email if before else holder.email,
        contact_email=before.contact_email if before else None,
        phone=before.phone if before else None,
        completed_on=before.completed_on if before else None,
        valid_from=award.valid_from,
        valid_until=award.valid_until,
    )
    if before is not None and spelling is not None:
        names = {name: getattr(before, name) for name in NAMES}
        as_delivered = msgspec.structs.replace(record, **names)
        return as_delivered if written(as_delivered, spelling) == record else record
    return record


def renewed(
    registration: Registration, cohort: str, notify_from: datetime, correction: str | None = None
) -> RegistrationRenewed:
    """The event of a released registration: the award, its holder, and the earliest moment of the notice.

    `correction` is the reason for a version above 1. ValueError for a registration without an address.
    """
    record = registration.written
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
