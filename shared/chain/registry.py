"""Reads our contract and the chain it is on. Used by anchor and verifier; sends nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound

from shared.chain.blocks import read_block
from shared.chain.facts import RegistryEntry, TransactionFacts
from shared.chain.networks import Network
from shared.chain.rpc import NoContract, Node
from shared.errors import TryLater

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # read at the first hash: signing is eleven times faster

ARTIFACT = Path(__file__).parent.parent / "contract" / "AnchorRegistry.json"


class Registry:
    """Read access to our contract on one network. Opens no connection before the first call. Thread-safe."""

    def __init__(
        self,
        rpc_urls: str | Sequence[str],
        contract_address: str,
        chain_id: int,
        *,
        agreement: int | None = None,
        network: str = "local",
        timeout: float = 5.0,
    ) -> None:
        self.node = Node(rpc_urls, chain_id, agreement=agreement, network=network, timeout=timeout)
        self.address = contract_address.lower()

    @classmethod
    def of(cls, network: Network, *, timeout: float = 5.0) -> Registry:
        return cls(
            network.rpc_urls,
            network.contract,
            network.chain_id,
            agreement=network.agreement,
            network=network.id,
            timeout=timeout,
        )

    def check(self) -> None:
        """WrongChain unless the node is on our chain, NoContract unless the address holds a contract."""
        code = self.node.agreed(lambda web3: bytes(web3.eth.get_code(Web3.to_checksum_address(self.address))))
        if not code:
            raise self._no_contract()

    def entry_of(self, root: bytes) -> RegistryEntry | None:
        """The contract's entry of `root`; None for a root that it doesn't know."""
        call: Any = {"to": Web3.to_checksum_address(self.address), "data": self._anchor_of + root}
        answer = self.node.agreed(lambda web3: bytes(web3.eth.call(call)))
        if len(answer) != 96:
            raise self._no_contract()
        time, block_number, revoked = (int.from_bytes(answer[at : at + 32]) for at in (0, 32, 64))
        if time == 0:
            return None
        return RegistryEntry(_moment(time), block_number, _moment(revoked) if revoked else None)

    def transaction(self, hash: str) -> TransactionFacts | None:
        """The transaction with its outcome; None when the node doesn't know it (not sent, dropped, not received)."""
        return self.node.agreed(lambda web3: _transaction(web3, hash))

    def transaction_of(self, root: bytes, block_number: int) -> str | None:
        """The transaction that anchored `root` in this block, by the contract's log; None when there is none."""
        asked: Any = {
            "address": Web3.to_checksum_address(self.address),
            "topics": [self._anchored.to_0x_hex(), "0x" + root.hex()],
            "fromBlock": block_number,
            "toBlock": block_number,
        }
        return self.node.agreed(
            lambda web3: next((str(log["transactionHash"].to_0x_hex()) for log in web3.eth.get_logs(asked)), None)
        )

    def finalized_block(self) -> int:
        """The number of the newest final block."""
        return self.node.reached(lambda web3: read_block(web3, "finalized").number)

    def block_hash(self, number: int) -> str | None:
        """The hash of the block now at this height; None above the head."""
        return self.node.agreed(lambda web3: _block_hash(web3, number))

    @cached_property
    def _anchor_of(self) -> bytes:
        return bytes(Web3.keccak(text="anchorOf(bytes32)")[:4])

    @cached_property
    def _anchored(self) -> Any:
        return Web3.keccak(text="Anchored(bytes32,address)")

    def _no_contract(self) -> TryLater:
        return NoContract(
            f"setting NETWORKS_FILE, {self.node.network}.contract: no AnchorRegistry at {self.address}"
            f" on chain {self.node.chain_id}"
        )


def read_artifact() -> dict[str, Any]:
    """The compiled contract, as `shared/contract/compile.mjs` wrote it: abi, bytecode."""
    artifact: dict[str, Any] = json.loads(ARTIFACT.read_bytes())
    return artifact


def _transaction(web3: Web3, hash: str) -> TransactionFacts | None:
    try:
        sent = web3.eth.get_transaction(HexStr(hash))
    except TransactionNotFound:
        return None
    facts = TransactionFacts(
        hash=hash.lower(),
        sender=str(sent["from"]).lower(),
        to=str(sent["to"]).lower() if sent.get("to") else None,
        input=bytes(sent["input"]),
        nonce=int(sent["nonce"]),
    )
    try:
        receipt = web3.eth.get_transaction_receipt(HexStr(hash))
    except TransactionNotFound:  # pending, or mined between the two calls: the next poll sees it
        return facts
    return msgspec.structs.replace(
        facts,
        succeeded=receipt["status"] == 1,
        block_number=int(receipt["blockNumber"]),
        block_hash=receipt["blockHash"].to_0x_hex(),
    )


def _block_hash(web3: Web3, number: int) -> str | None:
    try:
        return read_block(web3, number).hash
    except BlockNotFound:
        return None


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
