"""Gas, fees, and what anchoring costs. Pure. Amounts in wei unless a name says otherwise.

Source of the fee rules: EIP-1559; nodes accept a replacement transaction that offers at least 10 % more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.anchor.domain.batching import BatchRules, closes_at
from shared.chain.networks import GWEI
from shared.credentials.merkle import longest_path

ETHER = 10**18

ROOT_GAS = 52_000
"""Units of gas that anchoring one root takes at most, whatever the batch's size."""

MIGRATED_ROOT_GAS = 25_500
"""Units of gas for one of many roots in `anchorMany`: measured at 24 800, with a margin."""

MIGRATION_CALL_GAS = 30_000
"""Units of gas for an `anchorMany` transaction itself."""

LOW_BALANCE_ROOTS = 30
"""The alarm: the balance pays for fewer roots than this at the highest fee, a month of nightly batches."""


@dataclass(frozen=True)
class GasPrice:
    """What gas costs now: the base fee of the newest block, and the tip that the node suggests."""

    base: int
    tip: int


@dataclass(frozen=True)
class Fee:
    """What we offer for a unit of gas (EIP-1559): `most` in all, of it `tip` for the block's producer."""

    most: int
    tip: int


@dataclass(frozen=True)
class FeeRules:
    cap: int  # wei per gas; never offered more
    stuck_after: timedelta  # without a block for this long: offer more


@dataclass(frozen=True)
class Cost:
    """What transactions cost at the current base fee and tip, and at the highest fee that is ever offered."""

    gas: int
    now: int
    most: int


@dataclass(frozen=True)
class NetworkForecast:
    """The next batch on one network. Without an answer of the network all is None, and `away` says why."""

    network: str
    cost: Cost | None
    final_in: timedelta | None  # after the batch is closed, if the next blocks take as long as the last
    balance: int | None
    away: str


@dataclass(frozen=True)
class Forecast:
    """The next batch: its size, and what it costs on each network that takes new roots."""

    leaves: int
    depth: int  # of the tree: the number of steps in a proof
    closes_at: datetime | None  # None without leaves
    networks: tuple[NetworkForecast, ...]


def fee_for(price: GasPrice, cap: int) -> Fee | None:
    """An offer that outlives five full blocks (each raises the base fee by an eighth). None with gas above the cap."""
    if price.base + price.tip > cap:
        return None
    return Fee(min(2 * price.base + price.tip, cap), price.tip)


def bumped(fee: Fee, price: GasPrice, cap: int) -> Fee | None:
    """The next offer for the same nonce: 12.5 % more, or the current price's offer if higher. None above the cap."""
    most = max(_eighth_more(fee.most), 2 * price.base + price.tip)
    tip = max(_eighth_more(fee.tip), price.tip)
    if most > cap:
        most = _eighth_more(fee.most)
    return Fee(most, min(tip, most)) if most <= cap else None


def cost_of(gas: int, price: GasPrice, max_fee_gwei: int) -> Cost:
    return Cost(gas, gas * (price.base + price.tip), gas * max_fee_gwei * GWEI)


def roots_paid_for(balance: int, max_fee_gwei: int) -> int:
    """The number of roots that a balance pays for at the highest fee."""
    return balance // (ROOT_GAS * max_fee_gwei * GWEI)


def batches_of(leaves: int, rules: BatchRules) -> int:
    """The fewest batches that so many leaves fill. Those that are closed by their age make them more."""
    return -(-leaves // rules.size)


def migration_gas(roots: int) -> int:
    """Units of gas for one `anchorMany` of that many roots, at most."""
    return MIGRATION_CALL_GAS + MIGRATED_ROOT_GAS * roots


def chunked(roots: Sequence[bytes], most_gas: int) -> tuple[tuple[bytes, ...], ...]:
    """The roots in order, in as few transactions as `most_gas` for each allows; at least one root in each."""
    size = max((most_gas - MIGRATION_CALL_GAS) // MIGRATED_ROOT_GAS, 1)
    return tuple(tuple(roots[at : at + size]) for at in range(0, len(roots), size))


def forecast(
    waiting: int,
    oldest_at: datetime | None,
    asked: int | None,
    networks: Sequence[NetworkForecast],
    now: datetime,
    rules: BatchRules,
) -> Forecast:
    """The next batch of the leaves that wait (the oldest since `oldest_at`), or of the number `asked` for."""
    count = min(waiting, rules.size) if asked is None else asked
    oldest = oldest_at if asked is None else now
    return Forecast(
        leaves=count,
        depth=longest_path(count),
        closes_at=closes_at(oldest, now, rules) if count and oldest else None,
        networks=tuple(networks),
    )


def _eighth_more(wei: int) -> int:
    return wei + (wei + 7) // 8
