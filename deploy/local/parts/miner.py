"""Pauses mining while the local chain is idle: a block a second while a transaction is not final, none otherwise.

An idle chain that kept mining would grow its state by 6 MB an hour, and anvil writes all of it each second.
"""

from __future__ import annotations

from deploy.local.environment import Place
from deploy.local.parts.chain import rpc
from shared.errors import TryLater

_IDLE_BLOCKS = 10  # empty blocks after which everything is final: finality is four blocks deep here


class Miner:
    """Checks the chain once a second. Its state is derived from the chain again after a restart of either."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._paused_at: int | None = None  # number of the last block before the pause
        self._busy = 0  # number of the newest block seen with a transaction

    def look(self) -> None:
        """Pause after ten empty blocks; resume for a pending transaction. No-op while the chain is unreachable."""
        try:
            if self._paused_at is None:
                self._pause_if_idle()
            elif int(rpc(self._place, "txpool_status")["pending"], 16) or self._number() != self._paused_at:
                rpc(self._place, "evm_setIntervalMining", 1)  # first: without an answer it is asked for again
                self._paused_at = None  # or anvil was restarted: it starts with a block a second
        except TryLater:
            return

    def _pause_if_idle(self) -> None:
        block = rpc(self._place, "eth_getBlockByNumber", "latest", False)
        number = int(block["number"], 16)
        if block["transactions"] or number < self._busy or not self._busy:
            self._busy = number
        elif number - self._busy > _IDLE_BLOCKS and not self._saw_too_late(number):
            rpc(self._place, "evm_setIntervalMining", 0)
            self._paused_at = number  # a block mined in between, perhaps with a transaction, ends the pause
            self._busy = 0

    def _saw_too_late(self, newest: int) -> bool:
        """Whether one of the last blocks has a transaction: on a busy machine several are mined between two looks."""
        for number in range(newest - 1, newest - 1 - _IDLE_BLOCKS, -1):
            if number > 0 and rpc(self._place, "eth_getBlockByNumber", hex(number), False)["transactions"]:
                self._busy = number
                return True
        return False

    def _number(self) -> int:
        return int(rpc(self._place, "eth_blockNumber"), 16)
