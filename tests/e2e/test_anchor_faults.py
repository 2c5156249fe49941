"""Fifty badges and a chain under harm: every root on chain once, every leaf in one batch, no proof before finality."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from deploy.local.ports import free_base
from deploy.local.stack import Stack
from services.anchor.domain.costs import Fee
from services.anchor.network.keystore import open_keystore
from services.anchor.network.sender import Sender
from tests.worlds.anchor_story import QUICK, AnchorStory, Blocks, PrivateChain, configure, deploy, other_root
from tests.worlds.anvil import anvil
from tests.worlds.faulty_node import (
    Ask,
    Fault,
    Refusal,
    broken,
    faulty_node,
    late,
    lying_contract,
    lying_finality,
    lying_receipts,
    stale_receipts,
    wrong_chain,
)
from tests.worlds.story import until

CHAIN_ID = 31337
GWEI = 10**9


@pytest.fixture(scope="module")
def small(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Parts and the anchor service alone."""
    with Stack(new_home("anchor"), free_base(), services=("anchor",), settings=QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def network(small: Stack) -> Iterator[PrivateChain]:
    with ExitStack() as stack:
        chain = stack.enter_context(anvil(CHAIN_ID))
        contract = deploy(small, chain)
        nodes = [stack.enter_context(faulty_node(chain.url)) for _ in range(3)]
        blocks = Blocks(chain)
        stack.callback(blocks.stop)
        made = PrivateChain("local", CHAIN_ID, chain, blocks, nodes, contract)
        configure(small, made.toml())
        small.restart("anchor")
        yield made


@pytest.fixture
def story(small: Stack, network: PrivateChain, request: pytest.FixtureRequest) -> Iterator[AnchorStory]:
    number = request.session.items.index(request.node)
    yield AnchorStory(small, network, f"S{number:04}X")
    network.set_fault(None)


def refuse(*methods: str) -> Fault:
    """These methods are refused, and nothing else fails."""

    def fault(method: str, parameters: list[object], ask: Ask) -> object:
        if method in methods:
            raise Refusal({"code": -32000, "message": "the pool is full"})
        return ask()

    return fault


# ── first, while the chain is short: anvil forgets the states of older blocks, the contract with them ──────


def test_roots_are_on_chain_again_after_a_reorg_deeper_than_finality(story: AnchorStory) -> None:
    story.feed()
    until(lambda: story.proved() == 50, seconds=30, what="50 proofs")
    story._over.set()  # what stood and then vanished was not told too early
    with story.network.blocks.paused() as chain:
        first = min(
            block
            for (block,) in story.rows(
                "select block_number from anchorings join batches on decided_by = id join leaves using (root)"
                " where assertion_id = any(%s)",
                story.ids,
            )
        )
        height = int(chain.call("eth_blockNumber"), 16)
        chain.call("anvil_reorg", height - first + 1, [])
        roots = {
            bytes(root) for (root,) in story.rows("select root from leaves where assertion_id = any(%s)", story.ids)
        }
        assert set(story.times_on_chain(roots).values()) == {0}
    story.wait("final", at_least=50)
    until(lambda: set(story.times_on_chain(roots).values()) == {1}, seconds=40, what="the roots stand again")
    story.wait("final", at_least=50)
    story.completes()


# ── killed at each step ─────────────────────────────────────────────────────────────────────────────────


def test_fifty_badges_complete_although_the_service_is_killed_at_each_step(story: AnchorStory) -> None:
    def kill() -> None:
        story.stack.kill("anchor")
        story.stack.wait_ready("anchor")

    network = story.network
    with network.blocks.paused() as chain:
        network.set_fault(broken())
        story.feed()
        story.wait("closed", at_least=50)
        kill()
        network.set_fault(refuse("eth_sendRawTransaction"))
        story.wait("signed", at_least=50)
        written = set(story.hashes("signed"))
        kill()
        network.set_fault(None)
        story.wait_sent()
        kill()
        chain.mine()
        story.wait("mined", at_least=50)
        kill()
        assert story.proved() == 0
        story.stack.halt("s3")
        chain.mine(10)
        story.wait("final", at_least=50)
        kill()
        story.stack.resume("s3")
    until(lambda: story.proved() >= 1, seconds=30, what="some proofs")
    kill()
    story.completes()
    assert {hash for (hash,) in story.rows("select hash from transactions")} >= written


# ── the endpoints ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [late(6), broken(), wrong_chain(), stale_receipts(), lying_receipts(), lying_finality(), lying_contract()],
    ids=["late", "500", "wrong-chain", "stale", "lying-receipts", "lying-finality", "lying-contract"],
)
def test_fifty_badges_complete_with_one_faulty_endpoint_of_three(story: AnchorStory, fault: Fault) -> None:
    story.network.set_fault(fault, only=0)
    story.feed()
    story.completes()


@pytest.mark.parametrize(
    "fault", [broken(), stale_receipts(), lying_contract()], ids=["500", "stale", "lying-contract"]
)
def test_faults_of_all_endpoints_only_delay_the_proofs(story: AnchorStory, fault: Fault) -> None:
    with story.network.blocks.paused():
        story.feed()
        story.wait("sent")
        story.network.set_fault(fault)
    time.sleep(3)
    assert story.proved() == 0
    story.network.set_fault(None)
    story.completes()


def test_answers_of_another_chain_complete_nothing(story: AnchorStory) -> None:
    """Not only by its id: all that they say is true of a chain that isn't ours."""
    with anvil(1) as other:
        with story.network.blocks.paused():
            story.feed()
            story.wait("sent")
            for node in story.network.nodes:
                node.behind = other.url
        time.sleep(4)
        assert story.proved() == 0
        for node in story.network.nodes:
            node.behind = story.network.chain.url
    story.completes()


def test_proofs_complete_after_thirty_seconds_without_any_endpoint(story: AnchorStory) -> None:
    with story.network.blocks.paused():
        story.feed()
        story.wait("sent", at_least=20)
        story.network.set_fault(broken(503))
    time.sleep(30)
    assert story.proved() == 0
    story.network.set_fault(None)
    story.completes(90)


# ── the chain ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_dropped_transaction_is_sent_again(story: AnchorStory) -> None:
    with story.network.blocks.paused() as chain:
        story.feed()
        story.wait_sent()
        for (hash,) in story.rows("select hash from transactions"):
            chain.call("anvil_dropTransaction", hash)
    story.completes()


@pytest.mark.parametrize("depth", [1, 3])
def test_fifty_badges_complete_after_a_reorg_before_finality(story: AnchorStory, depth: int) -> None:
    with story.network.blocks.paused() as chain:
        story.feed()
        story.wait_sent()
        chain.mine(depth)
        story.wait("mined", at_least=50)
        chain.call("anvil_reorg", depth, [])
        assert story.proved() == 0
    story.completes()


def test_fifty_badges_complete_although_the_base_fee_rises_twentyfold(story: AnchorStory) -> None:
    with story.network.blocks.paused() as chain:
        base = int(chain.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        story.feed()
        story.wait_sent()
        chain.call("anvil_setNextBlockBaseFeePerGas", hex(max(20 * base, GWEI)))
    story.completes()


def test_fifty_badges_complete_although_another_transaction_of_the_key_uses_a_nonce(story: AnchorStory) -> None:
    secrets = story.stack.place.secrets
    account = open_keystore(secrets / "chain-keystore.json", secrets / "chain.password")
    sender = Sender(story.registry, account)
    with story.network.blocks.paused():
        story.feed()
        story.wait_sent()
        nonce = int(story.network.chain.call("eth_getTransactionCount", account.address, "latest"), 16)
        _, raw = sender.sign(
            other_root(str(nonce)), nonce, Fee(90 * GWEI, 5 * GWEI), 100_000, story.rows("select now()")[0][0]
        )
        assert sender.send(raw)[0] == "accepted"
    story.completes()


# ── two of them ─────────────────────────────────────────────────────────────────────────────────────────


def test_two_anchor_processes_at_once_anchor_everything_once(story: AnchorStory) -> None:
    second = story.stack.start_extra("anchor")
    try:
        story.feed()
        story.wait("final")
        with suppress(ProcessLookupError):
            story.stack.kill(second)
        story.completes()
    finally:
        story.stack.remove(second)
