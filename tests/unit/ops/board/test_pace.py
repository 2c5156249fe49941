from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.pace import WINDOW, Sample, kept, pace_of

NOON = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


def sample(seconds: float, issued: int) -> Sample:
    return Sample(NOON + timedelta(seconds=seconds), {"issued": issued})


def test_the_rate_is_the_mean_of_the_window_and_tells_when_the_last_is_expected() -> None:
    found = pace_of([sample(0, 100), sample(60, 160), sample(120, 300)], {"issued": 500})["issued"]
    assert found.per_minute == 100.0 and found.expected_at == NOON + timedelta(minutes=7)


def test_where_nobody_moves_or_all_have_come_no_end_is_told() -> None:
    assert pace_of([sample(0, 5), sample(60, 5)], {"issued": 10})["issued"].expected_at is None
    assert pace_of([sample(0, 5), sample(60, 9)], {"issued": 0})["issued"].expected_at is None


def test_a_cohort_that_was_undone_has_no_rate_below_nought() -> None:
    assert pace_of([sample(0, 500), sample(60, 0)], {"issued": 500})["issued"].per_minute == 0.0


def test_a_few_seconds_tell_nothing() -> None:
    assert pace_of([sample(0, 0), sample(10, 10)], {"issued": 1}) == {} == pace_of([sample(0, 0)], {"issued": 1})


def test_what_a_clock_that_was_ahead_wrote_is_dropped() -> None:
    assert kept([sample(0, 1), sample(9000, 2)], NOON + timedelta(seconds=5)) == [sample(0, 1)]


@given(st.lists(st.integers(0, 3000), max_size=30).map(sorted))
def test_the_window_and_the_last_sample_before_it_are_kept_in_order(seconds: list[int]) -> None:
    now = NOON + timedelta(seconds=3000)
    samples = [sample(each, 0) for each in seconds]
    found = kept(samples, now)
    assert found == samples[len(samples) - len(found) :]
    assert sum(each.at <= now - WINDOW for each in found) <= 1
    assert [each for each in samples if each.at > now - WINDOW] == [each for each in found if each.at > now - WINDOW]
