"""Blocks when they are needed: one a second while something is on its way to finality, none while nothing is.

An idle chain that mined on would write a larger state to disk each second: 6 MB more each hour, written whole.
"""

from __future__ import annotations

from deploy.local.chain import rpc
from deploy.local.environment import Place
from shared.errors import TryLater

_QUIET_BLOCKS = 10  # empty ones after which everything is final: anvil's finality is four blocks deep here


class Miner:
    """Looks at the chain once a second. What it forgets when either dies, it finds out again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._resting_at: int | None = None  # the number of the last block before the rest
        self._busy = 0  # the newest block with a transaction that was seen

    def look(self) -> None:
        """Rest after ten empty blocks; mine again when a transaction waits. A chain that is away is let be."""
        try:
            if self._resting_at is None:
                self._rest_if_quiet()
            elif int(rpc(self._place, "txpool_status")["pending"], 16) or self._number() != self._resting_at:
                self._resting_at = None  # or it was restarted: anvil starts with a block a second
                rpc(self._place, "evm_setIntervalMining", 1)
        except TryLater:
            return

    def _rest_if_quiet(self) -> None:
        block = rpc(self._place, "eth_getBlockByNumber", "latest", False)
        number = int(block["number"], 16)
        if block["transactions"] or number < self._busy or not self._busy:
            self._busy = number
        elif number - self._busy > _QUIET_BLOCKS:
            rpc(self._place, "evm_setIntervalMining", 0)
            self._resting_at = number  # a block that came meanwhile, perhaps with a transaction, ends the rest at once
            self._busy = 0

    def _number(self) -> int:
        return int(rpc(self._place, "eth_blockNumber"), 16)
