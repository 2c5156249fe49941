"""What a delivery changes: which records are new, which differ from what is known, which come after the issue; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace

from services.registration.domain.record import (
    PRIVATE,
    FieldProblem,
    UpstreamRecord,
    changed_fields,
    printable,
    with_private_of,
)
from services.registration.domain.registration import Registration, amended, delivered_again
from services.registration.domain.rows import RejectedField


@dataclass(frozen=True)
class NotApplied:
    """A record that upstream changed after its badge was issued: these fields keep the issued values.

    `changes`: each of them with what came and what is kept, for the sender alone.
    """

    row: int | None
    registration_id: str
    fields: tuple[str, ...]
    changes: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(frozen=True)
class Intake:
    """What to write. Each record counts as accepted or unchanged, or is listed in `not_applied` or `rejected`."""

    new: tuple[UpstreamRecord, ...]
    changed: tuple[Registration, ...]  # to be judged again
    private: tuple[Registration, ...]  # released, with new values of private fields
    not_applied: tuple[NotApplied, ...]
    rejected: tuple[RejectedField, ...]  # of somebody else than the registration's first record
    left_addresses: frozenset[str]  # keys of addresses that a registration no longer uses
    accepted: int
    unchanged: int


def intake_of(
    records: Iterable[tuple[int | None, UpstreamRecord]],
    known: Mapping[str, Registration],
    people: MutableMapping[str, str] | None = None,
) -> Intake:
    """What these records, in their order, change in `known`. The same records once more change nothing.

    `people`: of the registrations in earlier parts of this delivery; those of this part are added.
    """
    records = list(records)
    before_delivery = known
    known = _delivered_again(records, known)
    current = {id: registration.record for id, registration in known.items()}
    not_applied = []
    rejected = []
    people = {} if people is None else people
    accepted = unchanged = 0
    for row, record in records:
        id = record.registration_id
        before = current.get(id)
        if people.get(id, record.person_id) != record.person_id or _is_another_person(before, record):
            rejected.append(RejectedField(row, _person_problem(record), id))
            continue
        people[id] = record.person_id
        if before is None:
            current[id], accepted = record, accepted + 1
            continue
        changed = changed_fields(before, record)
        if not changed:
            unchanged += 1
        elif id in known and known[id].state == "released" and known[id].is_issued:
            current[id] = with_private_of(before, record)
            if changed <= PRIVATE:
                accepted += 1
            else:
                late = sorted(changed - PRIVATE)
                changes = tuple((name, _text(getattr(record, name)), _text(getattr(before, name))) for name in late)
                not_applied.append(NotApplied(row, id, tuple(late), changes))
        else:
            current[id], accepted = record, accepted + 1
    after = {id: _after(each, current[id]) for id, each in known.items()}
    touched = [each for id, each in after.items() if each != before_delivery[id]]
    to_judge = tuple(each for each in touched if each.state != "released")
    return Intake(
        new=tuple(record for id, record in current.items() if id not in known),
        changed=to_judge,
        private=tuple(each for each in touched if each.state == "released"),
        not_applied=tuple(not_applied),
        rejected=tuple(rejected),
        left_addresses=frozenset(_left_addresses(known, to_judge)),
        accepted=accepted,
        unchanged=unchanged,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _is_another_person(before: UpstreamRecord | None, record: UpstreamRecord) -> bool:
    """Whether upstream has given the registration to somebody else. The same person may get a corrected id."""
    if before is None or before.person_id == record.person_id:
        return False
    return before.given_name != record.given_name or before.birth_date not in (None, record.birth_date)


def _person_problem(record: UpstreamRecord) -> FieldProblem:
    return FieldProblem(
        "person_id",
        printable(record.person_id),
        f"the person of the first record of registration {record.registration_id}; another person has another id",
    )


def _after(before: Registration, record: UpstreamRecord) -> Registration:
    """The registration with what became of its record: until the issuer has issued it, upstream may amend it."""
    if before.state == "released" and not before.is_issued and not changed_fields(before.record, record) <= PRIVATE:
        return amended(before, record)
    return replace(before, record=record)


def _delivered_again(
    records: Iterable[tuple[int | None, UpstreamRecord]], known: Mapping[str, Registration]
) -> Mapping[str, Registration]:
    recalled = {
        record.registration_id: delivered_again(known[record.registration_id], record)
        for _, record in records
        if record.registration_id in known and known[record.registration_id].is_recalled
    }
    return {**known, **recalled}


def _left_addresses(known: Mapping[str, Registration], changed: Iterable[Registration]) -> Iterable[str]:
    for after in changed:
        before = known[after.id]
        if before.address_key is not None and (
            (before.address_key, before.record.person_id, before.record.valid_from)
            != (after.address_key, after.record.person_id, after.record.valid_from)
        ):
            yield before.address_key
