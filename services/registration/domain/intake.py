"""What a delivery changes: which records are new, which differ from what is known, and which come too late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.registration.domain.cohort import Candidate, Judgement
from services.registration.domain.registration import PRIVATE, UpstreamRecord, changed_fields, with_private_of
from shared.addresses import as_mailed, same_address_key
from shared.events import Award, HeldReason, Holder, RegistrationRenewed


@dataclass(frozen=True)
class Standing:
    """A registration and what became of it so far."""

    record: UpstreamRecord
    office_email: str | None
    confirmed_at: datetime | None
    state: Literal["waiting", "held", "released"]
    reason: HeldReason | None
    first_registration_id: str | None
    office_hold: bool
    revision: int
    version: int = 1  # above 1: the office corrected what was issued

    @property
    def id(self) -> str:
        return self.record.registration_id

    @property
    def email(self) -> str | None:
        """The address that counts: what the office set stands, whatever upstream delivers."""
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

    def is_as(self, judgement: Judgement) -> bool:
        """Whether it is held already for just this reason: nothing to say about it."""
        return (
            self.state == "held"
            and self.reason == judgement.reason
            and self.first_registration_id == judgement.first_registration_id
        )


@dataclass(frozen=True)
class NotApplied:
    """A record that upstream changed after its badge was issued: these fields stay as they were issued."""

    row: int | None
    registration_id: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Intake:
    """What to write. A record counts as accepted or unchanged, or is listed as not applied."""

    new: tuple[UpstreamRecord, ...]
    changed: tuple[Standing, ...]  # to be judged again
    amended: tuple[Standing, ...]  # issued, with other private fields now
    not_applied: tuple[NotApplied, ...]
    left_addresses: frozenset[str]  # keys of addresses that somebody doesn't use any more
    accepted: int
    unchanged: int


def intake_of(records: Iterable[tuple[int | None, UpstreamRecord]], known: Mapping[str, Standing]) -> Intake:
    """What these records, in their order, change in what is known. The same records once more change nothing."""
    current = {id: standing.record for id, standing in known.items()}
    not_applied = []
    accepted = unchanged = 0
    for row, record in records:
        id = record.registration_id
        before = current.get(id)
        if before is None:
            current[id], accepted = record, accepted + 1
            continue
        changed = changed_fields(before, record)
        if not changed:
            unchanged += 1
        elif id in known and known[id].state == "released":
            current[id] = with_private_of(before, record)
            if changed <= PRIVATE:
                accepted += 1
            else:
                not_applied.append(NotApplied(row, id, tuple(sorted(changed - PRIVATE))))
        else:
            current[id], accepted = record, accepted + 1
    touched = [
        replace(standing, record=current[id]) for id, standing in known.items() if current[id] != standing.record
    ]
    changed_standings = tuple(standing for standing in touched if standing.state != "released")
    return Intake(
        new=tuple(record for id, record in current.items() if id not in known),
        changed=changed_standings,
        amended=tuple(standing for standing in touched if standing.state == "released"),
        not_applied=tuple(not_applied),
        left_addresses=frozenset(_left(known, changed_standings)),
        accepted=accepted,
        unchanged=unchanged,
    )


def renewed(
    standing: Standing, cohort: str, notify_from: datetime, correction: str | None = None
) -> RegistrationRenewed:
    """The fact that a released registration is: what is awarded, to whom, to be told from when on.

    `correction` is why a version above 1 was made.
    """
    record = standing.record
    if standing.email is None:
        raise ValueError(
            f"registration {record.registration_id}: got no address, expected one of a released registration"
        )
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
            email=as_mailed(standing.email),
            family_name_latin=record.family_name_latin,
            given_name_latin=record.given_name_latin,
        ),
        notify_from=notify_from,
        version=standing.version,
        correction=correction,
    )


def _left(known: Mapping[str, Standing], changed: Iterable[Standing]) -> Iterable[str]:
    for after in changed:
        before = known[after.id]
        if before.address_key is not None and (
            (before.address_key, before.record.person_id, before.record.valid_from)
            != (after.address_key, after.record.person_id, after.record.valid_from)
        ):
            yield before.address_key
