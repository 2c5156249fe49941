from __future__ import annotations

from datetime import UTC, datetime

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from services.anchor.domain.costs import Fee
from services.anchor.network.sender import Sender, input_for
from shared.chain.registry import Registry

NOW = datetime(2026, 4, 1, tzinfo=UTC)
CONTRACT = "0x" + "ab" * 20
ROOT, OTHER = b"\1" * 32, b"\2" * 32


def test_the_input_for_one_root_is_the_root_itself() -> None:
    assert input_for([ROOT], many=False) == ROOT
    with pytest.raises(ValueError):
        input_for([ROOT, OTHER], many=False)


def test_the_input_for_many_roots_calls_anchor_many_of_the_contract() -> None:
    """Contract ABI: selector, offset of the array, its length, its items."""
    words = [(32).to_bytes(32), (2).to_bytes(32), ROOT, OTHER]
    assert input_for([ROOT, OTHER], many=True) == keccak(text="anchorMany(bytes32[])")[:4] + b"".join(words)


def test_signing_is_deterministic_and_asks_no_node() -> None:
    account = Account.from_key(b"\7" * 32)
    sender = Sender(Registry("http://127.0.0.1:9", CONTRACT, 31337), account)
    signed, raw = sender.sign(ROOT, 7, Fee(most=30, tip=2), 52_000, NOW)
    assert sender.sign(ROOT, 7, Fee(most=30, tip=2), 52_000, NOW) == (signed, raw)
    sent = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    assert (sent["nonce"], sent["gas"], bytes(sent["data"])) == (7, 52_000, ROOT)
    assert (sent["maxFeePerGas"], sent["maxPriorityFeePerGas"], sent["chainId"]) == (30, 2, 31337)
    assert signed.hash == "0x" + keccak(raw).hex()
    assert Account.recover_transaction(raw) == account.address
