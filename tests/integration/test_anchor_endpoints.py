"""Endpoints of which one is away, behind, on another chain or lying: a real chain behind a faulty HTTP server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from eth_account.signers.local import LocalAccount
from prometheus_client import REGISTRY

from services.anchor.network.deploy import deploy_contract
from services.anchor.network.sender import Sender
from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.chain.lookup import Networks
from shared.chain.networks import Network
from shared.chain.registry import Registry
from shared.chain.rpc import WrongChain
from shared.errors import TryLater
from shared.programme import Bilingual
from tests.worlds.anchor import Hand, leaf
from tests.worlds.anvil import CHAIN_ID, Anvil, anvil
from tests.worlds.faulty_node import (
    Fault,
    FaultyNode,
    broken,
    faulty_node,
    late,
    lying_contract,
    lying_finality,
    other_blocks,
    stale_receipts,
    wrong_chain,
)

pytest_plugins = ("tests.worlds.anchor_fixtures",)

ROOT = leaf("a")


@pytest.fixture
def nodes(chain: Anvil) -> Iterator[list[FaultyNode]]:
    with ExitStack() as stack:
        yield [stack.enter_context(faulty_node(chain.url)) for _ in range(3)]


def reader(registry: Registry, nodes: list[FaultyNode], network: str = "three") -> Registry:
    return Registry([node.url for node in nodes], registry.address, CHAIN_ID, network=network, timeout=0.5)


def left_out(network: str, endpoint: int, reason: str) -> float:
    labels = {"network": network, "endpoint": str(endpoint), "reason": reason}
    return REGISTRY.get_sample_value("akashi_chain_endpoints_left_out_total", labels) or 0.0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (late(2), "away"),
        (broken(500), "away"),
        (broken(429), "away"),
        (wrong_chain(), "wrong-chain"),
        (stale_receipts(), "disagrees"),
        (lying_contract(), "disagrees"),
        (lying_contract(b"\1" * 96), "disagrees"),
        (lying_finality(), "ahead"),
    ],
)
@pytest.mark.parametrize("which", [0, 2])
def test_the_answers_of_two_sound_endpoints_win_and_the_faulty_one_is_counted(
    chain: Anvil, registry: Registry, hand: Hand, nodes: list[FaultyNode], fault: Fault, reason: str, which: int
) -> None:
    hand.send(ROOT)
    chain.mine(10)
    network = f"{reason}-{which}-{id(fault)}"
    asked = reader(registry, nodes, network)
    nodes[which].fault = fault
    anchoring = registry.entry_of(ROOT)
    assert anchoring is not None
    hash = registry.transaction_of(ROOT, anchoring.block_number)
    assert hash is not None
    for _ in range(2):
        assert asked.entry_of(ROOT) == anchoring
        assert asked.transaction(hash) == registry.transaction(hash)
        assert asked.finalized_block() == registry.finalized_block()
        assert asked.block_hash(anchoring.block_number) == registry.block_hash(anchoring.block_number)
    if which == 0 or reason in ("ahead", "away", "wrong-chain"):
        assert left_out(network, which + 1, reason) >= 1


def test_an_outvoted_endpoint_is_left_out_for_a_while(registry: Registry, hand: Hand, nodes: list[FaultyNode]) -> None:
    hand.send(ROOT)
    asked = reader(registry, nodes)
    nodes[0].fault = lying_contract()
    asked.entry_of(ROOT)
    before = nodes[0].asked["eth_call"]
    for _ in range(5):
        assert asked.entry_of(ROOT) is not None
    assert nodes[0].asked["eth_call"] == before
    assert asked.node.sound() == 2


def test_an_outvoted_endpoint_is_asked_again_when_the_others_are_too_few(
    registry: Registry, hand: Hand, nodes: list[FaultyNode]
) -> None:
    hand.send(ROOT)
    asked = reader(registry, nodes)
    nodes[0].fault = stale_receipts()
    anchoring = registry.entry_of(ROOT)
    assert anchoring is not None
    hash = registry.transaction_of(ROOT, anchoring.block_number)
    assert hash is not None
    asked.transaction(hash)
    nodes[0].heal()
    nodes[1].fault = broken()
    assert asked.transaction(hash) == registry.transaction(hash)


def test_without_agreement_the_answer_is_try_later(registry: Registry, hand: Hand, nodes: list[FaultyNode]) -> None:
    hand.send(ROOT)
    asked = reader(registry, nodes)
    nodes[0].fault, nodes[1].fault = lying_contract(), broken()
    with pytest.raises(TryLater, match="2 endpoints answered 2 ways, expected 2 alike"):
        asked.entry_of(ROOT)
    nodes[2].fault = broken()
    with pytest.raises(TryLater):
        asked.finalized_block()


def test_finality_is_what_both_of_two_endpoints_have_reached(
    chain: Anvil, registry: Registry, nodes: list[FaultyNode]
) -> None:
    nodes[0].fault = lying_finality(3)
    assert reader(registry, nodes[:2]).finalized_block() == registry.finalized_block()


def test_a_repaired_endpoint_is_asked_again_after_its_pause(registry: Registry, nodes: list[FaultyNode]) -> None:
    asked = reader(registry, nodes[:1])
    nodes[0].fault = wrong_chain()
    with pytest.raises(WrongChain, match=r"NETWORKS_FILE, three\.rpc_urls: number 1 is on chain 1, expected 31337"):
        asked.check()
    nodes[0].heal()
    with pytest.raises(TryLater):  # not asked again at once
        asked.check()
    asked.node._endpoints[0].paused_until = 0.0
    asked.check()


def network(id: str, chain_id: int, url: str, contract: str) -> Network:
    return Network(id, Bilingual(id, id), chain_id, (url,), contract, 1)


def test_a_network_answers_although_another_is_switched_off(chain: Anvil, registry: Registry, hand: Hand) -> None:
    hand.send(ROOT)
    chain.mine(10)
    with anvil(31338) as other:
        networks = Networks(
            [
                network("gone", 1, "http://127.0.0.1:9", registry.address),
                network("local", CHAIN_ID, chain.url, registry.address),
                network("empty", 31338, other.url, registry.address),
            ]
        )
        gone, here, empty = networks.answers([ROOT, leaf("b")], [(CHAIN_ID, "0x" + "1" * 64), (1, "0x" + "2" * 64)])
        networks.close()
    assert isinstance(gone, NetworkAway)
    assert isinstance(here, NetworkAnswers)
    assert (here.stands(ROOT), here.stands(leaf("b"))) == (True, False)
    assert here.transactions == {"0x" + "1" * 64: None}
    assert isinstance(empty, NetworkAway)
    assert "no AnchorRegistry" in empty.why


@pytest.mark.parametrize(
    "fault",
    [
        other_blocks({"extraData": "0x" + "ab" * 97}),
        other_blocks({"extraData": "0x" + "00" * 5_000}),
        other_blocks({"extraData": "0x"}),
        other_blocks({"extraData": None, "nonce": None, "miner": None}),
        other_blocks({}, "extraData", "nonce", "mixHash", "sha3Uncles", "difficulty", "logsBloom", "miner"),
        other_blocks({"extraData": "0x" + "ab" * 97, "logsBloom": "0x0", "mixHash": "0x0", "nonce": "0x0"}),
        other_blocks({}, "baseFeePerGas"),
    ],
)
def test_any_chain_that_knows_finalized_blocks_is_read_and_anchored_on(
    chain: Anvil, keys: Path, account: LocalAccount, nodes: list[FaultyNode], fault: Fault
) -> None:
    nodes[0].fault = fault
    contract = deploy_contract(nodes[0].url, keys / "key", keys / "word")
    Hand(chain, contract, account.address).send(ROOT)
    chain.mine(8)
    plain, other = Registry(chain.url, contract, CHAIN_ID), Registry(nodes[0].url, contract, CHAIN_ID)
    other.check()
    entry = plain.entry_of(ROOT)
    assert entry is not None and other.entry_of(ROOT) == entry
    assert other.finalized_block() == plain.finalized_block()
    assert other.block_hash(entry.block_number) == plain.block_hash(entry.block_number)
    assert other.block_hash(1_000_000) is None
    sender = Sender(other, account)
    assert sender.gas_price().base > 0
    assert sender.finality().block_number == plain.finalized_block() and sender.finality().seconds >= 0
