from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from services.anchor.domain.batching import BatchRules
from services.anchor.domain.costs import (
    MIGRATED_ROOT_GAS,
    MIGRATION_CALL_GAS,
    ROOT_GAS,
    Fee,
    GasPrice,
    bumped,
    chunked,
    cost_of,
    fee_for,
    forecast,
    migration_gas,
    roots_paid_for,
)

GWEI = 10**9
NOW = datetime(2026, 4, 1, tzinfo=UTC)
RULES = BatchRules(size=100, age=timedelta(hours=1))
WEI = st.integers(1, 10**12)


@given(WEI, WEI, WEI)
def test_a_fee_covers_the_current_price_and_stays_within_the_cap(base: int, tip: int, cap: int) -> None:
    fee = fee_for(GasPrice(base, tip), cap)
    assert (fee is None) == (base + tip > cap)
    if fee is not None:
        assert base + tip <= fee.most <= cap
        assert fee.tip <= fee.most


@given(WEI, WEI, WEI, WEI, st.integers(1, 10**13))
def test_a_bumped_fee_is_an_eighth_higher_and_stays_within_the_cap(
    most: int, tip: int, base: int, now: int, cap: int
) -> None:
    fee = Fee(max(most, tip), tip)
    more = bumped(fee, GasPrice(base, now), cap)
    if more is not None:
        assert more.most <= cap
        assert more.most * 8 >= fee.most * 9
        assert more.tip * 8 >= fee.tip * 9
        assert more.tip <= more.most


def test_a_cost_is_the_gas_at_the_current_price_and_at_the_cap() -> None:
    cost = cost_of(50_000, GasPrice(base=10 * GWEI, tip=GWEI), max_fee_gwei=100)
    assert (cost.gas, cost.now, cost.most) == (50_000, 50_000 * 11 * GWEI, 50_000 * 100 * GWEI)


def test_a_balance_pays_for_whole_roots_at_the_highest_fee() -> None:
    one = ROOT_GAS * 100 * GWEI
    assert [roots_paid_for(balance, 100) for balance in (0, one - 1, one, 3 * one)] == [0, 0, 1, 3]


def test_chunks_hold_all_roots_and_stay_within_the_gas_limit() -> None:
    roots = [sha256(str(number).encode()).digest() for number in range(401)]
    chunks = chunked(roots, 5_000_000)
    assert [root for chunk in chunks for root in chunk] == roots
    assert all(MIGRATION_CALL_GAS + MIGRATED_ROOT_GAS * len(chunk) <= 5_000_000 for chunk in chunks)
    assert chunked(roots[:2], 1) == ((roots[0],), (roots[1],))


def test_the_forecast_of_waiting_leaves_is_bounded_by_the_size_of_a_batch() -> None:
    found = forecast(250, NOW - timedelta(minutes=30), None, (), NOW, RULES)
    assert (found.leaves, found.depth, found.closes_at) == (100, 7, NOW + timedelta(minutes=30))


def test_the_forecast_of_a_given_number_waits_from_now_on() -> None:
    found = forecast(0, None, 20_000, (), NOW, RULES)
    assert (found.leaves, found.depth, found.closes_at) == (20_000, 15, NOW + RULES.age)


def test_the_forecast_without_leaves_closes_nothing() -> None:
    assert forecast(0, None, None, (), NOW, RULES).closes_at is None


def test_the_gas_of_a_migration_grows_with_its_roots() -> None:
    assert migration_gas(180) == MIGRATION_CALL_GAS + 180 * MIGRATED_ROOT_GAS
