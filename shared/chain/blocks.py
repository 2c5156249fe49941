"""Blocks, read from a node's own answer: only what we need of them. Used by anchor and verifier.

web3's reading refuses blocks that Ethereum itself would not make (proof-of-authority chains sign in `extraData`, others
lack fields). Any chain that knows `finalized` will do.
Source: Ethereum JSON-RPC, eth_getBlockByNumber.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from web3 import Web3
from web3.exceptions import BlockNotFound, Web3RPCError
from web3.types import RPCEndpoint


class Block(msgspec.Struct, frozen=True):
    number: int
    hash: str  # lower-case hexadecimal with 0x
    time: int  # seconds since 1970
    base_fee: int | None  # wei; None on a chain without


def read_block(web3: Web3, which: int | Literal["latest", "finalized"]) -> Block:
    """The block at this height or of this name.

    BlockNotFound when the node has none, Web3RPCError when it refuses, ValueError and the like for other answers.
    """
    name = hex(which) if isinstance(which, int) else which
    answer: Any = web3.provider.make_request(RPCEndpoint("eth_getBlockByNumber"), [name, False])
    if answer.get("error") is not None:
        raise Web3RPCError(repr(answer["error"]), rpc_response=answer)
    block = answer["result"]
    if block is None:
        raise BlockNotFound(f"no block {name}")
    fee = block.get("baseFeePerGas")
    return Block(
        number=int(block["number"], 16),
        hash=str(block["hash"]).lower(),
        time=int(block["timestamp"], 16),
        base_fee=None if fee is None else int(fee, 16),
    )
