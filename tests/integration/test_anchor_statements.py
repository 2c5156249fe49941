"""Statements of the public count: leaves of the next batch, which are no badges."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from services.anchor import handlers
from services.anchor.domain.proving import TreeCache
from services.anchor.inventory import Proofs
from services.anchor.store import AnchorTransaction
from shared import object_keys
from shared.count_events import StatementAnchored, StatementPublished
from shared.credentials.merkle import root_of
from shared.credentials.merkle_proof import MerkleProof
from shared.events import AssertionAnchored
from shared.office_events import ObjectsScrubbed
from shared.wire import decode
from tests.worlds.anchor import NOW, World, leaf
from tests.worlds.merkle import merkle_proof_in
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.scrub_passes import found, scrubbed

pytest_plugins = ("tests.worlds.anchor_fixtures",)


@pytest.fixture
def world(anchor_world: World) -> World:
    return anchor_world


def publish(world: World, *numbers: int, cohort: str = "2026") -> None:
    """Statements in storage, announced."""
    events = []
    for number in numbers:
        id = object_keys.statement_id(cohort, number)
        key = object_keys.statement(cohort, number)
        world.shelf.kept[key] = json.dumps({"id": id, "proof": [{"type": "first"}]}).encode()
        events.append(StatementPublished(cohort=cohort, number=number, leaf=leaf(id).hex(), stated_at=NOW))
    world.note(AnchorTransaction.note_statements, events)


def proof_of(world: World, number: int, cohort: str = "2026") -> MerkleProof | None:
    document = json.loads(world.shelf.kept[object_keys.statement(cohort, number)])
    return merkle_proof_in(document) if len(document["proof"]) > 1 else None


def told_of_statements(world: World) -> list[StatementAnchored]:
    found = [decode(bytes(value)) for (value,) in world.rows("select value from outbox order by id")]
    return [event for event in found if isinstance(event, StatementAnchored)]


def batches(world: World) -> list[set[str]]:
    rows: Sequence[Any] = world.rows("select array_agg(assertion_id) from leaves where root is not null group by root")
    return sorted((set(ids) for (ids,) in rows), key=sorted)


def test_a_statement_goes_into_the_next_batch_of_badges_and_gets_its_proof(world: World) -> None:
    publish(world, 1, 2)
    publish(world, 1, cohort="2025")
    world.wait(3600)
    assert handlers.close_batch(world.ports) == 0  # no badge waits
    world.award("A", "B")
    world.wait(60)
    assert handlers.close_batch(world.ports) == 5
    world.settle()
    assert batches(world) == [{"A", "B", "2026/1", "2026/2", "2025/1"}]
    proof = proof_of(world, 2)
    assert proof is not None and proof.target_hash == leaf("2026/2")
    assert root_of(leaf("2026/2"), proof.path) == proof.merkle_root
    manifest = json.loads(world.shelf.kept[object_keys.batch_manifest(proof.merkle_root)])
    assert leaf("2026/2").hex() in manifest["leaves"]
    assert {each.assertion_id for each in world.announced()} == {"A", "B"}
    told = {each.statement_id: each for each in told_of_statements(world)}
    assert {(each.cohort, each.number) for each in told.values()} == {("2026", 1), ("2026", 2), ("2025", 1)}
    assert (told["2026/2"].merkle_root, told["2026/2"].leaf) == (proof.merkle_root.hex(), leaf("2026/2").hex())
    assert told["2026/2"].anchored_at == world.announced()[0].anchored_at


def test_without_badges_statements_get_a_batch_after_a_day(world: World) -> None:
    publish(world, 1)
    world.wait(86_399)
    assert handlers.close_batch(world.ports) == 0
    publish(world, 2)
    world.wait(1)
    assert handlers.close_batch(world.ports) == 2
    world.settle()
    assert proof_of(world, 1) is not None and proof_of(world, 2) is not None
    assert world.announced() == [] and len(told_of_statements(world)) == 2
    world.wait(2 * 86_400)
    assert handlers.close_batch(world.ports) == 0


def test_a_statement_that_is_announced_again_is_one_leaf(world: World) -> None:
    publish(world, 1)
    publish(world, 1)
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("delete from inbox")
    publish(world, 1)
    assert world.rows("select assertion_id, is_statement from leaves") == [("2026/1", True)]


def test_a_restored_anchor_puts_no_statement_of_a_known_batch_into_a_second(world: World) -> None:
    backup = back_up(world.ports.store)
    publish(world, 1)
    world.award("A")
    world.wait(60)
    handlers.close_batch(world.ports)
    world.settle()
    before = world.shelf.kept[object_keys.statement("2026", 1)]
    facts = announced(world.ports.store)
    backup.restore()
    take_back(world.ports.store, {AssertionAnchored: AnchorTransaction.take_back_anchored}, facts)
    restored = replace(world, ports=replace(world.ports, trees=TreeCache()))
    events = [StatementPublished(cohort="2026", number=1, leaf=leaf("2026/1").hex(), stated_at=NOW)]
    restored.note(AnchorTransaction.note_statements, events)
    while handlers.read_manifest_again(restored.ports):
        pass
    restored.wait(2 * 86_400)
    assert handlers.close_batch(restored.ports) == 0
    restored.settle(3)
    assert len(restored.rows("select root from batches")) == 1
    assert restored.shelf.kept[object_keys.statement("2026", 1)] == before


@pytest.mark.parametrize("with_badge", [True, False])
def test_a_restored_anchor_knows_the_batch_of_a_statement_and_announces_it_once(world: World, with_badge: bool) -> None:
    backup = back_up(world.ports.store)
    publish(world, 1)
    if with_badge:
        world.award("A")
    world.wait(86_400)
    handlers.close_batch(world.ports)
    world.settle()
    facts, (told,) = announced(world.ports.store), told_of_statements(world)
    backup.restore()
    recalls = dict.fromkeys((AssertionAnchored, StatementAnchored), AnchorTransaction.take_back_anchored)
    take_back(world.ports.store, recalls, facts)  # type: ignore[arg-type]
    restored = replace(world, ports=replace(world.ports, trees=TreeCache()))
    assert restored.rows("select assertion_id, is_statement from leaves where is_statement") == [("2026/1", True)]
    events = [StatementPublished(cohort="2026", number=1, leaf=leaf("2026/1").hex(), stated_at=NOW)]
    restored.note(AnchorTransaction.note_statements, events)
    while handlers.read_manifest_again(restored.ports):
        pass
    restored.wait(2 * 86_400)
    assert handlers.close_batch(restored.ports) == 0
    restored.settle(3)
    assert told_of_statements(restored) == []
    assert [root.hex() for (root,) in restored.rows("select root from leaves where is_statement")] == [told.merkle_root]


def scrub(world: World) -> ObjectsScrubbed:
    def leaf_of_id(document: Any) -> str:
        return leaf(document["id"]).hex()

    inventory = Proofs(TreeCache(), world.ports.verification_method, leaf_of_id)
    return scrubbed(world.ports.store, world.shelf, (inventory,), repair=True)


def test_the_proof_of_a_statement_is_added_again_when_it_is_lost(world: World) -> None:
    publish(world, 1)
    world.award("A")
    world.wait(60)
    handlers.close_batch(world.ports)
    world.settle()
    key = object_keys.statement("2026", 1)
    whole = world.shelf.kept[key]
    assert found(scrub(world)) == {}
    document = json.loads(whole)
    world.shelf.kept[key] = msgspec.json.encode({**document, "proof": document["proof"][:1]})
    assert set(found(scrub(world))) == {key}
    assert world.shelf.kept[key] == whole
