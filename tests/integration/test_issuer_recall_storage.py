"""A restored issuer and what object storage has: status lists, credentials, editions of badge classes stay."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from services.issuer import handlers
from services.issuer.domain.issuance import Issuer
from services.issuer.handlers import Ports
from services.issuer.metrics import BITS_ONLY_PUBLISHED
from shared import object_keys
from shared.errors import NotFound
from shared.events import AssertionIssued
from tests.worlds.credentials import KEY, SOURCES, renewed
from tests.worlds.issuer import World, corrected, id_of, order
from tests.worlds.issuer_restored import STRANGER, anchor, only_published, restore, second_proof, start
from tests.worlds.recalled import back_up

# ── status lists ───────────────────────────────────────────────────────────────────────────────────────


def revoked_then_lost(world: World) -> set[int]:
    """Bits that are published and that neither table nor Kafka knows."""
    handlers.begin(world.ports)
    world.issue(renewed(1), renewed(2))
    backup = back_up(world.ports.store)
    world.decide(order(id_of(1)))
    world.publish()
    bits = world.published_bits()
    restore(world, backup)
    assert len(bits) == 1
    return bits


def test_a_bit_that_only_the_published_list_has_stays_set_and_is_counted(world: World) -> None:
    bits = revoked_then_lost(world)
    start(world)
    world.decide(order(id_of(2)))
    world.publish()
    assert world.published_bits() == bits | world.bits_of([id_of(2)])
    assert only_published() == 1
    world.decide(order(id_of(1)))
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1), id_of(2)])
    assert only_published() == 0


def test_what_a_replica_found_is_measured_again_after_another_put_it_right(world: World) -> None:
    revoked_then_lost(world)
    start(world)
    world.decide(order(id_of(2)))
    world.publish()
    assert handlers.look_again(world.ports) == 0
    assert only_published() == 1  # it still is so
    world.decide(order(id_of(1)))
    world.publish()
    BITS_ONLY_PUBLISHED.labels("1").set(1)  # as in a process that has published nothing since
    assert handlers.look_again(world.ports) == 0
    assert only_published() == 0


def test_a_published_list_that_storage_does_not_give_is_not_replaced(world: World) -> None:
    bits = revoked_then_lost(world)
    start(world)

    class GivesNoList:
        def put(self, key: str, body: bytes, content_type: str) -> None:
            world.shelf.put(key, body, content_type)

        def get(self, key: str) -> bytes:
            world.shelf.away = key.startswith("status/")
            try:
                return world.shelf.get(key)
            finally:
                world.shelf.away = False

        list_keys, delete = world.shelf.list_keys, world.shelf.delete

    handlers.publish(replace(world.ports, objects=GivesNoList()))
    assert "status/1.json" not in world.shelf.keys
    assert "storage away" in world.rows("select last_error from documents where name = 'status/1'")[0][0]
    world.wait(minutes=1)
    world.publish()
    assert world.published_bits() == bits


@pytest.mark.parametrize("broken", ["no JSON", "another's"])
def test_a_published_list_that_is_not_ours_or_broken_is_replaced(world: World, broken: str) -> None:
    handlers.begin(world.ports)
    world.issue(renewed(1))
    world.decide(order(id_of(1)))
    world.publish()
    document = {name: value for name, value in world.shelf.json("status/1.json").items() if name != "proof"}
    bodies = {"no JSON": b'{"id', "another's": json.dumps(STRANGER.sign(document, world.now)).encode()}
    world.shelf.put("status/1.json", bodies[broken], "application/json")
    handlers.begin(world.ports)
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])
    assert world.shelf.json("status/1.json")["proof"][0]["verificationMethod"] == KEY.verification_method


def test_a_bit_of_the_published_list_is_not_drawn(world: World) -> None:
    revoked_then_lost(world)
    start(world)
    lost = world.published_bits()
    assert lost <= {index for (index,) in world.rows("select status_index from status_entries where status_list = 1")}


def test_after_a_restore_bits_are_drawn_from_a_list_that_was_never_used(world: World) -> None:
    world.issue(renewed(1))
    backup = back_up(world.ports.store)
    world.issue(renewed(2))
    left = restore(world, backup)
    start(world, left.facts)
    world.issue(renewed(3))
    world.publish()
    assert [event.status_list for event in world.announced(AssertionIssued)] == [1, 2]
    assert "status/2.json" in world.shelf.kept
    start(world)
    world.issue(renewed(4))
    assert world.announced(AssertionIssued)[-1].status_list == 2


def test_an_ordinary_start_goes_on_in_the_same_list(world: World) -> None:
    for number in (1, 2, 3):
        handlers.begin(world.ports)
        world.issue(renewed(number))
        world.publish()
        world.wait(hours=30)
    assert {event.status_list for event in world.announced(AssertionIssued)} == {1}


# ── credentials ────────────────────────────────────────────────────────────────────────────────────────


def test_a_credential_that_storage_has_is_adopted_and_announced_as_it_is(world: World) -> None:
    handlers.begin(world.ports)
    backup = back_up(world.ports.store)
    world.issue(renewed(1), renewed(2), corrected(1, 2))
    first = {event.assertion_id: event for event in world.announced(AssertionIssued)}
    ((own,),) = world.rows("select credential from assertions where assertion_id = %s", id_of(2))
    anchored = anchor(world, 2)
    restore(world, backup)  # and Kafka is lost, too
    start(world)
    world.issue(renewed(1), renewed(2), corrected(1, 2), renewed(4))
    assert world.shelf.keys == [object_keys.credential(id_of(4))]
    assert world.shelf.get(object_keys.credential(id_of(2))) == anchored
    again = {event.assertion_id: event for event in world.announced(AssertionIssued)}
    new = again.pop(id_of(4))
    assert {id: msgspec.structs.replace(event, issued_at=first[id].issued_at) for id, event in again.items()} == first
    assert (new.status_list, new.status_index) not in {(each.status_list, each.status_index) for each in first.values()}
    rows = world.rows("select status_index, leaf, credential from assertions where assertion_id = %s", id_of(2))
    assert rows == [(first[id_of(2)].status_index, first[id_of(2)].leaf, own)]
    world.decide(order(id_of(2)))
    world.publish()
    assert world.published_bits() == {first[id].status_index for id in (id_of(1), id_of(2))}


def test_what_a_stored_credential_says_is_announced_when_the_registration_says_otherwise(world: World) -> None:
    backup = back_up(world.ports.store)
    world.issue(renewed(1))
    restore(world, backup)
    world.issue(renewed(1, family_name="高橋", pass_number="P25-9999"))
    (issued,) = world.announced(AssertionIssued)
    assert (issued.holder.family_name, issued.award.pass_number) == ("髙橋", "P25-0001")


def test_a_credential_of_another_signer_is_kept_if_it_is_anchored_and_replaced_if_not(world: World) -> None:
    world.issue(renewed(1), renewed(2))
    documents = {number: world.credential(id_of(number)) for number in (1, 2)}
    bodies = {}
    for number, document in documents.items():
        foreign = STRANGER.sign({name: value for name, value in document.items() if name != "proof"}, world.now)
        foreign["proof"] += [second_proof()] if number == 1 else []
        bodies[number] = msgspec.json.encode(foreign)
        world.shelf.put(object_keys.credential(id_of(number)), bodies[number], "application/json")
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("truncate assertions, inbox, outbox, announced")
    world.issue(renewed(1), renewed(2), renewed(3))
    assert {event.key for event in world.announced(AssertionIssued)} == {id_of(2), id_of(3)}
    assert world.shelf.get(object_keys.credential(id_of(1))) == bodies[1]
    ((state, error),) = world.rows("select state, last_error from assertions where assertion_id = %s", id_of(1))
    assert state == "signed"
    assert "proof of an anchoring" in error
    assert world.credential(id_of(2))["proof"][0]["verificationMethod"] == KEY.verification_method


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"proof": [], "id": "x"}'])
def test_a_broken_object_under_the_id_is_replaced(world: World, body: bytes) -> None:
    key = object_keys.credential(id_of(1))
    world.shelf.put(key, body, "application/json")
    world.issue(renewed(1))
    assert world.credential(id_of(1))["id"].endswith(key)
    assert len(world.announced(AssertionIssued)) == 1


# ── editions of badge classes ──────────────────────────────────────────────────────────────────────────


def other_text(world: World, description: str) -> Ports:
    programme = SOURCES.issuer.programme
    named = programme.qualifications["gishi"]
    changed = msgspec.structs.replace(named, description=msgspec.structs.replace(named.description, ja=description))
    edited = msgspec.structs.replace(programme, qualifications={**programme.qualifications, "gishi": changed})
    return world.ports_with(replace(SOURCES, issuer=Issuer(edited, SOURCES.issuer.public_url)))


def test_an_edition_that_the_database_lost_keeps_its_bytes_and_its_number(world: World) -> None:
    handlers.begin(world.ports)
    backup = back_up(world.ports.store)
    for text in ("第二版の説明。", "第三版の説明。"):
        ports = other_text(world, text)
        handlers.begin(ports)
        while handlers.publish(ports):
            pass
    published = {key: world.shelf.get(key) for key in world.shelf.kept if key.startswith("badges/gishi/2026-")}
    assert len(published) == 6
    restore(world, backup)
    for text in ("第四版の説明。", "第二版の説明。"):
        ports = other_text(world, text)
        handlers.begin(ports)
        while handlers.publish(ports):
            pass
    assert {key: world.shelf.get(key) for key in published} == published
    assert "第四版" in world.shelf.json("badges/gishi/2026-4.json")["description"]
    with pytest.raises(NotFound):
        world.shelf.get("badges/gishi/2026-5.json")
