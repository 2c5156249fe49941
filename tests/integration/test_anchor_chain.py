"""The way of a batch to finality, against a real chain (anvil) and a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from threading import Thread
from typing import Any, cast

import pytest
from web3 import HTTPProvider

from services.anchor import handlers
from services.anchor.domain.proving import TreeCache
from services.anchor.handlers import Ports
from services.anchor.network import submission
from services.anchor.network.sender import Sender
from services.anchor.store import AnchorTransaction
from shared.chain.registry import Registry
from shared.chain.rpc import Refused
from shared.credentials.merkle import root_of
from tests.worlds.anchor import GWEI, Hand, World, encode, issued, leaf, received, revoked
from tests.worlds.anvil import CHAIN_ID
from tests.worlds.merkle import merkle_proof_in

pytest_plugins = ("tests.worlds.anchor_fixtures",)


@pytest.fixture
def world(anchor_world: World) -> World:
    """The other tests of this folder have a world of their own."""
    return anchor_world


def test_received_badges_get_a_proof_that_leads_to_the_anchored_root(world: World, registry: Registry) -> None:
    ids = ("A", "B", "C")
    root = world.close(*ids)
    assert submission.submit(world.network) == 2
    submission.confirm(world.network)
    handlers.prove(world.ports)
    assert world.announced() == []  # nothing is said before finality
    world.settle()
    assert world.states() == ["final"]
    events = world.announced()
    assert sorted(event.assertion_id for event in events) == list(ids)
    for event in events:
        document = json.loads(world.shelf.kept[f"credentials/{event.assertion_id}.json"])
        proof = merkle_proof_in(document)
        assert root_of(leaf(event.assertion_id), proof.path) == proof.merkle_root == root
        facts = registry.transaction(proof.anchors[0].transaction)
        assert facts is not None
        assert (facts.input, facts.to, facts.succeeded) == (root, registry.address, True)
        anchoring = registry.entry_of(root)
        assert anchoring is not None
        assert (event.block_number, event.anchored_at) == (anchoring.block_number, anchoring.anchored_at)
    manifest = json.loads(world.shelf.kept[f"batches/{root.hex()}.json"])
    assert [anchor["transaction"] for anchor in manifest["anchors"]] == [events[0].transaction]
    assert manifest["leaves"] == sorted(leaf(id).hex() for id in ids)


def test_the_receipt_may_come_before_the_issue(world: World) -> None:
    world.note(AnchorTransaction.note_received, [received("A")])
    world.note(AnchorTransaction.note_issued, [issued("B")])
    world.wait(60)
    assert handlers.close_batch(world.ports) == 0
    world.note(AnchorTransaction.note_issued, [issued("A")])
    world.wait(60)
    assert handlers.close_batch(world.ports) == 1


def test_a_badge_issued_as_ready_is_batched_without_a_receipt(world: World) -> None:
    world.note(AnchorTransaction.note_issued_ready, [issued("A"), issued("B")])
    world.wait(60)
    assert handlers.close_batch(world.ports) == 2


def test_repeated_events_leave_one_leaf(world: World) -> None:
    world.close("A", "B")
    world.award("A", "B")
    world.wait(60)
    assert handlers.close_batch(world.ports) == 0


def test_a_badge_revoked_before_its_batch_is_left_out_of_it(world: World) -> None:
    world.award("A", "B")
    world.note(AnchorTransaction.note_revoked, [revoked("A"), revoked("C")])
    world.award("C")
    world.wait(60)
    assert handlers.close_batch(world.ports) == 1
    assert world.rows("select assertion_id from leaves where root is not null") == [("B",)]
    world.note(AnchorTransaction.note_revoked, [revoked("B")])
    assert world.rows("select excluded_as from leaves where assertion_id = 'B'") == [(None,)]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::7])
def test_only_the_corrected_version_is_anchored_in_whichever_order_events_come(
    world: World, order: tuple[int, ...]
) -> None:
    """The wallet passes the receipt on to the new version without its holder; it may come before the issue."""
    reports: list[Callable[[], None]] = [
        lambda: world.note(AnchorTransaction.note_issued, [issued("old")]),
        lambda: world.note(AnchorTransaction.note_received, [received("old")]),
        lambda: world.note(AnchorTransaction.note_revoked, [revoked("old")]),
        lambda: world.note(AnchorTransaction.note_issued, [issued("new", corrects="old")]),
        lambda: world.note(AnchorTransaction.note_received, [received("new")]),
    ]
    for number in (*order, *order):
        reports[number]()
    world.wait(60)
    assert handlers.close_batch(world.ports) == 1
    assert world.rows("select assertion_id from leaves where root is not null") == [("new",)]


def test_a_full_batch_leaves_the_rest_to_the_next(world: World) -> None:
    world.award(*"ABCDEFG")
    assert handlers.close_batch(world.ports) == 5
    assert handlers.close_batch(world.ports) == 0
    world.wait(30)
    assert handlers.close_batch(world.ports) == 2


def test_one_process_at_a_time_closes_and_signs(world: World) -> None:
    world.award("A")
    world.wait(60)
    with world.ports.store.transaction() as other:
        assert other.try_writer_lock()
        assert handlers.close_batch(world.ports) == 0
    assert handlers.close_batch(world.ports) == 1
    with world.ports.store.transaction() as other:
        assert other.try_writer_lock(CHAIN_ID)
        assert submission.sign_next(world.network) == 0


def test_a_transaction_signed_before_a_crash_is_the_one_that_becomes_final(world: World) -> None:
    world.close("A")
    assert submission.sign_next(world.network) == 1
    written = world.rows("select hash, nonce from transactions")
    reborn = replace(world, ports=replace(world.ports, trees=TreeCache()))
    reborn.settle()
    assert world.rows("select hash, nonce from transactions") == written
    assert world.states() == ["final"]


def test_a_transaction_sent_before_a_crash_becomes_final_without_a_second_one(world: World) -> None:
    world.close("A")
    submission.sign_next(world.network)
    raw = bytes(world.rows("select raw from transactions")[0][0])
    assert world.network.sender.send(raw)[0] == "accepted"
    world.settle()
    assert world.states() == ["final"]
    assert len(world.rows("select 1 from transactions")) == 1


def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(world: World) -> None:
    world.chain.mine_at_once(False)
    world.close("A")
    submission.submit(world.network)
    [(hash,)] = world.rows("select hash from transactions")
    world.chain.call("anvil_dropTransaction", hash)
    world.settle()
    assert world.states() == ["final"]
    assert world.rows("select transaction from anchorings") == [(hash,)]


def test_a_stuck_transaction_is_replaced_with_the_same_nonce_and_a_higher_fee(world: World) -> None:
    world.chain.mine_at_once(False)
    world.close("A")
    submission.submit(world.network)
    world.wait(61)
    submission.confirm(world.network)
    world.settle()
    rows = world.rows("select nonce, fee_most from transactions order by number")
    assert len(rows) == 2
    assert rows[0][0] == rows[1][0]
    assert rows[1][1] * 8 >= rows[0][1] * 9
    assert world.states() == ["final"]


def test_nothing_is_signed_while_the_base_fee_is_above_the_cap(world: World) -> None:
    world.close("A")
    world.chain.call("anvil_setNextBlockBaseFeePerGas", hex(500 * GWEI))
    world.chain.mine()
    assert submission.submit(world.network) == 0
    assert world.rows("select last_error from anchorings")[0][0].endswith("above max_fee_gwei")
    world.chain.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    world.settle(30)
    assert world.states() == ["final"]


def test_a_root_whose_nonce_was_used_elsewhere_is_signed_with_the_next_one(world: World, hand: Hand) -> None:
    world.close("A")
    submission.sign_next(world.network)
    assert hand.send(leaf("elsewhere")).succeeded
    submission.submit(world.network)
    world.wait(61)
    world.settle()
    rows = world.rows("select nonce from transactions order by number")
    assert [row[0] for row in rows] == [rows[0][0], rows[0][0] + 1]
    assert world.states() == ["final"]


def test_a_batch_becomes_final_once_after_a_reorg_before_finality(world: World, registry: Registry) -> None:
    root = world.close("A")
    submission.submit(world.network)
    world.wait(2)
    submission.confirm(world.network)
    assert world.states() == ["mined"]
    world.chain.mine_at_once(False)
    world.chain.call("anvil_reorg", 1, [])
    assert registry.entry_of(root) is None
    world.wait(2)
    submission.confirm(world.network)
    assert world.states() == ["sent"]
    world.settle()
    assert world.states() == ["final"]
    assert len(world.announced()) == 1
    assert len(world.rows("select 1 from transactions")) == 1


def test_a_batch_that_waits_for_finality_is_asked_after_by_two_calls(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.close("A")
    submission.submit(world.network)
    world.wait(2)
    assert submission.confirm(world.network) == 1
    assert world.states() == ["mined"]
    asked: list[str] = []
    request = HTTPProvider.make_request

    def counted(self: HTTPProvider, method: Any, params: Any) -> Any:
        asked.append(method)
        return request(self, method, params)

    monkeypatch.setattr(HTTPProvider, "make_request", counted)
    world.wait(2)
    assert submission.confirm(world.network) == 0, "nothing for other ticks to do"
    assert world.states() == ["mined"]
    assert [method for method in asked if method != "eth_chainId"] == ["eth_getBlockByNumber"] * 2
    world.settle()
    assert world.states() == ["final"]


def test_without_the_role_nothing_is_signed_and_the_reason_is_stored(
    world: World, registry: Registry, hand: Hand
) -> None:
    role = registry.node.web3.keccak(text="ANCHOR_ROLE")
    assert hand.send(encode(registry, "renounceRole", bytes(role), world.account.address)).succeeded
    world.close("A")
    with pytest.raises(Refused):
        world.network.sender.estimate(leaf("A"))
    assert submission.submit(world.network) == 0
    assert world.states() == ["closed"]
    assert "the contract answered" in world.rows("select last_error from anchorings")[0][0]


def test_a_batch_stays_pending_while_the_node_is_unavailable(world: World, registry: Registry) -> None:
    world.close("A")
    away = Sender(Registry("http://127.0.0.1:9", registry.address, CHAIN_ID), world.account)
    offline = replace(world.network, sender=away)
    assert submission.submit(offline) == 0
    world.wait(5)
    submission.sign_next(world.network)
    assert submission.send_next(offline) == 0
    assert world.states() == ["signed"]
    world.wait(5)
    world.settle()
    assert world.states() == ["final"]


@pytest.mark.parametrize("gone_after", [0, 1, 3])
def test_only_credentials_that_were_put_are_announced_while_storage_fails(world: World, gone_after: int) -> None:
    world.close("A", "B", "C")
    world.chain.mine_at_once(True)
    submission.submit(world.network)
    world.chain.mine(10)
    world.wait(2)
    submission.confirm(world.network)
    assert world.states() == ["final"]
    world.shelf.puts_left = gone_after
    handlers.prove(world.ports)
    told = {event.assertion_id for event in world.announced()}
    assert told == {id for id in "ABC" if b"merkle-proof-2019" in world.shelf.kept[f"credentials/{id}.json"]}
    assert len(told) == max(gone_after - 1, 0)  # the manifest goes first
    world.shelf.puts_left = 99
    world.wait(5)
    handlers.prove(world.ports)
    assert sorted(event.assertion_id for event in world.announced()) == ["A", "B", "C"]


def test_the_other_credentials_get_their_proofs_when_one_is_missing(world: World) -> None:
    world.close("A", "B")
    lost = world.shelf.kept.pop("credentials/A.json")
    world.settle()
    assert [event.assertion_id for event in world.announced()] == ["B"]
    assert world.rows("select last_error from leaves where assertion_id = 'A'") == [
        ("object credentials/A.json: not there",)
    ]
    with world.ports.store.transaction() as tx:
        assert tx.leaves.at_fault() == 1  # tried several times: somebody has to look at it
    world.shelf.kept["credentials/A.json"] = lost
    world.wait(600)
    handlers.prove(world.ports)
    with world.ports.store.transaction() as tx:
        assert tx.leaves.at_fault() == 0
    assert [event.assertion_id for event in world.announced()] == ["B", "A"]


def test_proofs_put_before_a_crash_are_announced_with_the_same_bytes(world: World) -> None:
    world.close("A")
    world.settle()
    before = dict(world.shelf.kept)
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("update leaves set proved_at = null")
    world.shelf.puts_left = 0
    assert handlers.prove(world.ports) == 1
    assert world.shelf.kept == before


def test_two_processes_at_once_anchor_and_announce_everything_once(world: World) -> None:
    ids = [f"X{number:02}" for number in range(23)]
    world.award(*ids)
    world.wait(60)
    faults: list[BaseException] = []

    def run(ports: Ports) -> None:
        ticks: tuple[Callable[[], int], ...] = (
            lambda: handlers.close_batch(ports),
            lambda: submission.submit(world.network),
            lambda: submission.confirm(world.network),
            lambda: handlers.prove(ports),
        )
        try:
            for _ in range(15):
                for tick in ticks:
                    while tick():
                        pass
                world.chain.mine()
                world.wait(1)
        except BaseException as fault:  # shown by the assertion below, in the test's own thread
            faults.append(fault)

    pair = [Thread(target=run, args=(replace(world.ports, trees=TreeCache()),)) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join(60)
    assert faults == []
    world.settle()
    assert world.states() == ["final"] * 5
    assert sorted(event.assertion_id for event in world.announced()) == ids
    rows = world.rows("select anchoring, nonce from transactions order by number")
    assert len(rows) == len({row[0] for row in rows}) == len({row[1] for row in rows}) == 5


# ── one at fault ────────────────────────────────────────────────────────────────────────────────────────


class FailingFor:
    """A sender on whose work with one root something fails that nobody expects."""

    def __init__(self, sender: Sender, root: bytes, fault: Exception, method: str) -> None:
        self._sender, self._root, self._fault, self._method = sender, root, fault, method

    def __getattr__(self, name: str) -> Any:
        usual = getattr(self._sender, name)
        if name != self._method:
            return usual

        def call(*given: Any, **named: Any) -> Any:
            if self._root in given[0]:  # the roots, the input, or the raw bytes
                raise self._fault
            return usual(*given, **named)

        return call


@pytest.mark.parametrize("method", ["known", "estimate", "send", "expected", "facts"])
@pytest.mark.parametrize("fault", [OverflowError("int too large"), KeyError("baseFeePerGas")])
def test_a_batch_on_which_the_program_fails_delays_no_other(method: str, fault: Exception, world: World) -> None:
    bad = world.close("A")
    world.close("B", "C")
    usual = world.network
    world.network = replace(usual, sender=cast(Sender, FailingFor(usual.sender, bad, fault, method)))
    world.settle(8)
    if method == "send":  # its nonce comes first: on chain the others wait for it, and they are there
        assert sorted(world.states()) == ["sent", "signed"]
    else:
        assert sorted(event.key for event in world.announced()) == ["B", "C"]
    world.network = usual
    world.wait(600)
    world.settle()
    assert sorted(event.key for event in world.announced()) == ["A", "B", "C"]


@pytest.mark.parametrize("broken", [b"[1]", b'{"proof": 7}', b"[" * 20_000, b'"text"'])
def test_a_credential_that_takes_no_proof_delays_no_other(broken: bytes, world: World) -> None:
    world.close("A", "B", "C")
    world.shelf.kept["credentials/B.json"] = broken
    world.settle()
    assert sorted(event.key for event in world.announced()) == ["A", "C"]
