"""The contract on a real chain (anvil), and reading it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.errors import TryLater
from shared.runtime.registry import Registry, WrongChain
from tests.anchor_world import ROOT, Hand, encode, leaf
from tests.anvil import CHAIN_ID, Anvil

pytest_plugins = ("tests.anchor_fixtures",)


def test_the_artifact_is_what_the_source_compiles_to(tmp_path: Path) -> None:
    built = tmp_path / "built.json"
    subprocess.run(["node", ROOT / "shared" / "contract" / "compile.mjs", built], check=True, timeout=60)
    assert built.read_bytes() == (ROOT / "shared" / "contract" / "AnchorRegistry.json").read_bytes()


def test_a_root_is_anchored_for_less_than_52_000_gas(hand: Hand, registry: Registry, chain: Anvil) -> None:
    assert registry.anchored_at(leaf("a")) is None
    receipt = hand.send(leaf("a"))
    assert receipt.succeeded
    assert receipt.gas < 52_000
    anchoring = registry.anchored_at(leaf("a"))
    block = chain.call("eth_getBlockByNumber", "latest", False)
    assert anchoring is not None
    assert anchoring.block_number == int(block["number"], 16)
    assert anchoring.anchored_at == datetime.fromtimestamp(int(block["timestamp"], 16), UTC)


def test_a_root_can_be_anchored_once_only(hand: Hand, registry: Registry) -> None:
    assert hand.send(leaf("a")).succeeded
    first = registry.anchored_at(leaf("a"))
    assert not hand.send(leaf("a")).succeeded
    assert registry.anchored_at(leaf("a")) == first


@pytest.mark.parametrize("data", [b"", b"\1" * 31, b"\1" * 33, b"\1" * 64, bytes(32)])
def test_what_is_not_exactly_one_root_is_rejected(hand: Hand, data: bytes) -> None:
    assert not hand.send(data).succeeded


def test_a_stranger_can_neither_anchor_nor_revoke(chain: Anvil, registry: Registry, hand: Hand) -> None:
    stranger = Hand(chain, registry.address, "0x" + "77" * 20)
    assert hand.send(leaf("a")).succeeded
    assert not stranger.send(leaf("b")).succeeded
    assert not stranger.send(encode(registry, "anchorMany", [leaf("b")])).succeeded
    assert not stranger.send(encode(registry, "revoke", leaf("a"))).succeeded


def test_a_history_moves_as_a_whole_or_not_at_all(hand: Hand, registry: Registry) -> None:
    roots = [leaf(str(number)) for number in range(50)]
    receipt = hand.send(encode(registry, "anchorMany", roots))
    assert receipt.succeeded
    assert receipt.gas / len(roots) < 52_000
    assert all(registry.anchored_at(root) for root in roots)
    assert not hand.send(encode(registry, "anchorMany", [leaf("new"), roots[0]])).succeeded
    assert registry.anchored_at(leaf("new")) is None


def test_a_revoked_root_stays_known_and_says_since_when(hand: Hand, registry: Registry) -> None:
    assert not hand.send(encode(registry, "revoke", leaf("a"))).succeeded
    hand.send(leaf("a"))
    assert hand.send(encode(registry, "revoke", leaf("a"))).succeeded
    anchoring = registry.anchored_at(leaf("a"))
    assert anchoring is not None
    assert anchoring.revoked_at is not None


def test_a_node_that_is_away_is_not_an_unknown_root(registry: Registry) -> None:
    away = Registry("http://127.0.0.1:9", registry.address, CHAIN_ID)
    for question in (lambda: away.anchored_at(leaf("a")), lambda: away.transaction("0x" + "1" * 64), away.check):
        with pytest.raises(TryLater):
            question()


def test_another_chain_is_named(chain: Anvil, registry: Registry) -> None:
    with pytest.raises(WrongChain, match=r"NETWORKS_FILE.*31337, expected 1"):
        Registry(chain.url, registry.address, 1).finalized_block()
    with pytest.raises(WrongChain, match="NETWORKS_FILE"):
        Registry(chain.url, "0x" + "12" * 20, CHAIN_ID).check()


def test_a_transaction_nobody_sent_is_unknown(registry: Registry) -> None:
    assert registry.transaction("0x" + "12" * 32) is None
    assert registry.block_hash(10**6) is None
