"""The contract on a real chain (anvil), and reading it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from web3 import Web3

from shared.chain.registry import Registry, read_artifact
from shared.chain.rpc import WrongChain
from shared.credentials.merkle import merkle_tree
from shared.errors import TryLater
from tests.worlds.anchor import ROOT, Hand, encode, leaf
from tests.worlds.anvil import CHAIN_ID, Anvil

pytest_plugins = ("tests.worlds.anchor_fixtures",)


def test_the_artifact_is_what_the_source_compiles_to(tmp_path: Path) -> None:
    built = tmp_path / "built.json"
    subprocess.run(["node", ROOT / "shared" / "contract" / "compile.mjs", built], check=True, timeout=60)
    assert built.read_bytes() == (ROOT / "shared" / "contract" / "AnchorRegistry.json").read_bytes()


def test_a_root_is_anchored_for_less_than_52_000_gas(hand: Hand, registry: Registry, chain: Anvil) -> None:
    assert registry.entry_of(leaf("a")) is None
    receipt = hand.send(leaf("a"))
    assert receipt.succeeded
    assert receipt.gas < 52_000
    anchoring = registry.entry_of(leaf("a"))
    block = chain.call("eth_getBlockByNumber", "latest", False)
    assert anchoring is not None
    assert anchoring.block_number == int(block["number"], 16)
    assert anchoring.anchored_at == datetime.fromtimestamp(int(block["timestamp"], 16), UTC)


def test_a_root_can_be_anchored_once_only(hand: Hand, registry: Registry) -> None:
    assert hand.send(leaf("a")).succeeded
    first = registry.entry_of(leaf("a"))
    assert not hand.send(leaf("a")).succeeded
    assert registry.entry_of(leaf("a")) == first


@pytest.mark.parametrize("data", [b"", b"\1" * 31, b"\1" * 33, b"\1" * 64, bytes(32)])
def test_calldata_other_than_one_root_is_rejected(hand: Hand, data: bytes) -> None:
    assert not hand.send(data).succeeded


def test_an_account_without_roles_can_neither_anchor_nor_revoke(chain: Anvil, registry: Registry, hand: Hand) -> None:
    stranger = Hand(chain, registry.address, "0x" + "77" * 20)
    assert hand.send(leaf("a")).succeeded
    assert not stranger.send(leaf("b")).succeeded
    assert not stranger.send(encode(registry, "anchorMany", [leaf("b")])).succeeded
    assert not stranger.send(encode(registry, "revoke", leaf("a"))).succeeded


def test_many_roots_are_anchored_together_or_none_is(hand: Hand, registry: Registry) -> None:
    roots = [leaf(str(number)) for number in range(50)]
    receipt = hand.send(encode(registry, "anchorMany", roots))
    assert receipt.succeeded
    assert receipt.gas / len(roots) < 52_000
    assert all(registry.entry_of(root) for root in roots)
    assert not hand.send(encode(registry, "anchorMany", [leaf("new"), roots[0]])).succeeded
    assert registry.entry_of(leaf("new")) is None


def test_a_revoked_root_stays_known_with_the_time_of_revocation(hand: Hand, registry: Registry) -> None:
    assert not hand.send(encode(registry, "revoke", leaf("a"))).succeeded
    hand.send(leaf("a"))
    assert hand.send(encode(registry, "revoke", leaf("a"))).succeeded
    anchoring = registry.entry_of(leaf("a"))
    assert anchoring is not None
    assert anchoring.revoked_at is not None


def test_an_unavailable_node_raises_try_later(registry: Registry) -> None:
    away = Registry("http://127.0.0.1:9", registry.address, CHAIN_ID)
    for question in (lambda: away.entry_of(leaf("a")), lambda: away.transaction("0x" + "1" * 64), away.check):
        with pytest.raises(TryLater):
            question()


def test_an_endpoint_on_another_chain_is_refused_by_its_setting(chain: Anvil, registry: Registry) -> None:
    with pytest.raises(WrongChain, match=r"NETWORKS_FILE.*31337, expected 1"):
        Registry(chain.url, registry.address, 1).finalized_block()
    with pytest.raises(WrongChain, match="NETWORKS_FILE"):
        Registry(chain.url, "0x" + "12" * 20, CHAIN_ID).check()


def test_a_transaction_nobody_sent_is_unknown(registry: Registry) -> None:
    assert registry.transaction("0x" + "12" * 32) is None
    assert registry.block_hash(10**6) is None


def test_the_contract_verifies_what_our_tree_proves_and_nothing_else(hand: Hand, registry: Registry) -> None:
    leaves = [leaf(str(number)) for number in range(13)]
    tree = merkle_tree(leaves)

    def verifies(root: bytes, leaf: bytes, siblings: list[bytes]) -> bool:
        contract = registry.node.web3.eth.contract(
            Web3.to_checksum_address(registry.address), abi=read_artifact()["abi"]
        )
        return bool(contract.functions.verify(root, leaf, siblings).call())

    paths = {each: [sibling for _, sibling in tree.proof(each)] for each in leaves}
    assert not verifies(tree.root, leaves[0], paths[leaves[0]])  # not anchored yet
    assert hand.send(tree.root).succeeded
    for each in leaves:
        assert verifies(tree.root, each, paths[each])
        assert not verifies(tree.root, leaf("stranger"), paths[each])
    assert not verifies(tree.root, leaves[0], paths[leaves[1]])
    assert not verifies(leaf("root"), leaves[0], paths[leaves[0]])
    assert hand.send(encode(registry, "revoke", tree.root)).succeeded
    assert not verifies(tree.root, leaves[0], paths[leaves[0]])


@pytest.mark.parametrize("size", [1, 2, 1000, 100_000])
def test_a_root_of_any_batch_size_takes_less_than_52_000_gas(hand: Hand, size: int) -> None:
    receipt = hand.send(merkle_tree(sha256(number.to_bytes(4)).digest() for number in range(size)).root)
    assert receipt.succeeded
    assert receipt.gas < 52_000


def test_only_the_admin_grants_roles_and_each_role_has_only_its_own_right(
    chain: Anvil, registry: Registry, hand: Hand
) -> None:
    clerk, auditor = (Hand(chain, registry.address, "0x" + digit * 40) for digit in "67")
    roles = {name: bytes(Web3.keccak(text=name)) for name in ("ANCHOR_ROLE", "REVOKER_ROLE")}
    grant = encode(registry, "grantRole", roles["ANCHOR_ROLE"], Web3.to_checksum_address("0x" + "6" * 40))
    assert not clerk.send(grant).succeeded
    assert hand.send(grant).succeeded
    assert hand.send(
        encode(registry, "grantRole", roles["REVOKER_ROLE"], Web3.to_checksum_address("0x" + "7" * 40))
    ).succeeded
    assert clerk.send(leaf("a")).succeeded
    assert not clerk.send(encode(registry, "revoke", leaf("a"))).succeeded
    assert not auditor.send(leaf("b")).succeeded
    assert auditor.send(encode(registry, "revoke", leaf("a"))).succeeded
    withdrawn = encode(registry, "revokeRole", roles["ANCHOR_ROLE"], Web3.to_checksum_address("0x" + "6" * 40))
    assert hand.send(withdrawn).succeeded
    assert not clerk.send(leaf("c")).succeeded


def test_money_sent_to_the_contract_is_refused(chain: Anvil, registry: Registry, hand: Hand) -> None:
    call = {"from": "0x" + "6" * 40, "to": registry.address, "value": hex(1), "data": "0x" + leaf("a").hex()}
    with pytest.raises(RuntimeError):
        chain.call("eth_call", call, "latest")
