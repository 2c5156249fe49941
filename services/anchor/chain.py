"""Writing on a chain: fees, nonces, signatures, sending. The reading is `shared/chain/registry.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from services.anchor.domain.anchoring import Answer, ChainFacts, Fee, Included, Market, Signed, Target, heard
from shared.chain.facts import Anchoring
from shared.chain.registry import Registry, read_artifact
from shared.errors import TryLater

_GAS_MARGIN = 1.2


@dataclass(frozen=True)
class Outlook:
    """What the next transaction has to reckon with."""

    market: Market
    gas: int  # units that it takes, with a margin
    next_nonce: int  # the first that no block and no pending transaction has


@dataclass(frozen=True)
class Finality:
    """How far the chain is: the newest block that is final, and how long ago in the chain's own time it was made."""

    block_number: int
    seconds: int


class Chain:
    """Our account and our contract on one network.

    Every failure to reach its endpoints, or to find agreement among them, is TryLater, every refusal is Refused.
    """

    def __init__(self, registry: Registry, account: LocalAccount) -> None:
        self.registry = registry
        self._node = registry.node
        self._account = account
        self.chain_id = registry.node.chain_id
        self.contract = registry.address
        self.address = str(account.address).lower()

    def check(self) -> None:
        """WrongChain when network or contract are not the configured ones."""
        self.registry.check()

    def market(self) -> Market:
        def read(web3: Web3) -> Market:
            base = int(web3.eth.get_block("latest").get("baseFeePerGas") or web3.eth.gas_price)
            return Market(base, int(web3.eth.max_priority_fee))

        return self._node.ask(read)

    def balance(self) -> int:
        """Wei that pay for gas."""
        return int(self._node.ask(lambda web3: web3.eth.get_balance(self._account.address)))

    def finality(self) -> Finality:
        number = self.registry.finalized_block()

        def age(web3: Web3) -> int:
            return int(web3.eth.get_block("latest")["timestamp"]) - int(web3.eth.get_block(number)["timestamp"])

        return Finality(number, self._node.ask(age))

    def known(self, roots: Sequence[bytes]) -> dict[bytes, Anchoring]:
        """Those of the roots that the contract knows already."""
        found = {root: self.registry.anchored_at(root) for root in roots}
        return {root: anchoring for root, anchoring in found.items() if anchoring is not None}

    def included(self, root: bytes, anchoring: Anchoring) -> Included:
        """By which transaction, in which block, the contract came to know the root. TryLater while the chain moves."""
        transaction = self.registry.transaction_of(root, anchoring.block_number)
        block_hash = self.registry.block_hash(anchoring.block_number)
        if transaction is None or block_hash is None:
            raise TryLater(f"block {anchoring.block_number} doesn't show how {root.hex()} came to the contract")
        return Included(transaction, anchoring.block_number, block_hash, anchoring.anchored_at)

    def gas_for(self, input: bytes) -> int:
        """Units of gas. Refused when the contract would not take the input from us: known already, or no role."""
        call: Any = {"from": self._account.address, "to": Web3.to_checksum_address(self.contract), "data": input}
        return int(self._node.ask(lambda web3: web3.eth.estimate_gas(call)))

    def outlook(self, input: bytes) -> Outlook:
        """Refused as `gas_for`."""
        return Outlook(
            market=self.market(),
            gas=int(self.gas_for(input) * _GAS_MARGIN),
            next_nonce=self._count("pending"),
        )

    def sign(self, input: bytes, nonce: int, fee: Fee, gas: int, at: datetime) -> tuple[Signed, bytes]:
        """The transaction with this input to the contract, and its raw bytes. Needs no node; repeatable."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain_id,
                "nonce": nonce,
                "to": Web3.to_checksum_address(self.contract),
                "value": 0,
                "data": input,
                "gas": gas,
                "maxFeePerGas": fee.most,
                "maxPriorityFeePerGas": fee.tip,
            }
        )
        return Signed(signed.hash.to_0x_hex(), nonce, fee, at), bytes(signed.raw_transaction)

    def send(self, raw: bytes) -> tuple[Answer, str]:
        """Give the bytes to every endpoint. Twice is once. TryLater when none could be asked."""
        refusals = self._node.tell(lambda web3: web3.eth.send_raw_transaction(raw))
        if not refusals:
            return "accepted", "taken"
        answers = {heard(words): words for words in refusals}
        for answer in ("accepted", "outbid"):
            if answer in answers:
                return answer, answers[answer]
        return "refused", refusals[0]

    def look(self, roots: Sequence[bytes], hashes: Sequence[str], included: Included | None = None) -> ChainFacts:
        """What the network says now of the roots and their transactions, and of the block that holds or held them."""
        known = tuple(facts for facts in map(self.registry.transaction, hashes) if facts is not None)
        blocks = [facts.block_number for facts in known if facts.succeeded and facts.block_number is not None]
        block = blocks[0] if blocks else included.block_number if included else None
        finalized = self.registry.finalized_block()
        asked = roots if block is not None and block <= finalized else roots[:1]
        return ChainFacts(
            known=known,
            anchorings=tuple(self.registry.anchored_at(root) for root in asked),
            canonical_hash=self.registry.block_hash(block) if block is not None else None,
            finalized=finalized,
            next_nonce=self._count("latest"),
            market=self.market(),
        )

    def target(self, roots: tuple[bytes, ...], *, many: bool) -> Target:
        """What a transaction for these roots must be."""
        return Target(roots, input_for(roots, many=many), self.contract, self.address)

    def _count(self, at: str) -> int:
        def read(web3: Web3) -> int:
            return int(web3.eth.get_transaction_count(self._account.address, at))  # type: ignore[arg-type]

        return self._node.reached(read)


def input_for(roots: Sequence[bytes], *, many: bool) -> bytes:
    """The calldata: the bare root, as verifiers of merkle-proof-2019 expect it, or a call of `anchorMany`."""
    if not many:
        [root] = roots
        return root
    contract = Web3().eth.contract(abi=read_artifact()["abi"])
    return bytes.fromhex(contract.encode_abi("anchorMany", args=[list(roots)])[2:])
