"""Anchor compares its tables with object storage and makes proofs and manifests again.

Tests services/anchor/inventory.py.
"""

from __future__ import annotations

import json

import pytest

from services.anchor.domain.proving import TreeCache
from services.anchor.inventory import Manifests, Proofs
from shared import object_keys
from shared.credentials.content import Document
from shared.office_events import ObjectsScrubbed
from tests.worlds.anchor import World, leaf
from tests.worlds.scrub_passes import count, found, outcomes, scrubbed

pytest_plugins = ("tests.worlds.anchor_fixtures",)

IDS = ("A", "B", "C")
KEYS = [object_keys.credential(id) for id in IDS]


@pytest.fixture
def world(anchor_world: World) -> World:
    """Three badges in one batch, anchored and proved."""
    anchor_world.close(*IDS)
    anchor_world.settle()
    assert len(anchor_world.announced()) == 3
    return anchor_world


def leaf_of_id(credential: Document) -> str:
    """The leaves of this world are those of ids, and of whatever else is in the credential."""
    return leaf("".join(str(value) for name, value in credential.items() if name != "proof")).hex()


def scrub(world: World, *, repair: bool = True) -> ObjectsScrubbed:
    inventories = (Proofs(TreeCache(), world.ports.verification_method, leaf_of_id), Manifests(TreeCache()))
    return scrubbed(world.ports.store, world.shelf, inventories, repair=repair)


def manifest(world: World) -> str:
    return next(key for key in world.shelf.kept if key.startswith(object_keys.BATCHES))


def without_proof(credential: bytes) -> bytes:
    document = json.loads(credential)
    return json.dumps({**document, "proof": document["proof"][:1]}).encode()


def test_nothing_is_at_fault(world: World) -> None:
    before = dict(world.shelf.kept)
    report = scrub(world)
    assert report.named == () and world.shelf.kept == before
    assert (count(report, "proofs").checked, count(report, "batches").checked) == (3, 1)


def test_a_proof_that_is_gone_or_broken_is_added_again_with_the_same_bytes(world: World) -> None:
    before = dict(world.shelf.kept)
    world.shelf.kept[KEYS[0]] = without_proof(before[KEYS[0]])
    other = json.loads(before[KEYS[1]])
    other["proof"][1]["created"] = "2020-01-01T00:00:00Z"
    world.shelf.kept[KEYS[1]] = json.dumps(other).encode()
    assert found(scrub(world, repair=False)) == dict.fromkeys(KEYS[:2], ("different", None))
    assert found(scrub(world)) == dict.fromkeys(KEYS[:2], ("different", "repaired"))
    assert {key: world.shelf.kept[key] for key in before} == before
    assert outcomes(world.ports.store) == ["at-fault", "done"]


@pytest.mark.parametrize("stored", [None, b"", b"{", b'{"proof": []}'], ids=["gone", "empty", "cut", "no proof"])
def test_a_credential_that_is_gone_or_broken_waits_for_the_issuer(world: World, stored: bytes | None) -> None:
    before = world.shelf.kept.pop(KEYS[0])
    if stored is not None:
        world.shelf.kept[KEYS[0]] = stored
    assert [outcome for _, outcome in found(scrub(world)).values()] == ["waits"]
    assert world.shelf.kept.get(KEYS[0]) == stored
    world.shelf.kept[KEYS[0]] = without_proof(before)
    scrub(world)
    assert world.shelf.kept[KEYS[0]] == before


def test_a_changed_credential_waits_for_the_issuer_and_is_not_put_over_what_it_makes(world: World) -> None:
    before = world.shelf.kept[KEYS[0]]
    changed = json.dumps({**json.loads(without_proof(before)), "name": "changed"}).encode()
    world.shelf.kept[KEYS[0]] = changed
    assert found(scrub(world)) == {KEYS[0]: ("different", "waits")}
    assert world.shelf.kept[KEYS[0]] == changed
    world.shelf.kept[KEYS[0]] = without_proof(before)
    scrub(world)
    assert world.shelf.kept[KEYS[0]] == before


@pytest.mark.parametrize("stored", [None, b"{"], ids=["gone", "broken"])
def test_a_manifest_is_written_again_with_the_same_bytes(world: World, stored: bytes | None) -> None:
    key = manifest(world)
    before = world.shelf.kept.pop(key)
    if stored is not None:
        world.shelf.kept[key] = stored
    assert [outcome for _, outcome in found(scrub(world)).values()] == ["repaired"]
    assert world.shelf.kept[key] == before


def test_a_manifest_with_one_network_more_is_left(world: World) -> None:
    """Of a batch whose row was restored to before the root was final there."""
    key = manifest(world)
    document = json.loads(world.shelf.kept[key])
    document["anchors"].append({**document["anchors"][0], "network": "hoodi", "chain_id": 560048})
    world.shelf.kept[key] = more = json.dumps(document).encode()
    assert scrub(world).named == ()
    assert world.shelf.kept[key] == more


def test_the_manifest_of_a_batch_that_no_table_has_is_named_and_left(world: World) -> None:
    key = object_keys.batch_manifest(b"\1" * 32)
    world.shelf.kept[key] = b"{}"
    assert found(scrub(world)) == {key: ("only-stored", "unknown")}
    assert world.shelf.kept[key] == b"{}"
    assert outcomes(world.ports.store) == ["done"]


def test_a_manifest_whose_leaves_only_it_knew_is_lost(world: World) -> None:
    key = manifest(world)
    del world.shelf.kept[key]
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("delete from leaves where assertion_id = 'A'")
    assert found(scrub(world)) == {key: ("missing", "lost")}
    assert outcomes(world.ports.store) == ["at-fault"]


def test_leaves_that_are_not_proved_yet_are_no_fault(world: World) -> None:
    world.close("D")
    assert scrub(world).named == ()
