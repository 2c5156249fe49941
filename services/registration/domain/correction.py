"""What the office corrects of a registration whose badge is issued: read like an upstream record, one version on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.registration.domain.cohort import AddressUse, Cycle
from services.registration.domain.intake import Standing
from services.registration.domain.registration import PUBLISHABLE, Problem, Rules, read_changes
from shared.addresses import same_address_key
from shared.events import Correction
from shared.programme import Programme


@dataclass(frozen=True)
class Outcome:
    """What became of a decision: "done", or the word for why not with what was expected. Nothing personal in either."""

    outcome: str
    detail: str | None = None


def changes_of(correction: Correction) -> Mapping[str, str]:
    """The fields that the office gave, as texts; none of them: the badge is to be issued once more as it is."""
    given = {name: getattr(correction, name) for name in correction.__struct_fields__}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in given.items()
        if value is not None
    }


def corrected(
    standing: Standing, correction: Correction, decided_at: datetime, rules: Rules, cycle: Cycle
) -> Standing | Outcome:
    """The registration as corrected, one version on.

    What is given is read by the rules of the intake; the empty text takes an optional field away. An address of the
    correction is the office's: it stands whatever upstream delivers. Whether somebody else has it is `taken_by`'s.
    """
    if standing.state != "released":
        return Outcome("not-issued-yet", f"got a registration that is {standing.state}, expected one with a badge")
    changes = changes_of(correction)
    record = read_changes(standing.record, {name: text for name, text in changes.items() if name != "email"}, rules)
    problems = record if isinstance(record, list) else _period_problems(record.valid_from, rules.programme, cycle)
    address = standing.office_email
    if "email" in changes:
        read = read_changes(standing.record, {"email": changes["email"]}, rules)
        if isinstance(read, list):
            problems = [*problems, *read]
        elif read.email is None:
            problems = [*problems, Problem("email", None, "an address: a badge has one")]
        elif same_address_key(read.email) != standing.address_key:
            address = read.email
    if isinstance(record, list) or problems:
        return Outcome("not-valid", "; ".join(map(_told, problems)))
    after = replace(
        standing,
        record=record,
        office_email=address,
        confirmed_at=decided_at if address != standing.office_email else standing.confirmed_at,
        version=standing.version + 1,
    )
    if changes and replace(after, version=standing.version) == standing:
        return Outcome("changes-nothing", "got what stands already, expected a field that differs")
    return after


def taken_by(after: Standing, uses: Sequence[AddressUse]) -> Outcome | None:
    """Why not, when the address of a corrected registration is another person's too; `uses` are all of the address."""
    others = sorted(use.registration_id for use in uses if use.person_id != after.record.person_id)
    if not others:
        return None
    return Outcome("address-taken", f"email: got the address of registration {others[0]}, expected the person's own")


def cohort_of(standing: Standing) -> str:
    """The 年度 that a released registration belongs to."""
    return str(standing.record.valid_from.year)


def _period_problems(valid_from: date, programme: Programme, cycle: Cycle) -> list[Problem]:
    """A period begins with its cohort, and no badge is issued for a cohort to come."""
    begins_on = programme.cohort_begins_on(str(valid_from.year))
    if valid_from != begins_on:
        return [Problem("valid_from", str(valid_from), f"the first day of a cohort, as {begins_on}")]
    if valid_from > cycle.begins_on:
        return [Problem("valid_from", str(valid_from), f"a day not after {cycle.begins_on}")]
    return []


def _told(problem: Problem) -> str:
    if problem.field in PUBLISHABLE and problem.got is not None:
        return f"{problem.field}: got {problem.got}, expected {problem.expected}"
    return f"{problem.field}: expected {problem.expected}"
