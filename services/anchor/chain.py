"""Writing on chain: fees, nonces, signatures, sending. The reading is `shared/runtime/registry.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eth_account.signers.local import LocalAccount
from web3 import Web3

from services.anchor.anchoring import Answer, ChainFacts, Fee, Market, Signed, Target, heard
from shared.runtime.registry import Refused, Registry

_GAS_MARGIN = 1.2


@dataclass(frozen=True)
class Outlook:
    """What the next transaction has to reckon with."""

    market: Market
    gas: int  # units that it takes, with a margin
    next_nonce: int  # the first that no block and no pending transaction has


class Chain:
    """Our account and our contract. Every failure to reach the node is TryLater, every refusal by it is Refused."""

    def __init__(self, registry: Registry, account: LocalAccount) -> None:
        self._registry = registry
        self._account = account
        self.chain_id = registry.node.chain_id
        self.contract = registry.address
        self.address = str(account.address).lower()

    def check(self) -> None:
        """WrongChain when node or contract are not the configured ones."""
        self._registry.check()

    def market(self) -> Market:
        def read(web3: Web3) -> Market:
            base = int(web3.eth.get_block("latest").get("baseFeePerGas") or web3.eth.gas_price)
            return Market(base, int(web3.eth.max_priority_fee))

        return self._registry.node.ask(read)

    def balance(self) -> int:
        """Wei that pay for gas."""
        return int(self._registry.node.ask(lambda web3: web3.eth.get_balance(self._account.address)))

    def outlook(self, root: bytes) -> Outlook:
        """Refused when the contract would not take the root from us: known already, or we lack the role."""
        call: Any = {"from": self._account.address, "to": Web3.to_checksum_address(self.contract), "data": root}
        return Outlook(
            market=self.market(),
            gas=int(int(self._registry.node.ask(lambda web3: web3.eth.estimate_gas(call))) * _GAS_MARGIN),
            next_nonce=int(
                self._registry.node.ask(lambda web3: web3.eth.get_transaction_count(self._account.address, "pending"))
            ),
        )

    def sign(self, root: bytes, nonce: int, fee: Fee, gas: int, at: datetime) -> tuple[Signed, bytes]:
        """The transaction whose whole input is the root, and its raw bytes. Needs no node; repeatable."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": self.chain_id,
                "nonce": nonce,
                "to": Web3.to_checksum_address(self.contract),
                "value": 0,
                "data": root,
                "gas": gas,
                "maxFeePerGas": fee.most,
                "maxPriorityFeePerGas": fee.tip,
            }
        )
        return Signed(signed.hash.to_0x_hex(), nonce, fee, at), bytes(signed.raw_transaction)

    def send(self, raw: bytes) -> tuple[Answer, str]:
        """Give the bytes to the node. Twice is once. TryLater when it could not be asked."""
        try:
            self._registry.node.ask(lambda web3: web3.eth.send_raw_transaction(raw))
        except Refused as error:
            return heard(str(error)), str(error)
        return "accepted", "taken"

    def look(self, target: Target, hashes: tuple[str, ...]) -> ChainFacts:
        """What the node says now of the batch and its transactions."""
        known = tuple(facts for facts in map(self._registry.transaction, hashes) if facts is not None)
        places = [facts.block_number for facts in known if facts.succeeded and facts.block_number is not None]
        return ChainFacts(
            known=known,
            anchoring=self._registry.anchored_at(target.root),
            canonical_hash=self._registry.block_hash(places[0]) if places else None,
            finalized=self._registry.finalized_block(),
            next_nonce=int(
                self._registry.node.ask(lambda web3: web3.eth.get_transaction_count(self._account.address, "latest"))
            ),
            market=self.market(),
        )
