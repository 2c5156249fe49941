"""Reading an Ethereum node and our contract on it. Used by anchor and verifier; sends nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from eth_typing import HexStr
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3RPCError

from shared.chain_facts import Anchoring, TransactionFacts
from shared.errors import TryLater

T = TypeVar("T")

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")  # read at the first hash: signing is eleven times as fast

ARTIFACT = Path(__file__).parent.parent / "contract" / "AnchorRegistry.json"


class WrongChain(TryLater):
    """The node works on another chain, or the contract isn't there: mend the setting that the text names."""


class Refused(TryLater):
    """The contract said no to our call, or the node to our transaction. The text is the answer."""


class Node:
    """A node at an RPC address. Whatever keeps it from answering is TryLater; another chain id is WrongChain."""

    def __init__(self, rpc_url: str, chain_id: int, *, timeout: float = 5.0) -> None:
        self.chain_id = chain_id
        self._url = rpc_url
        self._timeout = timeout
        self._checked = False

    @cached_property
    def web3(self) -> Web3:
        return Web3(
            HTTPProvider(self._url, request_kwargs={"timeout": self._timeout}, exception_retry_configuration=None)
        )

    def any_chain_id(self) -> int:
        """The id of whatever chain the node is on."""
        return int(self._guard(lambda web3: web3.eth.chain_id))

    def ask(self, call: Callable[[Web3], T]) -> T:
        """What `call` gets from the node, once it is known to be on our chain."""
        if not self._checked:
            got = self.any_chain_id()
            if got != self.chain_id:
                raise WrongChain(
                    f"setting CHAIN_ID: the node at CHAIN_RPC_URL is on chain {got}, expected {self.chain_id}"
                )
            self._checked = True
        return self._guard(call)

    def _guard(self, call: Callable[[Web3], T]) -> T:
        try:
            return call(self.web3)
        except (TransactionNotFound, BlockNotFound):
            raise
        except ContractLogicError as error:
            raise Refused(f"the contract answered: {error.data or error.message or error}") from error
        except Web3RPCError as error:
            raise Refused(f"the node answered: {_message(error)}"[:300]) from error
        except Exception as error:
            # requests, urllib3 and web3 have dozens of types for a node that is away, slow, behind or talks nonsense;
            # for the caller they are one. Their texts hold the node's URL, and with it the user's API key: left out.
            raise TryLater(f"node away or unwell: {type(error).__name__}; trying again") from error


class Registry:
    """Our contract as anybody sees it. Opens no connection before the first question. Thread-safe."""

    def __init__(self, rpc_url: str, contract_address: str, chain_id: int, *, timeout: float = 5.0) -> None:
        self.node = Node(rpc_url, chain_id, timeout=timeout)
        self.address = contract_address.lower()

    @cached_property
    def _contract(self) -> Any:
        return self.node.web3.eth.contract(address=Web3.to_checksum_address(self.address), abi=read_artifact()["abi"])

    def check(self) -> None:
        """WrongChain unless the node is on our chain and the address holds a contract."""
        code = self.node.ask(lambda web3: web3.eth.get_code(Web3.to_checksum_address(self.address)))
        if not code:
            raise WrongChain(
                f"setting CONTRACT_ADDRESS_FILE: no contract at {self.address} on chain {self.node.chain_id}"
            )

    def anchored_at(self, root: bytes) -> Anchoring | None:
        """When and in which block `root` was anchored; None for a root that the contract doesn't know."""
        found = self.node.ask(lambda _: self._contract.functions.anchorOf(root).call())
        time, block_number, revoked = found
        if time == 0:
            return None
        return Anchoring(_moment(time), block_number, _moment(revoked) if revoked else None)

    def transaction(self, hash: str) -> TransactionFacts | None:
        """The transaction with its outcome; None when the node doesn't know it (never sent, dropped, not yet seen)."""
        try:
            sent = self.node.ask(lambda web3: web3.eth.get_transaction(HexStr(hash)))
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
            receipt = self.node.ask(lambda web3: web3.eth.get_transaction_receipt(HexStr(hash)))
        except TransactionNotFound:  # pending; or mined this very moment: the next look sees it
            return facts
        return msgspec.structs.replace(
            facts,
            succeeded=receipt["status"] == 1,
            block_number=int(receipt["blockNumber"]),
            block_hash=receipt["blockHash"].to_0x_hex(),
        )

    def finalized_block(self) -> int:
        """The number of the newest block that the chain holds for final."""
        try:
            return int(self.node.ask(lambda web3: web3.eth.get_block("finalized"))["number"])
        except BlockNotFound as error:
            raise TryLater("the node knows no finalized block yet; trying again") from error

    def block_hash(self, number: int) -> str | None:
        """The hash of the block that now stands at this height; None above the head."""
        try:
            block = self.node.ask(lambda web3: web3.eth.get_block(number))
        except BlockNotFound:
            return None
        return block["hash"].to_0x_hex()


def read_artifact() -> dict[str, Any]:
    """The compiled contract, as `shared/contract/compile.mjs` wrote it: abi, bytecode."""
    artifact: dict[str, Any] = json.loads(ARTIFACT.read_bytes())
    return artifact


def _message(error: Web3RPCError) -> str:
    answer = (error.rpc_response or {}).get("error", {})
    return str(answer.get("message") if isinstance(answer, dict) else answer) or str(error.message)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
