from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shared.retry import (
    SKEW,
    due_at,
    due_by_name,
    due_halves_sql,
    first_due_sql,
    has_passed,
    is_due,
    is_due_sql,
    next_try,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HOUR = timedelta(hours=1)
MONTHS = st.timedeltas(min_value=timedelta(days=-100), max_value=timedelta(days=100))


@given(st.integers(1, 50), MONTHS)
def test_nothing_that_is_tried_again_waits_longer_than_its_longest_pause_whatever_the_clock_was(
    attempts: int, wrong: timedelta
) -> None:
    due = next_try(attempts, NOW + wrong, most=HOUR.total_seconds())
    assert is_due(due, NOW, HOUR) or due - NOW <= HOUR + SKEW


def test_a_pause_that_two_right_clocks_differ_about_is_kept() -> None:
    assert not is_due(NOW + HOUR + SKEW, NOW, HOUR)
    assert is_due(NOW + HOUR + SKEW + timedelta(microseconds=1), NOW, HOUR)
    assert is_due(NOW, NOW, HOUR)


@given(MONTHS)
def test_the_condition_in_sql_is_the_same(ahead: timedelta) -> None:
    not_after, after = due_at(NOW, HOUR)  # is_due_sql: column <= the first or column > the second
    assert is_due(NOW + ahead, NOW, HOUR) == (NOW + ahead <= not_after or NOW + ahead > after)


def test_the_halves_are_the_condition() -> None:
    one, other = due_halves_sql("next_try_at")
    by_name = is_due_sql("next_try_at").replace("%s", "%(now)s", 1).replace("%s", "%(ahead)s")
    assert by_name == f"({one} or {other})"


def test_the_first_that_are_due_are_the_first_of_both_halves() -> None:
    one, other = due_halves_sql("due_at")
    found = first_due_sql("select id from t where ready", "due_at", "9", order="kind, due_at")
    assert found == " union all ".join(
        f"(select id from t where ready and {half} order by kind, due_at limit 9)" for half in (one, other)
    )
    assert tuple(due_by_name(NOW, HOUR).values()) == due_at(NOW, HOUR)


def test_a_wait_that_began_in_the_future_has_passed() -> None:
    assert has_passed(HOUR, NOW + timedelta(days=40), NOW)
    assert has_passed(HOUR, NOW - HOUR, NOW)
    assert not has_passed(HOUR, NOW - HOUR / 2, NOW)
    assert not has_passed(HOUR, NOW + SKEW, NOW)
    assert not has_passed(timedelta(seconds=2), NOW + SKEW, NOW)


def test_no_service_compares_a_due_time_with_now_by_itself() -> None:
    own = re.compile(r"(next_try_at|due_since)\s*(<|>)=?\s*(%|now)")
    found = {
        f"{path}:{number}"
        for path in Path("services").rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if own.search(line) and not line.startswith("_WAITED = ")  # mailer: until the day of the notice, however far
    }
    assert found == set()
