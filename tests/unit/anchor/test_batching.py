from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.anchor.domain.batching import BatchRules, close, closes_at, is_due, read_cron
from shared.clock import JST
from shared.credentials.merkle import merkle_tree

NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)  # noon in Japan
RULES = BatchRules(size=10, age=timedelta(minutes=5))
NIGHTLY = BatchRules(size=1000, age=timedelta(days=9), cron="0 2 * * *")


def test_without_a_leaf_nothing_is_due() -> None:
    assert not is_due(0, None, NOW, RULES)


def test_a_full_batch_is_due_before_its_age() -> None:
    assert is_due(10, NOW, NOW, RULES)
    assert not is_due(9, NOW, NOW, RULES)


def test_a_single_leaf_is_due_at_the_maximum_age() -> None:
    assert is_due(1, NOW - RULES.age, NOW, RULES)
    assert not is_due(1, NOW - RULES.age + timedelta(seconds=1), NOW, RULES)


def test_a_leaf_that_waits_since_a_moment_in_the_future_is_due() -> None:
    assert is_due(1, NOW + timedelta(days=40), NOW, RULES)
    assert is_due(1, NOW + timedelta(days=40), NOW, NIGHTLY)


def test_the_nightly_batch_closes_at_two_in_japan_not_in_utc() -> None:
    evening = datetime(2026, 4, 1, 22, 0, tzinfo=JST)
    assert not is_due(1, evening, datetime(2026, 4, 2, 1, 59, tzinfo=JST), NIGHTLY)
    assert is_due(1, evening, datetime(2026, 4, 2, 2, 0, tzinfo=JST), NIGHTLY)
    assert is_due(1, evening, datetime(2026, 4, 1, 17, 0, tzinfo=UTC), NIGHTLY)


def test_a_leaf_that_came_after_the_nightly_batch_waits_for_the_next() -> None:
    came = datetime(2026, 4, 2, 2, 1, tzinfo=JST)
    assert not is_due(1, came, datetime(2026, 4, 2, 23, 59, tzinfo=JST), NIGHTLY)
    assert is_due(1, came, datetime(2026, 4, 3, 2, 0, tzinfo=JST), NIGHTLY)


def test_a_time_missed_while_nothing_ran_is_caught_up_once() -> None:
    """Down from the evening of the 1st to the morning of the 5th: one batch then, not four."""
    came, back = datetime(2026, 4, 1, 22, 0, tzinfo=JST), datetime(2026, 4, 5, 9, 0, tzinfo=JST)
    assert is_due(1, came, back, NIGHTLY)
    later = datetime(2026, 4, 5, 9, 1, tzinfo=JST)
    assert not is_due(1, back, later, NIGHTLY)


def test_without_leaves_nothing_is_due_at_night() -> None:
    assert not is_due(0, None, datetime(2026, 4, 2, 2, 0, tzinfo=JST), NIGHTLY)


def test_a_leaf_is_due_at_the_exact_second_and_not_before() -> None:
    evening = datetime(2026, 4, 1, 22, 0, tzinfo=JST)
    at = datetime(2026, 4, 2, 2, 0, tzinfo=JST)
    assert not is_due(1, evening, at - timedelta(microseconds=1), NIGHTLY)
    assert is_due(1, evening, at, NIGHTLY)
    assert is_due(1, at - timedelta(microseconds=1), at + timedelta(microseconds=1), NIGHTLY)


def test_a_weekday_expression_means_weekdays_in_japan() -> None:
    weekdays = BatchRules(size=1000, age=timedelta(days=9), cron="30 1 * * 1-5")
    friday_evening = datetime(2026, 4, 3, 20, 0, tzinfo=JST)
    assert not is_due(1, friday_evening, datetime(2026, 4, 6, 1, 29, tzinfo=JST), weekdays)
    assert is_due(1, friday_evening, datetime(2026, 4, 6, 1, 30, tzinfo=JST), weekdays)


def test_the_expected_close_is_the_next_night_or_the_age_whichever_is_first() -> None:
    evening = datetime(2026, 4, 1, 22, 0, tzinfo=JST)
    assert closes_at(evening, evening, NIGHTLY) == datetime(2026, 4, 2, 2, 0, tzinfo=JST)
    assert closes_at(evening, evening, BatchRules(9, timedelta(hours=1), "0 2 * * *")) == evening + timedelta(hours=1)
    assert closes_at(evening, evening + timedelta(days=1), NIGHTLY) == evening + timedelta(days=1)


@pytest.mark.parametrize("text", ["", "noon", "0 2 * *", "0 2 * * * *", "61 2 * * *", "@daily", "0 0 30 2 *"])
def test_a_text_other_than_a_cron_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_cron(text)


@given(st.integers(1, 2000), st.integers(0, 10**6), st.integers(0, 10**6))
def test_leaves_that_are_due_stay_due(count: int, waited: int, more: int) -> None:
    oldest = NOW - timedelta(seconds=waited)
    for rules in (RULES, NIGHTLY):
        if is_due(count, oldest, NOW, rules):
            assert is_due(count + 1, oldest, NOW + timedelta(seconds=more), rules)


def test_a_batch_has_the_root_of_its_tree_and_the_trees_order() -> None:
    leaves = [sha256(bytes([number])).digest() for number in range(7)]
    batch = close(leaves)
    assert batch == close(leaves[::-1])
    assert (batch.root, batch.leaves) == (merkle_tree(leaves).root, tuple(sorted(leaves)))
