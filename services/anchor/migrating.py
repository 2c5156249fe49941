"""The move of every root of the past to another network: `akashi anchor migrate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.anchor.chain import Chain, input_for
from services.anchor.domain.proving import Place
from services.anchor.store import Store
from shared.errors import TryLater

GAS_OF_ROOT = 25_500
"""Units of gas for one of many roots in `anchorMany`, measured at 24 800, and a little."""

GAS_OF_CALL = 30_000
"""Units of gas for the transaction itself."""


@dataclass(frozen=True)
class Plan:
    """What a migration has to do. `chunks`: the roots to send, so many by one transaction; `there`: known already."""

    chunks: tuple[tuple[bytes, ...], ...]
    there: tuple[bytes, ...]
    gas: int

    @property
    def roots(self) -> int:
        return sum(map(len, self.chunks))


def plan(store: Store, chain: Chain, place: Place, *, most_gas: int) -> Plan:
    """What is still to do for `place`, asked of the contract root by root. TryLater while the network is away."""
    with store.transaction() as tx:
        lacking = tx.roots_lacking(place)
    known = chain.known(lacking)
    chunks = chunked([root for root in lacking if root not in known], most_gas)
    return Plan(chunks, tuple(known), sum(_gas(chain, chunk) for chunk in chunks))


def begin(store: Store, place: Place, found: Plan) -> None:
    """Write the plan down: from then on every anchor process that knows the network carries it out.

    If we die before the commit, nothing was begun; after it, the next `migrate` finds these roots on their way.
    """
    with store.transaction() as tx:
        tx.become_writer(place.chain_id)
        lacking = set(tx.roots_lacking(place))  # another `migrate` may have been faster
        for chunk in (*found.chunks, *((root,) for root in found.there)):
            if left := [root for root in chunk if root in lacking]:
                tx.add_anchoring(place, left, many=True)


def chunked(roots: Sequence[bytes], most_gas: int) -> tuple[tuple[bytes, ...], ...]:
    """The roots in order, as few transactions as `most_gas` for each allows; one root at least in each."""
    size = max((most_gas - GAS_OF_CALL) // GAS_OF_ROOT, 1)
    return tuple(tuple(roots[at : at + size]) for at in range(0, len(roots), size))


def _gas(chain: Chain, chunk: tuple[bytes, ...]) -> int:
    """The node's estimate, or ours where it refuses: without money, it won't estimate."""
    try:
        return chain.gas_for(input_for(chunk, many=True))
    except TryLater:
        return GAS_OF_CALL + GAS_OF_ROOT * len(chunk)
