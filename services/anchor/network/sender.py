"""Signs and sends transactions to our contract. What it only reads is in `shared/chain/registry.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from services.anchor.domain.anchoring import (
    ChainFacts,
    Deployment,
    ExpectedTransaction,
    Inclusion,
    SendResult,
    SignedTransaction,
    send_result,
)
from services.anchor.domain.costs import Fee, GasPrice
from shared.chain.blocks import read_block
from shared.chain.facts import RegistryEntry
from shared.chain.networks import Network
from shared.chain.registry import Registry, read_artifact
from shared.errors import TryLater

_GAS_MARGIN = 1.2


@dataclass(frozen=True)
class TransactionEstimate:
    """What the next transaction needs."""

    gas_price: GasPrice
    gas: int  # units that it takes, with a margin
    next_nonce: int  # the first that no transaction has, in a block or pending


@dataclass(frozen=True)
class Finality:
    """The newest final block, and how many seconds of the chain's time it is behind the newest block."""

    block_number: int
    seconds: int


class Sender:
    """Our account and our contract on one network.

    TryLater when too few endpoints answer or agree, Refused when the contract or the node refuses.
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

    def gas_price(self) -> GasPrice:
        def read(web3: Web3) -> GasPrice:
            base = read_block(web3, "latest").base_fee or int(web3.eth.gas_price)
            return GasPrice(base, int(web3.eth.max_priority_fee))

        return self._node.ask(read)

    def balance(self) -> int:
        """Of our account, in wei."""
        return int(self._node.ask(lambda web3: web3.eth.get_balance(self._account.address)))

    def finality(self) -> Finality:
        number = self.registry.finalized_block()

        def age(web3: Web3) -> int:
            return read_block(web3, "latest").time - read_block(web3, number).time

        return Finality(number, self._node.ask(age))

    def known(self, roots: Sequence[bytes]) -> dict[bytes, RegistryEntry]:
        """Those of the roots that the contract knows already, with their entries."""
        found = {root: self.registry.entry_of(root) for root in roots}
        return {root: entry for root, entry in found.items() if entry is not None}

    def inclusion_of(self, root: bytes, entry: RegistryEntry) -> Inclusion:
        """The transaction and block that anchored the root. TryLater during a reorg, when the block doesn't show it."""
        transaction = self.registry.transaction_of(root, entry.block_number)
        block_hash = self.registry.block_hash(entry.block_number)
        if transaction is None or block_hash is None:
            raise TryLater(f"block {entry.block_number} has no transaction that anchored {root.hex()}; trying again")
        return Inclusion(transaction, entry.block_number, block_hash, entry.anchored_at)

    def gas_for(self, input: bytes) -> int:
        """Units of gas. Refused when the contract would not accept the input from us: known already, or no role."""
        call: Any = {"from": self._account.address, "to": Web3.to_checksum_address(self.contract), "data": input}
        return int(self._node.ask(lambda web3: web3.eth.estimate_gas(call)))

    def estimate(self, input: bytes) -> TransactionEstimate:
        """Refused as by `gas_for`."""
        return TransactionEstimate(
            gas_price=self.gas_price(),
            gas=int(self.gas_for(input) * _GAS_MARGIN),
            next_nonce=self._transaction_count("pending"),
        )

    def sign(self, input: bytes, nonce: int, fee: Fee, gas: int, at: datetime) -> tuple[SignedTransaction, bytes]:
        """The transaction with this input to the contract, and its raw bytes. Asks no node; deterministic."""
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
        return SignedTransaction(signed.hash.to_0x_hex(), nonce, fee, at), bytes(signed.raw_transaction)

    def send(self, raw: bytes) -> tuple[SendResult, str]:
        """Send the bytes to every endpoint: the best result and its text. Idempotent. TryLater: none reached."""
        refusals = self._node.tell(lambda web3: web3.eth.send_raw_transaction(raw))
        if not refusals:
            return "accepted", "taken"
        results = {send_result(text): text for text in refusals}
        for result in ("accepted", "underpriced"):
            if result in results:
                return result, results[result]
        return "refused", refusals[0]

    def facts(self, roots: Sequence[bytes], hashes: Sequence[str], inclusion: Inclusion | None = None) -> ChainFacts:
        """What the network says now of the roots, their transactions, and the block that includes or included them."""
        known = tuple(facts for facts in map(self.registry.transaction, hashes) if facts is not None)
        blocks = [facts.block_number for facts in known if facts.succeeded and facts.block_number is not None]
        block = blocks[0] if blocks else inclusion.block_number if inclusion else None
        finalized = self.registry.finalized_block()
        asked = roots if block is not None and block <= finalized else roots[:1]
        return ChainFacts(
            known=known,
            entries=tuple(self.registry.entry_of(root) for root in asked),
            canonical_hash=self.registry.block_hash(block) if block is not None else None,
            finalized=finalized,
            next_nonce=self._transaction_count("latest"),
            gas_price=self.gas_price(),
        )

    def waits_for_finality(self, inclusion: Inclusion) -> bool:
        """Whether its block is on the chain and not final yet. Two calls; all that `facts` asks takes eight."""
        return inclusion.block_number > self.registry.finalized_block() and self.is_on_chain(inclusion)

    def is_on_chain(self, inclusion: Inclusion) -> bool:
        """Whether its block is on the chain as it was; then the transaction and the entries of its roots are in it."""
        return self.registry.block_hash(inclusion.block_number) == inclusion.block_hash

    def expected(self, roots: tuple[bytes, ...], *, many: bool) -> ExpectedTransaction:
        """What a transaction for these roots must be."""
        return ExpectedTransaction(roots, input_for(roots, many=many), self.contract, self.address)

    def _transaction_count(self, at: str) -> int:
        def read(web3: Web3) -> int:
            return int(web3.eth.get_transaction_count(self._account.address, at))  # type: ignore[arg-type]

        return self._node.reached(read)


@dataclass(frozen=True)
class NetworkConnection:
    """A configured network, and our account on it."""

    network: Network
    sender: Sender

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.network.id, self.network.chain_id, self.network.contract)


def input_for(roots: Sequence[bytes], *, many: bool) -> bytes:
    """The calldata: the root alone, as verifiers of merkle-proof-2019 expect it, or a call of `anchorMany`."""
    if not many:
        [root] = roots
        return root
    contract = Web3().eth.contract(abi=read_artifact()["abi"])
    return bytes.fromhex(contract.encode_abi("anchorMany", args=[list(roots)])[2:])
