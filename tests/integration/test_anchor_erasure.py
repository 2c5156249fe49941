"""Anchor and an erased person: the batch stays whole, all others get their proofs, nothing waits for what is gone.

Tests services/anchor/erasure.py and store. The chain is a private one of the test.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from services.anchor import erasure, handlers
from services.anchor.domain.proving import TreeCache, read_manifest
from services.anchor.inventory import Manifests, Proofs
from services.anchor.store import AnchorTransaction
from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.events import AssertionRevoked
from tests.worlds.anchor import NOW, World, issued, leaf, received
from tests.worlds.objects import MemoryObjects
from tests.worlds.scrub_passes import scrubbed
from tests.worlds.story import until

pytest_plugins = ("tests.worlds.anchor_fixtures",)

KEYS = {id: object_keys.credential(id) for id in "ABC"}


def erased(*ids: str) -> AssertionsErased:
    return AssertionsErased(
        decision_id="E1", subject="r-A", registration_ids=("r-A",), erased_at=NOW, assertion_ids=ids
    )


def revoked(id: str) -> AssertionRevoked:
    return AssertionRevoked(assertion_id=id, reason="gone", revoked_at=NOW, erased=True)


def proofs_of(world: World) -> dict[str, int]:
    return {id: len(json.loads(world.shelf.kept[key])["proof"]) for id, key in KEYS.items() if key in world.shelf.kept}


@pytest.mark.parametrize("told", ["revoked", "erased", "erased, then revoked"])
def test_of_a_closed_batch_all_others_are_proved_and_nothing_waits_for_the_credential_that_is_gone(
    anchor_world: World, told: str
) -> None:
    root = anchor_world.close("A", "B", "C")
    if told != "revoked":
        erasure.note_erased([erased("A")], anchor_world.ports)
    if "revoked" in told:
        anchor_world.note(AnchorTransaction.note_revoked, [revoked("A")])
    del anchor_world.shelf.kept[KEYS["A"]]
    anchor_world.settle()
    assert sorted(event.assertion_id for event in anchor_world.announced()) == ["B", "C"]
    assert proofs_of(anchor_world) == {"B": 2, "C": 2}
    manifest = read_manifest(anchor_world.shelf.kept[object_keys.batch_manifest(root)], root)
    assert set(manifest.leaves) == {leaf("A"), leaf("B"), leaf("C")}
    left = "select assertion_id from leaves where proved_at is null or attempts > 0 or last_error is not null"
    assert anchor_world.rows(left) == []
    inventories = (Proofs(TreeCache(), anchor_world.ports.verification_method), Manifests(TreeCache()))
    report = scrubbed(anchor_world.ports.store, anchor_world.shelf, inventories, repair=True)
    assert KEYS["A"] not in {fault.key for fault in report.named} | anchor_world.shelf.kept.keys()


def test_what_waits_for_a_batch_gets_into_none_whichever_event_comes_first(anchor_world: World) -> None:
    anchor_world.award("A", "B")
    erasure.note_erased([erased("A", "C")], anchor_world.ports)
    anchor_world.note(AnchorTransaction.note_revoked, [revoked("A")])
    anchor_world.note(AnchorTransaction.note_issued_ready, [issued("C")])
    anchor_world.note(AnchorTransaction.note_received, [received("C")])
    anchor_world.wait(60)
    assert handlers.close_batch(anchor_world.ports) == 1
    assert anchor_world.rows("select assertion_id from leaves where root is not null") == [("B",)]


class Slow(MemoryObjects):
    """A put of the credential of A waits until somebody lets it go on."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        super().__init__(kept)
        self.begun, self.may_end = threading.Event(), threading.Event()

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if key == KEYS["A"]:
            self.begun.set()
            assert self.may_end.wait(30)
        super().put(key, body, content_type)


def test_a_proof_that_is_being_put_brings_no_credential_back(anchor_world: World) -> None:
    """Anchor has read the credential, the issuer deletes it, the put of anchor follows."""
    anchor_world.close("A", "B", "C")
    slow = Slow(anchor_world.shelf.kept)
    ports = anchor_world.ports
    object.__setattr__(anchor_world, "ports", replace(ports, objects=slow))
    settling = threading.Thread(target=anchor_world.settle)
    settling.start()
    assert slow.begun.wait(60)
    del anchor_world.shelf.kept[KEYS["A"]]
    noting = threading.Thread(target=erasure.note_erased, args=([erased("A")], ports))
    noting.start()
    waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    until(lambda: anchor_world.rows(waiting), seconds=30, what="the erasure to wait for the put")
    slow.may_end.set()
    settling.join(60)
    noting.join(60)
    assert KEYS["A"] in anchor_world.shelf.kept
    assert erasure.delete_erased(ports) == 1
    assert KEYS["A"] not in anchor_world.shelf.kept
    anchor_world.shelf.kept[KEYS["A"]] = b"{}"  # a put that timed out takes effect
    anchor_world.wait(60)
    assert erasure.delete_erased(ports) == 1
    assert KEYS["A"] not in anchor_world.shelf.kept and anchor_world.rows("select * from deletions") == []


def test_after_a_reorg_the_proofs_of_all_others_are_made_again(anchor_world: World) -> None:
    root = anchor_world.close("A", "B", "C")
    anchor_world.settle()
    erasure.note_erased([erased("A")], anchor_world.ports)
    erasure.delete_erased(anchor_world.ports)
    with anchor_world.ports.store.transaction() as tx:
        tx.cursor.execute("update batches set proof_names = '0x' || repeat('9', 64) where root = %b", (root,))
        tx.batches.name_proofs(tx.fetch_value("select decided_by from batches where root = %b", (root,)))
    unproved = "select assertion_id from leaves where proved_at is null order by 1"
    assert anchor_world.rows(unproved) == [("B",), ("C",)]
    anchor_world.settle(2)
    assert anchor_world.rows(unproved) == [] and proofs_of(anchor_world) == {"B": 2, "C": 2}
