"""When the local chain mines and when it pauses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.local.environment import Place
from deploy.local.parts import miner
from deploy.local.parts.miner import Miner
from shared.errors import TryLater


class Chain:
    """Blocks as anvil makes them, each with how many transactions it holds."""

    def __init__(self) -> None:
        self.blocks = [0]
        self.mines = True
        self.lost = 0  # orders to the chain that come to nothing
        self.late = 0  # transactions that come in a block between a look and the order to stop

    def rpc(self, place: Place, method: str, *values: Any) -> Any:
        if method == "evm_setIntervalMining":
            if values[0] and self.lost:
                self.lost -= 1
                raise TryLater("no answer")
            if self.late:
                self.blocks.append(self.late)
            self.late, self.mines = 0, values[0] > 0
            return None
        if method == "txpool_status":
            return {"pending": "0x0"}
        if method == "eth_blockNumber":
            return hex(len(self.blocks) - 1)
        number = len(self.blocks) - 1 if values[0] == "latest" else int(values[0], 16)
        return {"number": hex(number), "transactions": ["0x"] * self.blocks[number]}

    def live(self, looker: Miner, seconds: int) -> None:
        for _ in range(seconds):
            if self.mines:
                self.blocks.append(0)
            looker.look()


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain()
    monkeypatch.setattr(miner, "rpc", made.rpc)
    return made


def test_an_idle_chain_stops_mining(chain: Chain) -> None:
    chain.live(Miner(Place(Path("/nowhere"), 8600)), 100)
    assert not chain.mines and len(chain.blocks) < 20


def test_a_transaction_in_a_block_at_the_pause_still_becomes_final(chain: Chain) -> None:
    looker = Miner(Place(Path("/nowhere"), 8600))
    chain.late = 1
    chain.live(looker, 100)
    mined_in = chain.blocks.index(1)
    assert len(chain.blocks) - mined_in > 8


@pytest.mark.parametrize("after", [1, 2, 5, 9])
def test_a_transaction_in_a_block_that_no_look_saw_still_becomes_final(after: int, chain: Chain) -> None:
    looker = Miner(Place(Path("/nowhere"), 8600))
    chain.live(looker, 3)
    chain.blocks += [0] * 9 + [1] + [0] * after  # a busy machine: so many blocks between two looks
    mined_in = chain.blocks.index(1)
    chain.live(looker, 100)
    assert not chain.mines and 8 < len(chain.blocks) - mined_in < 30


@pytest.mark.parametrize("lost", [1, 3])
def test_an_order_to_mine_that_got_no_answer_is_given_again(lost: int, chain: Chain) -> None:
    looker = Miner(Place(Path("/nowhere"), 8600))
    chain.live(looker, 30)
    chain.blocks.append(1)  # a transaction, in a block at the pause
    chain.lost = lost
    chain.live(looker, 30)
    assert chain.lost == 0 and len(chain.blocks) - chain.blocks.index(1) > 8
