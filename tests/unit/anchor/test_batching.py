from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from services.anchor.batching import BatchRules, close, is_due
from shared.clock import JST
from shared.merkle import merkle_tree

NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)  # noon in Japan
RULES = BatchRules(size=10, age=timedelta(minutes=5))
NIGHTLY = BatchRules(size=1000, age=timedelta(days=9), daily_at=time(2, 0))


def test_no_batch_without_a_leaf() -> None:
    assert not is_due(0, None, NOW, RULES)


def test_a_full_batch_does_not_wait_for_its_age() -> None:
    assert is_due(10, NOW, NOW, RULES)
    assert not is_due(9, NOW, NOW, RULES)


def test_a_lonely_leaf_is_not_left_waiting() -> None:
    assert is_due(1, NOW - RULES.age, NOW, RULES)
    assert not is_due(1, NOW - RULES.age + timedelta(seconds=1), NOW, RULES)


def test_the_nightly_batch_closes_at_two_in_japan_not_in_utc() -> None:
    evening = datetime(2026, 4, 1, 22, 0, tzinfo=JST)
    assert not is_due(1, evening, datetime(2026, 4, 2, 1, 59, tzinfo=JST), NIGHTLY)
    assert is_due(1, evening, datetime(2026, 4, 2, 2, 0, tzinfo=JST), NIGHTLY)
    assert is_due(1, evening, datetime(2026, 4, 1, 17, 0, tzinfo=UTC), NIGHTLY)


def test_a_leaf_that_came_after_the_nightly_batch_waits_for_the_next() -> None:
    came = datetime(2026, 4, 2, 2, 1, tzinfo=JST)
    assert not is_due(1, came, datetime(2026, 4, 2, 23, 59, tzinfo=JST), NIGHTLY)
    assert is_due(1, came, datetime(2026, 4, 3, 2, 0, tzinfo=JST), NIGHTLY)


@given(st.integers(1, 2000), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_is_due_stays_due(count: int, waited: int, more: int) -> None:
    oldest = NOW - timedelta(seconds=waited)
    for rules in (RULES, NIGHTLY):
        if is_due(count, oldest, NOW, rules):
            assert is_due(count + 1, oldest, NOW + timedelta(seconds=more), rules)


def test_a_batch_has_the_root_of_its_tree_and_the_trees_order() -> None:
    leaves = [sha256(bytes([number])).digest() for number in range(7)]
    batch = close(leaves)
    assert batch == close(leaves[::-1])
    assert (batch.root, batch.leaves) == (merkle_tree(leaves).root, tuple(sorted(leaves)))
