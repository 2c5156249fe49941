"""What the records of one person must agree in (`domain/facts.py`), and how a registration is judged by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.registration.domain.cohort import Candidate, cycle_of, judge
from services.registration.domain.facts import Contradiction, PersonRecord, contradiction, facts_of
from tests.worlds.records import programme

TODAY = date(2026, 4, 1)
CYCLE = cycle_of(programme(), "2026")
ONE = PersonRecord("R1", "P", "骨材", "太郎", date(1980, 2, 29), date(2026, 4, 1), None)
TWO = replace(ONE, registration_id="R2")
ISSUED = datetime(2026, 4, 1, tzinfo=UTC)


def found(one: PersonRecord, *others: PersonRecord) -> Contradiction | None:
    return contradiction(one.registration_id, one.person_id, None, facts_of([one, *others], {}, TODAY))


@pytest.mark.parametrize("born", [date(1980, 2, 28), date(1992, 8, 2), date(1980, 12, 29)])
def test_one_person_has_one_birth_date(born: date) -> None:
    other = replace(TWO, birth_date=born)
    assert found(ONE, other) == Contradiction("birth-date-differs", "R2")
    assert found(other, ONE) == Contradiction("birth-date-differs", "R1")
    assert found(ONE, replace(TWO, birth_date=None)) is None  # not known since a restore


@pytest.mark.parametrize("names", [("骨材", "花子"), ("砂利", "太郎"), ("砂利", "花子"), ("太郎", "骨材")])
def test_one_person_has_one_name_in_a_cycle(names: tuple[str, str]) -> None:
    other = replace(TWO, family_name=names[0], given_name=names[1])
    assert found(ONE, other) == Contradiction("name-differs", "R2")
    assert found(other, ONE) == Contradiction("name-differs", "R1")


@pytest.mark.parametrize(
    "names", [("骨材", "太郎"), ("骨 材", "太　郎"), ("骨材\U000e0100", "太郎"), ("骨材", "太郎\ufe00")]
)
def test_the_same_name_written_otherwise_is_the_same(names: tuple[str, str]) -> None:
    assert found(ONE, replace(TWO, family_name=names[0], given_name=names[1])) is None
    latin = replace(ONE, family_name="Müller", given_name="ＪＯＨＮ")
    assert found(latin, replace(latin, registration_id="R2", family_name="MÜLLER", given_name="John")) is None


def test_a_family_name_may_change_from_one_period_to_the_next_and_a_given_name_not() -> None:
    former = replace(TWO, valid_from=date(2022, 4, 1), released_at=ISSUED)
    assert found(ONE, replace(former, family_name="砂利")) is None
    assert found(ONE, replace(former, given_name="花子")) == Contradiction("name-differs", "R2")


def test_the_record_with_a_badge_is_named_first() -> None:
    others = [replace(ONE, registration_id=f"R{n}", given_name="花子") for n in (2, 3, 4)]
    others[1] = replace(others[1], released_at=ISSUED)
    assert found(ONE, *others) == Contradiction("name-differs", "R3")


@pytest.mark.parametrize(
    ("owner", "expected"), [("P", None), (None, None), ("Q", Contradiction("renews-another", "R0"))]
)
def test_a_registration_renews_one_of_the_same_person(owner: str | None, expected: Contradiction | None) -> None:
    known = facts_of([ONE], {"R0": owner} if owner else {}, TODAY)
    assert contradiction("R1", "P", "R0", known) == expected


def candidate(**changes: object) -> Candidate:
    usual = Candidate("R1", "P", date(2026, 4, 1), date(2026, 2, 1), None, None, False)
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_a_contradiction_holds_until_the_office_confirms_the_record() -> None:
    known = facts_of([ONE, replace(TWO, given_name="花子")], {"R0": "Q"}, TODAY)
    (judged,) = judge([candidate()], [], CYCLE, known)
    assert (judged.reason, judged.first_registration_id) == ("name-differs", "R2")
    (judged,) = judge([candidate(previous_registration_id="R0")], [], CYCLE, known)
    assert (judged.reason, judged.first_registration_id) == ("renews-another", "R0")
    (judged,) = judge([candidate(facts_confirmed=True, previous_registration_id="R0")], [], CYCLE, known)
    assert judged.reason == "missing-address"


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2026, 4, 1), "missing-address"),
        (date(2026, 4, 2), "completes-later"),
        (date(2029, 1, 9), "completes-later"),
    ],
)
def test_a_completion_to_come_is_waited_for(day: date, reason: str) -> None:
    (judged,) = judge([candidate(completed_on=day)], [], CYCLE, facts_of([ONE], {}, TODAY))
    assert judged.reason == reason
