from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import JST, clock_from, japan_date, japan_midnight, system_clock
from shared.retry import next_try


def test_a_given_moment_is_shown_now_and_goes_on() -> None:
    clock = clock_from("2027-04-01T00:00:00+09:00")
    first = clock()
    assert first - datetime(2027, 4, 1, tzinfo=JST) < timedelta(seconds=5)
    assert clock() >= first


def test_two_processes_started_apart_show_the_same_time() -> None:
    setting = f"2027-04-01T00:00:00+09:00@{(system_clock() - timedelta(hours=2)).isoformat()}"
    one, other = clock_from(setting), clock_from(setting)
    assert abs(one() - other()) < timedelta(seconds=1)
    assert one() - datetime(2027, 4, 1, 2, tzinfo=JST) < timedelta(seconds=5)


@pytest.mark.parametrize("setting", ["tomorrow", "2027-04-01T00:00:00", "2027-04-01T00:00:00+09:00@soon"])
def test_a_time_without_zone_or_no_time_is_refused(setting: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        clock_from(setting)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 24 * 3600 - 1))
def test_a_japan_day_lasts_from_15_hours_utc_of_the_day_before(day: date, second: int) -> None:
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9) + timedelta(seconds=second)
    assert japan_date(moment) == day
    assert japan_midnight(day) <= moment < japan_midnight(day) + timedelta(days=1)


@given(st.integers(1, 10_000))
def test_waiting_grows_and_is_bounded(attempts: int) -> None:
    now = system_clock()
    assert now + timedelta(seconds=1) <= next_try(attempts, now) <= next_try(attempts + 1, now)
    assert next_try(attempts, now) <= now + timedelta(seconds=300)
