"""Validation of an assertion before it is signed: `shared/soundness.py`, as registration does, and our own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.issuer.domain.issuance import Assertion
from shared.credentials.credential import DoNotSign
from shared.credentials.status_list import LENGTH
from shared.object_keys import is_assertion_id, is_edition
from shared.programme import Programme
from shared.soundness import day_fault, mailed_address_fault, name_fault, number_fault, period_fault


class Unsound(DoNotSign):
    """`field` of an assertion is not as `expected`: correct it. Nothing personal."""

    def __init__(self, field: str, got: str, expected: str) -> None:
        super().__init__(f"{field}: got {got}, expected {expected}")
        self.field, self.got, self.expected = field, got, expected


def refuse_unsound(assertion: Assertion, programme: Programme) -> None:
    """Unsound for the first invalid field of an assertion: field, got, expected. The text holds no personal data."""
    for problem in _problems(assertion, programme):
        raise Unsound(*problem)


def _problems(assertion: Assertion, programme: Programme) -> Iterator[tuple[str, str, str]]:
    """Field, got, expected."""
    award, holder, status = assertion.award, assertion.holder, assertion.status
    if award.qualification not in programme.qualifications:
        yield "qualification", repr(award.qualification), f"one of {', '.join(programme.qualifications)}"
    faults = (
        ("valid_from", day_fault(award.valid_from, programme.bounds)),
        ("valid_until", period_fault(award.valid_from, award.valid_until, programme.bounds)),
        ("family_name", name_fault(holder.family_name)),
        ("given_name", name_fault(holder.given_name)),
        ("pass_number", number_fault(award.pass_number)),
        ("registration_number", number_fault(award.registration_number)),
        ("registration_id", number_fault(award.registration_id)),
        ("email", mailed_address_fault(holder.email)),
    )
    for field, fault in faults:
        if fault is not None:
            yield field, fault.got, fault.expected
    if not is_edition(assertion.edition):
        yield "edition", repr(assertion.edition), "a year, or a year and a number: 2026, 2026-2"
    if status.number < 1:
        yield "status.number", str(status.number), "the number of a status list, from 1"
    if not 0 <= status.index < LENGTH:
        yield "status.index", str(status.index), f"a bit from 0 to {LENGTH - 1}"
    if assertion.version < 1:
        yield "version", str(assertion.version), "a number from 1"
    if assertion.issued_at.tzinfo is None:
        yield "issued_at", "a time without offset", "an aware one"
    for field, id in (
        ("assertion_id", assertion.assertion_id),
        ("replaces", assertion.replaces),
        ("corrects", assertion.corrects),
    ):
        if id is not None and not is_assertion_id(id):
            yield field, repr(id[:40]), "26 characters A-Z, 2-7"
    if assertion.assertion_id in (assertion.replaces, assertion.corrects):
        yield "replaces, corrects", "the assertion's own id", "another's"
