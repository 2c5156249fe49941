"""Which days a record may name (`domain/days.py`), at the door and by a correction."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.cohort import cycle_of, notify_from
from services.registration.domain.days import faults_of_days
from services.registration.domain.record import FieldProblem, UpstreamRecord, read_changes, read_record
from shared.clock import japan_midnight
from shared.programme import Bounds
from tests.worlds.records import fields, programme, record, rules

BOUNDS = Bounds()
DAYS = ("birth_date", "completed_on", "valid_from", "valid_until")


def refused(**changes: object) -> list[str]:
    problems = read_record(fields(**changes), rules())
    return [problem.field for problem in problems] if isinstance(problems, list) else []


@pytest.mark.parametrize(
    "day",
    (
        *("1899-12-30", "1899-12-31", "1900-01-01", "1904-01-01", "1969-12-31", "1980-02-28", "2062-02-01"),
        *("2030-04-01", "2099-01-09", "2200-01-01", "9999-12-31"),
    ),
)
def test_a_completion_that_can_not_be_is_refused_on_its_field(day: str) -> None:
    assert refused(completed_on=day, birth_date="1980-02-29") == ["completed_on"]


@pytest.mark.parametrize("day", ["1970-01-01", "2026-01-31", "2026-04-01", "2030-03-31", None])
def test_a_completion_from_the_programmes_first_day_to_the_periods_last_is_taken(day: str | None) -> None:
    assert refused(completed_on=day, birth_date="1950-01-01") == []


@pytest.mark.parametrize("day", ["9999-12-31", "9998-12-31", "2200-03-31", "2100-01-01", "2036-04-02", "2026-03-31"])
def test_a_period_that_ends_too_late_or_too_early_is_refused_on_valid_until(day: str) -> None:
    assert "valid_until" in refused(valid_until=day)


@pytest.mark.parametrize("day", ["2026-03-31", "2026-04-02", "2025-12-01", "2011-04-02", "1905-03-31", "1900-01-01"])
def test_somebody_too_young_or_too_old_is_refused_on_birth_date(day: str) -> None:
    assert refused(birth_date=day) == ["birth_date"]


@pytest.mark.parametrize("day", ["2011-04-01", "1906-04-01", "2004-02-29"])
def test_somebody_of_an_age_that_can_be_is_taken(day: str) -> None:
    assert refused(birth_date=day) == []


@pytest.mark.parametrize(("field", "day"), [("valid_until", "9999-12-31"), ("valid_until", "2200-01-01")])
def test_a_correction_is_read_by_the_same_bounds(field: str, day: str) -> None:
    problems = read_changes(record(), {field: day}, rules())
    assert isinstance(problems, list) and [problem.field for problem in problems] == [field]


def test_what_an_earlier_release_took_is_no_fault_of_a_correction_of_something_else() -> None:
    old = record()
    known = UpstreamRecord(**{name: getattr(old, name) for name in old.__struct_fields__} | {"completed_on": date.max})
    changed = read_changes(known, {"given_name": "一郎"}, rules())
    assert isinstance(changed, UpstreamRecord) and changed.given_name == "一郎"
    again = read_changes(known, {"completed_on": "9998-01-01"}, rules())
    assert isinstance(again, list) and [problem.field for problem in again] == ["completed_on"]


@given(st.fixed_dictionaries({}, optional={name: st.dates() for name in DAYS}))
def test_any_days_are_taken_or_their_fields_are_named(days: dict[str, date]) -> None:
    assert faults_of_days(days, BOUNDS).keys() <= days.keys()


@given(st.fixed_dictionaries(dict.fromkeys(DAYS, st.dates(date(1900, 1, 1)))))
def test_of_days_that_are_taken_the_notice_can_be_reckoned(days: dict[str, date]) -> None:
    found = faults_of_days(days, BOUNDS)
    read = read_record(fields(**{name: day.isoformat() for name, day in days.items()}), rules())
    assert (isinstance(read, UpstreamRecord)) == (not found)
    if not found:
        assert days["birth_date"] <= days["completed_on"] <= days["valid_until"] + timedelta(0)
        cycle = cycle_of(programme(), str(days["valid_from"].year))
        assert notify_from(japan_midnight(days["completed_on"]), cycle) >= cycle.begins_at


def test_the_programme_decides_the_bounds() -> None:
    assert programme().bounds == Bounds()
    narrow = Bounds(first_day=date(2020, 1, 1), longest_years=1)
    days = {"completed_on": date(2019, 12, 31), "valid_from": date(2026, 4, 1), "valid_until": date(2030, 3, 31)}
    assert set(faults_of_days(days, narrow)) == {"completed_on", "valid_until"}
    assert faults_of_days(days, BOUNDS) == {}


def test_a_problem_says_what_was_got_and_what_was_expected() -> None:
    (problem,) = read_record(fields(completed_on="2062-02-01"), rules())  # type: ignore[misc]
    assert problem == FieldProblem("completed_on", "2062-02-01", "a day not after valid_until, 2030-03-31")
