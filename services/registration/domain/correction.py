"""The office's correction of a released registration: read by the rules of the intake, one version higher; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.registration.domain.cohort import AddressUse, CohortCycle
from services.registration.domain.look_alikes import LookAlike, described, look_alikes
from services.registration.domain.numbers import NumberUse, duplicate, number_key, numbers_of
from services.registration.domain.record import PUBLISHABLE, FieldProblem, Rules, UpstreamRecord, read_changes
from services.registration.domain.registration import Registration
from services.registration.domain.spelling import NAMES, agreed_spelling, is_about_names, missing_characters
from shared.addresses import same_address_key
from shared.office_events import Correction
from shared.programme import Programme


@dataclass(frozen=True)
class OrderOutcome:
    """The word "done" or the word for why not, with what was expected. Nothing personal in either."""

    outcome: str
    detail: str | None = None


def changes_of(correction: Correction) -> Mapping[str, str]:
    """The fields that the office gave, as texts. Without any, the badge is issued once more as it is."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in correction.changes.items()}


def corrected(
    registration: Registration, correction: Correction, decided_at: datetime, rules: Rules, cycle: CohortCycle
) -> Registration | OrderOutcome:
    """The corrected registration, one version higher; or why it can't be corrected so.

    Released is enough: where the issuer has refused it, or not answered yet, the next version takes its place.

    The values are read by the rules of the intake; the empty text clears an optional field. An address of the
    correction is the office's: deliveries do not replace it. Whether it is free is `address_conflict`'s question.
    """
    if registration.state != "released" and is_about_names(correction) and _needs_spelling(registration, rules):
        return _with_spelling(registration, correction, rules)
    if registration.state != "released":
        return OrderOutcome(
            "not-issued-yet", f"got a registration that is {registration.state}, expected one that was released"
        )
    changes = changes_of(correction)
    record = read_changes(registration.record, {name: text for name, text in changes.items() if name != "email"}, rules)
    if not isinstance(record, list):
        record = _unwritable(record, changes, rules) or record
    problems = record if isinstance(record, list) else _period_problems(record.valid_from, rules.programme, cycle)
    address = registration.office_email
    if "email" in changes:
        read = read_changes(registration.record, {"email": changes["email"]}, rules)
        if isinstance(read, list):
            problems = [*problems, *read]
        elif read.email is None:
            problems = [*problems, FieldProblem("email", None, "an address: a badge has one")]
        elif same_address_key(read.email) != registration.address_key:
            address = read.email
    if not isinstance(record, list) and address is None and record.email is None:
        problems = [*problems, FieldProblem("email", None, "an address: a badge has one")]
    if isinstance(record, list) or problems:
        return OrderOutcome("not-valid", "; ".join(map(_publishable, problems)))
    after = replace(
        registration,
        record=record,
        office_email=address,
        confirmed_at=decided_at if address != registration.office_email else registration.confirmed_at,
        version=registration.version + 1,
    )
    if changes and replace(after, version=registration.version) == registration:
        return OrderOutcome("changes-nothing", "got what stands already, expected a field that differs")
    return after


def _with_spelling(registration: Registration, correction: Correction, rules: Rules) -> Registration | OrderOutcome:
    """The name of one that is not released yet, as the certificate is to have it: its record stays as upstream's."""
    changes = changes_of(correction)
    read = read_changes(registration.record, changes, rules)
    problems = read if isinstance(read, list) else _unwritable(read, changes, rules)
    if isinstance(read, list) or problems:
        return OrderOutcome("not-valid", "; ".join(map(_publishable, problems)))
    after = replace(
        registration,
        spelling=agreed_spelling(
            registration.record, registration.spelling, {field: getattr(read, field) for field in changes}
        ),
    )
    if after.written == registration.written:
        return OrderOutcome("changes-nothing", "got what stands already, expected a field that differs")
    return after


def _needs_spelling(registration: Registration, rules: Rules) -> bool:
    """Whether its name can't be written as upstream has it. Every other name is upstream's until the issue."""
    record = registration.record
    return bool(missing_characters(record, rules.missing_glyphs) or look_alikes(record))


def _unwritable(record: UpstreamRecord, changes: Mapping[str, str], rules: Rules) -> list[FieldProblem]:
    """What of the changed fields can't be written so: look-alikes, and characters that no font has."""
    missing = missing_characters(record, rules.missing_glyphs)
    return [_confused(each) for each in look_alikes(record) if each.field in changes] + [
        FieldProblem(field, None, f"characters that the certificate's fonts hold; there is no glyph for {found}")
        for field in NAMES
        if field in changes and (found := ", ".join(missing.get(field, ())))
    ]


def number_conflict(after: Registration, uses: Sequence[NumberUse]) -> OrderOutcome | None:
    """Why not, if another has a number of the corrected registration. `uses`: all with one of its numbers."""
    record = after.record
    own = NumberUse(
        after.id,
        record.person_id,
        record.qualification,
        number_key(record.registration_number),
        number_key(record.pass_number),
        record.valid_from,
        None,
    )
    same = duplicate(after.id, numbers_of([*(use for use in uses if use.registration_id != after.id), own]))
    if same is None:
        return None
    return OrderOutcome(
        "number-taken", f"{same.field}: got that of registration {same.registration_id}, expected one of its own"
    )


def address_conflict(after: Registration, uses: Sequence[AddressUse]) -> OrderOutcome | None:
    """Why not, if another person has the corrected registration's address too. `uses`: all uses of that address."""
    others = sorted(use.registration_id for use in uses if use.person_id != after.record.person_id)
    if not others:
        return None
    return OrderOutcome(
        "address-taken", f"email: got the address of registration {others[0]}, expected the person's own"
    )


def cohort_of(registration: Registration) -> str:
    """The 年度 that a released registration belongs to."""
    return str(registration.record.valid_from.year)


def _period_problems(valid_from: date, programme: Programme, cycle: CohortCycle) -> list[FieldProblem]:
    """A period begins with its cohort, and no badge is issued for a future cohort."""
    begins_on = programme.cohort_begins_on(str(valid_from.year))
    if valid_from != begins_on:
        return [FieldProblem("valid_from", str(valid_from), f"the first day of a cohort, as {begins_on}")]
    if valid_from > cycle.begins_on:
        return [FieldProblem("valid_from", str(valid_from), f"a day not after {cycle.begins_on}")]
    return []


def _confused(look_alike: LookAlike) -> FieldProblem:
    meant = described(look_alike.meant) if look_alike.meant else "the character that it looks like"
    return FieldProblem(look_alike.field, None, f"{meant}, found {described(look_alike.found)}")


def _publishable(problem: FieldProblem) -> str:
    if problem.field in PUBLISHABLE and problem.got is not None:
        return f"{problem.field}: got {problem.got}, expected {problem.expected}"
    return f"{problem.field}: expected {problem.expected}"
