"""An anchor whose database is restored to before it anchored; chain, object storage and announcements are kept.

Tests services/anchor: store/recalled, handlers, submission.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from services.anchor import handlers
from services.anchor.domain.proving import TreeCache
from services.anchor.network import submission
from services.anchor.store import AnchorTransaction
from shared.credentials.merkle import root_of
from shared.events import AssertionAnchored
from tests.worlds.anchor import World, issued, leaf, received, revoked
from tests.worlds.merkle import merkle_proof_in
from tests.worlds.recalled import Backup, Fact, announced, back_up, take_back

pytest_plugins = ("tests.worlds.anchor_fixtures",)

IDS = ("A", "B", "C", "D")


@pytest.fixture
def world(anchor_world: World) -> World:
    return anchor_world


def restored(world: World, backup: Backup) -> World:
    """Go back to `backup`, and start: own facts are taken back before anything else."""
    facts = announced(world.ports.store)
    backup.restore()
    world.shelf.puts.clear()
    take_back(world.ports.store, {AssertionAnchored: AnchorTransaction.take_back_anchored}, facts)
    return replace(world, ports=replace(world.ports, trees=TreeCache()))


def taken_again(world: World, facts: list[Fact]) -> None:
    """As from a topic that holds each of them twice."""
    with world.ports.store.transaction() as tx:
        tx.take_back_anchored([fact.event for fact in (*facts, *facts) if isinstance(fact.event, AssertionAnchored)])


def tick(world: World, rounds: int = 3) -> None:
    """What the process does by itself. In three rounds leaves are proved, in nine a root that is sent is final."""
    world.wait(60)
    while handlers.read_manifest_again(world.ports):
        pass
    handlers.close_batch(world.ports)
    world.settle(rounds)
    submission.check_finality(world.network)


def sent(world: World) -> int:
    """How many transactions of our account are on the chain."""
    return int(world.chain.call("eth_getTransactionCount", world.account.address, "latest"), 16)


def rows(world: World) -> list[Any]:
    """What counts of the rows: not when they were written."""
    return [
        world.rows(
            "select assertion_id, leaf, root, proved_at is null, excluded_as, valid_until from leaves order by 1"
        ),
        world.rows(
            "select root, leaf_count, proof_names, manifest_at is null, manifest_unread from batches order by 1"
        ),
        world.rows(
            "select root, network, anchorings.chain_id, anchorings.contract, state, transaction, block_number,"
            " block_hash, anchored_at, decided_by = anchorings.id from anchorings"
            " join anchored_roots on anchoring = anchorings.id join batches using (root) order by 1, 2"
        ),
        world.rows("select leaf from recalled_leaves"),
    ]


def is_sound(world: World, id: str) -> bool:
    """One proof by the chain, which leads from the leaf to the root that it names."""
    document = json.loads(world.shelf.kept[f"credentials/{id}.json"])
    proof = merkle_proof_in(document)
    return len(document["proof"]) == 2 and root_of(leaf(id), proof.path) == proof.merkle_root


MOMENTS = ("empty", "issued", "received", "closed", "signed", "sent", "mined", "final")


def live(world: World) -> dict[str, Backup]:
    """Anchor four badges; a backup of each moment."""
    store, made = world.ports.store, {}
    made["empty"] = back_up(store)
    for id in IDS:
        world.shelf.kept[f"credentials/{id}.json"] = json.dumps({"id": id, "proof": [{"type": "first"}]}).encode()
    world.note(AnchorTransaction.note_issued, [issued(id) for id in IDS])
    made["issued"] = back_up(store)
    world.note(AnchorTransaction.note_received, [received(id) for id in IDS])
    world.wait(60)
    made["received"] = back_up(store)
    handlers.close_batch(world.ports)
    made["closed"] = back_up(store)
    submission.sign_next(world.network)
    made["signed"] = back_up(store)
    submission.send_next(world.network)
    made["sent"] = back_up(store)
    world.wait(2)
    submission.confirm(world.network)
    assert world.states() == ["mined"]
    made["mined"] = back_up(store)
    world.chain.mine(8)
    world.wait(2)
    submission.confirm(world.network)
    assert world.states() == ["final"]
    made["final"] = back_up(store)
    world.settle()
    assert len(world.announced()) == len(IDS)
    return made


def test_what_was_anchored_after_the_backup_stands_and_nothing_is_done_again(world: World) -> None:
    backups = live(world)
    whole, objects, transactions = rows(world), dict(world.shelf.kept), sent(world)
    facts = announced(world.ports.store)
    for moment in MOMENTS:
        for backward in (False, True):
            again = restored(world, backups[moment])
            taken_again(again, facts)
            deliveries: list[Callable[[], None]] = [
                lambda w=again: w.note(AnchorTransaction.note_issued, [issued(id) for id in IDS]),  # type: ignore[misc]
                lambda w=again: w.note(AnchorTransaction.note_received, [received(id) for id in IDS]),  # type: ignore[misc]
            ]
            for deliver in reversed(deliveries) if backward else deliveries:
                deliver()
                tick(again)
            assert rows(again) == whole, moment
            assert again.shelf.puts == [], moment
            assert again.announced() == [], moment
    assert world.shelf.kept == objects
    assert sent(world) == transactions


@pytest.mark.parametrize("order", list(permutations(range(3)))[::2])
def test_leaves_of_the_batch_that_were_not_announced_get_their_proofs_under_the_same_root(
    world: World, order: tuple[int, ...]
) -> None:
    backup = back_up(world.ports.store)
    root = world.close(*IDS)
    world.shelf.puts_left = 3  # the manifest and two credentials
    world.settle()
    assert len(world.announced()) == 2
    transactions, manifest = sent(world), world.shelf.kept[f"batches/{root.hex()}.json"]
    world.shelf.puts_left = None
    again = restored(world, backup)
    assert handlers.close_batch(again.ports) == 0
    deliveries = [
        lambda: again.note(AnchorTransaction.note_issued, [issued(id) for id in (*IDS, "E")]),
        lambda: again.note(AnchorTransaction.note_received, [received(id) for id in IDS]),
        lambda: again.note(AnchorTransaction.note_revoked, [revoked(id) for id in IDS]),
    ]
    for number in order:
        deliveries[number]()
        tick(again)
    assert again.rows("select distinct root from leaves where root is not null") == [(root,)]
    assert again.rows("select count(*) from leaves where proved_at is not null") == [(4,)]
    assert again.rows("select assertion_id from leaves where root is null") == [("E",)]
    assert len({event.assertion_id for event in again.announced()}) == len(again.announced()) == 2
    assert all(is_sound(again, id) for id in IDS)
    assert again.shelf.kept[f"batches/{root.hex()}.json"] == manifest
    assert sent(world) == transactions
    assert again.rows("select count(*) from recalled_leaves") == [(0,)]


def test_a_batch_is_not_closed_while_the_manifests_cannot_be_read(world: World) -> None:
    backup = back_up(world.ports.store)
    world.close(*IDS)
    world.shelf.puts_left = 2
    world.settle()
    again = restored(world, backup)
    again.award(*IDS)
    world.shelf.away = True
    tick(again)
    assert again.rows("select count(*) from batches") == [(1,)]
    world.shelf.away, world.shelf.puts_left = False, None
    tick(again)
    assert again.rows("select count(*) from batches") == [(1,)]
    assert again.rows("select count(*) from leaves where proved_at is not null") == [(4,)]


@pytest.mark.parametrize("puts", [2, None], ids=["one announced", "all announced"])
def test_a_manifest_that_is_gone_is_written_again_only_with_all_its_leaves(world: World, puts: int | None) -> None:
    backup = back_up(world.ports.store)
    root = world.close(*IDS)
    key = f"batches/{root.hex()}.json"
    world.shelf.puts_left = puts
    world.settle()
    manifest = world.shelf.kept.pop(key)
    world.shelf.puts_left = None
    again = restored(world, backup)
    again.note(AnchorTransaction.note_issued, [issued(id) for id in IDS])
    again.note(AnchorTransaction.note_received, [received(id) for id in IDS])
    tick(again, 9)
    assert world.shelf.kept.get(key) == (None if puts else manifest)
    assert again.rows("select count(*) from leaves where proved_at is not null") == [(4,)]
    assert again.rows("select count(*) from batches") == [(2 if puts else 1,)]
    assert all(is_sound(again, id) for id in IDS)


def test_a_root_sent_after_the_backup_and_not_announced_is_adopted(world: World) -> None:
    world.award(*IDS)
    world.wait(60)
    backup = back_up(world.ports.store)
    assert handlers.close_batch(world.ports) == 4
    submission.submit(world.network)
    world.chain.mine()
    transactions = sent(world)
    again = restored(world, backup)
    tick(again, 9)
    assert again.states() == ["final"]
    assert sent(world) == transactions
    assert len(again.announced()) == 4
    assert again.rows("select count(*) from transactions") == [(0,)]


@pytest.mark.parametrize("mined", [True, False])
def test_after_a_restore_the_next_nonce_is_the_one_that_the_chain_has_next(world: World, mined: bool) -> None:
    world.close("first")
    world.settle()
    world.award("A")
    world.wait(60)
    backup = back_up(world.ports.store)
    world.chain.mine_at_once(False)
    handlers.close_batch(world.ports)
    submission.submit(world.network)  # its nonce is in none of the restored tables
    if mined:
        world.chain.mine()
    again = restored(world, backup)
    again.award("B")
    again.wait(60)
    assert handlers.close_batch(again.ports) == 2
    again.wait(61)
    again.settle(20)
    assert again.states() == ["final", "final"]
    assert all(is_sound(again, id) for id in ("A", "B"))
    nonces = [row[0] for row in again.rows("select nonce from transactions order by number")]
    assert nonces == [nonces[0], nonces[0] + 2]


def test_a_transaction_replaced_after_the_backup_leaves_its_root_anchored_once(world: World) -> None:
    world.chain.mine_at_once(False)
    root = world.close("A")
    submission.submit(world.network)
    backup = back_up(world.ports.store)
    world.wait(61)
    submission.confirm(world.network)
    submission.submit(world.network)
    world.chain.mine()
    transactions = sent(world)
    assert len(world.rows("select 1 from transactions")) == 2
    again = restored(world, backup)
    again.wait(61)
    again.settle(30)
    assert again.states() == ["final"]
    assert sent(world) == transactions
    assert [event.merkle_root for event in again.announced()] == [root.hex()]
    assert is_sound(again, "A")
