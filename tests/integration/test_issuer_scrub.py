"""The issuer compares its tables with a real object storage and makes again what is lost.

Tests services/issuer/storage/inventory.py and shared/runtime/scrub.py, scrub_record.py.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from services.issuer import handlers
from services.issuer.storage.inventory import Credentials, Documents
from services.issuer.store import IssuerTransaction
from shared import object_keys
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import CRYPTOSUITE, Anchor, MerkleProof, encode_proof
from shared.errors import NotFound, TryLater
from shared.events import AssertionIssued
from shared.office_events import ObjectsScrubbed
from shared.runtime import scrub_record
from shared.runtime.scrub import Scrub
from tests.worlds.credentials import renewed
from tests.worlds.issuer import World, id_of, order
from tests.worlds.scrub_passes import count, finish, found, outcomes, reports, scrubbed, scrubber
from tests.worlds.scrub_passes import order as order_scrub
from tests.worlds.story import until

CREDENTIAL = object_keys.credential(id_of(1))
LIST = object_keys.status_list(1)


@pytest.fixture
def issued(world: World) -> World:
    """Five badges, one of them revoked, and everything published."""
    world.issue(*(renewed(number) for number in range(1, 6)))
    world.publish()
    world.decide(order(id_of(5)))
    world.publish()
    return world


def inventories(world: World) -> tuple[Credentials, Documents]:
    ports = world.ports
    return (
        Credentials(ports.store, ports.sources, ports.signer),
        Documents(ports.store, ports.objects, ports.sources, ports.now),
    )


def scrub(world: World, *, repair: bool = True) -> ObjectsScrubbed:
    return scrubbed(world.ports.store, world.shelf, inventories(world), repair=repair)


def bucket(world: World) -> dict[str, bytes]:
    keys = [key for key in world.shelf.list_keys("", "", 1000) if not key.startswith(object_keys.SCRUBBED)]
    return {key: world.shelf.get(key) for key in keys}


def anchored(credential: bytes, leaf: str) -> bytes:
    """The credential with a second proof, as anchor adds it."""
    tree = merkle_tree([bytes.fromhex(leaf), b"x" * 32])
    proof = MerkleProof(
        path=tree.proof(bytes.fromhex(leaf)),
        merkle_root=tree.root,
        target_hash=bytes.fromhex(leaf),
        anchors=(Anchor(31337, "0x" + "1" * 64),),
    )
    document = msgspec.json.decode(credential)
    second = {"cryptosuite": CRYPTOSUITE, "created": "2026-04-02T00:00:00Z", "proofValue": encode_proof(proof)}
    document["proof"].append(second)
    return msgspec.json.encode(document)


def leaf_of(world: World, number: int) -> str:
    return next(each.leaf for each in world.announced(AssertionIssued) if each.assertion_id == id_of(number))


def test_everything_is_read_and_nothing_is_at_fault(issued: World) -> None:
    before = bucket(issued)
    report = scrub(issued, repair=False)
    assert report.named == ()
    assert sum(each.checked for each in report.counts) == len(before)
    assert outcomes(issued.ports.store)[-1] == "done"


def test_without_repair_what_is_missing_is_named_and_left(issued: World) -> None:
    issued.shelf.lose(CREDENTIAL, LIST)
    report = scrub(issued, repair=False)
    assert found(report) == {CREDENTIAL: ("missing", None), LIST: ("missing", None)}
    assert outcomes(issued.ports.store)[-1] == "at-fault"
    with pytest.raises(NotFound):
        issued.shelf.get(CREDENTIAL)


def test_every_lost_object_comes_back_with_the_same_bytes(issued: World) -> None:
    before = bucket(issued)
    issued.shelf.lose(*before)
    report = scrub(issued)
    assert bucket(issued) == before
    assert sum(each.repaired for each in report.counts) == sum(each.missing for each in report.counts) == len(before)
    assert outcomes(issued.ports.store)[-1] == "done"
    assert scrub(issued, repair=False).named == ()


def test_every_broken_object_is_made_again_and_its_bytes_are_kept(issued: World) -> None:
    before = bucket(issued)
    for key, body in before.items():
        issued.shelf.put(key, body[: len(body) // 2], "application/json")
    report = scrub(issued)
    assert bucket(issued) == before
    assert sum(each.repaired for each in report.counts) == sum(each.different for each in report.counts) == len(before)
    kept = issued.shelf.list_keys(object_keys.SCRUBBED, "", 1000)
    assert len(kept) == len(before)
    broken = before[CREDENTIAL][: len(before[CREDENTIAL]) // 2]
    assert issued.shelf.get(object_keys.scrubbed(CREDENTIAL, sha256(broken).hexdigest())) == broken
    assert scrub(issued, repair=False).named == ()  # the evidence is no fault


def test_one_changed_byte_that_leaves_valid_json_is_found(issued: World) -> None:
    before = issued.shelf.get(CREDENTIAL)
    issued.shelf.put(CREDENTIAL, before + b" ", "application/json")
    assert found(scrub(issued)) == {CREDENTIAL: ("different", "repaired")}
    assert issued.shelf.get(CREDENTIAL) == before


def test_a_credential_with_the_proof_of_its_anchoring_is_intact(issued: World) -> None:
    whole = anchored(issued.shelf.get(CREDENTIAL), leaf_of(issued, 1))
    issued.shelf.put(CREDENTIAL, whole, "application/json")
    assert scrub(issued).named == ()
    assert issued.shelf.get(CREDENTIAL) == whole


def test_a_broken_credential_keeps_the_proof_of_its_anchoring(issued: World) -> None:
    whole = anchored(issued.shelf.get(CREDENTIAL), leaf_of(issued, 1))
    issued.shelf.put(CREDENTIAL, whole.replace("髙橋".encode(), "高橋".encode()), "application/json")
    assert found(scrub(issued)) == {CREDENTIAL: ("different", "repaired")}
    assert issued.shelf.get(CREDENTIAL) == whole


def test_the_proof_of_another_leaf_is_taken_off(issued: World) -> None:
    first = issued.shelf.get(CREDENTIAL)
    issued.shelf.put(CREDENTIAL, anchored(first, leaf_of(issued, 2)), "application/json")
    assert found(scrub(issued)) == {CREDENTIAL: ("different", "repaired")}
    assert issued.shelf.get(CREDENTIAL) == first


# ── status lists ────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_of_before_a_revocation_is_replaced_by_the_one_with_the_bit(world: World) -> None:
    world.issue(renewed(1))
    world.publish()
    old = world.shelf.get(LIST)
    world.decide(order(id_of(1)))
    world.publish()
    new = world.shelf.get(LIST)
    world.shelf.put(LIST, old, "application/json")
    assert found(scrub(world)) == {LIST: ("different", "repaired")}
    assert world.shelf.get(LIST) == new


def test_a_bit_that_only_the_lost_list_had_is_set_again(world: World) -> None:
    """The table was restored to before a revocation, the list was published with it since, then lost."""
    world.issue(renewed(1))
    world.decide(order(id_of(1)))
    world.publish()
    world.rows("update assertions set revoked_at = null, revocation_reason = null, decision_id = null returning 1")
    world.shelf.lose(LIST)
    scrub(world)
    assert world.published_bits() == world.bits_of([id_of(1)])
    world.wait(days=1, minutes=1)
    world.shelf.lose(LIST)
    world.publish()
    assert world.published_bits() == world.bits_of([id_of(1)])


def test_a_list_that_is_due_is_left_to_its_publication(issued: World) -> None:
    issued.decide(order(id_of(4)))
    issued.shelf.lose(LIST)
    assert scrub(issued).named == ()
    issued.publish()
    assert issued.published_bits() == issued.bits_of([id_of(4), id_of(5)])


def test_a_newer_list_than_the_table_knows_is_intact(issued: World) -> None:
    """The process died between the put and its commit."""
    kept = issued.rows("select body from published_objects where key = %s", LIST)[0][0]
    issued.wait(hours=1)
    assert handlers.publish_one("status/1", issued.ports, even_if_not_due=True) == [LIST]
    newer = issued.shelf.get(LIST)
    assert newer != kept
    issued.rows("update published_objects set body = %s where key = %s returning 1", kept, LIST)
    assert scrub(issued).named == ()
    assert issued.shelf.get(LIST) == newer


# ── after a restore ─────────────────────────────────────────────────────────────────────────────────────


def forget_bytes(world: World, number: int) -> None:
    """As after a restore: the assertion is known from its announcement only."""
    world.rows("update assertions set credential = null where assertion_id = %s returning 1", id_of(number))


def bytes_of(world: World, number: int) -> Any:
    return world.rows("select credential from assertions where assertion_id = %s", id_of(number))[0][0]


def test_bytes_that_only_storage_has_are_adopted(issued: World) -> None:
    first = bytes_of(issued, 1)
    issued.shelf.put(CREDENTIAL, anchored(first, leaf_of(issued, 1)), "application/json")
    forget_bytes(issued, 1)
    assert found(scrub(issued, repair=False)) == {CREDENTIAL: ("only-stored", None)}
    assert found(scrub(issued)) == {CREDENTIAL: ("only-stored", "adopted")}
    assert bytes_of(issued, 1) == first
    assert outcomes(issued.ports.store) == ["done", "done"]


def test_a_credential_whose_bytes_nobody_has_is_signed_again_with_the_same_bytes(issued: World) -> None:
    first = bytes_of(issued, 1)
    forget_bytes(issued, 1)
    issued.shelf.lose(CREDENTIAL)
    assert found(scrub(issued)) == {CREDENTIAL: ("missing", "repaired")}
    assert issued.shelf.get(CREDENTIAL) == bytes_of(issued, 1) == first


def test_a_credential_of_a_release_that_signed_no_latin_name_is_signed_again_without(issued: World) -> None:
    first = bytes_of(issued, 1)
    [[kept]] = issued.rows("select announcement from assertions where assertion_id = %s", id_of(1))
    told = msgspec.json.decode(bytes(kept), type=AssertionIssued)
    holder = msgspec.structs.replace(told.holder, family_name_latin="TAKAHASHI", given_name_latin="Ichiro")
    told = msgspec.structs.replace(told, holder=holder)
    change = "update assertions set announcement = %s where assertion_id = %s returning 1"
    issued.rows(change, msgspec.json.encode(told), id_of(1))
    forget_bytes(issued, 1)
    issued.shelf.lose(CREDENTIAL)
    assert found(scrub(issued)) == {CREDENTIAL: ("missing", "repaired")}
    assert issued.shelf.get(CREDENTIAL) == first


def test_a_credential_that_would_get_another_leaf_is_lost(issued: World) -> None:
    forget_bytes(issued, 1)
    issued.rows("update assertions set leaf = %s where assertion_id = %s returning 1", "0" * 64, id_of(1))
    issued.shelf.lose(CREDENTIAL)
    assert found(scrub(issued)) == {CREDENTIAL: ("missing", "lost")}
    assert outcomes(issued.ports.store) == ["at-fault"]


def test_what_only_storage_has_is_named_and_left(issued: World) -> None:
    strange = {object_keys.credential("A" * 26): b"{}", "notes/readme.txt": b"who put this here?", "status/x.json": b""}
    for key, body in strange.items():
        issued.shelf.put(key, body, "text/plain")
    assert found(scrub(issued)) == dict.fromkeys(strange, ("only-stored", "unknown"))
    assert {key: issued.shelf.get(key) for key in strange} == strange


def test_a_published_list_that_the_tables_lack_is_adopted_with_its_bits(issued: World) -> None:
    body = issued.shelf.get(LIST)
    issued.rows("delete from published_objects where key = %s returning 1", LIST)
    issued.rows("delete from documents where name = 'status/1' returning 1")
    assert found(scrub(issued)) == {LIST: ("only-stored", "adopted")}
    assert issued.shelf.get(LIST) == body
    issued.publish()
    assert issued.published_bits() == issued.bits_of([id_of(5)])


# ── beside the service's own work, and when it dies ─────────────────────────────────────────────────────


class Late:
    """Storage in which an object is put just after it was looked for."""

    def __init__(self, world: World, key: str) -> None:
        self._world, self._key, self.looked = world, key, 0
        self.put, self.list_keys, self.delete = world.shelf.put, world.shelf.list_keys, world.shelf.delete

    def get(self, key: str) -> bytes:
        if key == self._key:
            self.looked += 1
            if self.looked == 1:
                raise NotFound(key)
        return self._world.shelf.get(key)


def test_an_object_that_is_put_while_it_is_looked_for_is_no_fault(issued: World) -> None:
    late = Late(issued, CREDENTIAL)
    assert scrubbed(issued.ports.store, late, inventories(issued), repair=True).named == ()
    assert late.looked == 2


def test_credentials_that_are_not_stored_yet_are_no_fault(issued: World) -> None:
    handlers.issue([renewed(9)], issued.ports)
    assert scrub(issued).named == ()


def test_a_storage_that_is_away_is_waited_for(issued: World) -> None:
    issued.shelf.lose(CREDENTIAL)
    order_scrub(issued.ports.store, "D")
    it = scrubber(issued.ports.store, issued.shelf, inventories(issued))
    issued.shelf.away = True
    with pytest.raises(TryLater):
        it.step()
    issued.shelf.away = False
    finish(it)
    assert found(reports(issued.ports.store)[-1]) == {CREDENTIAL: ("missing", "repaired")}


@pytest.mark.parametrize("where", ["note_fault", "note_outcome", "go_on", "finish"])
def test_a_pass_goes_on_where_the_process_died(issued: World, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bucket(issued)
    issued.shelf.lose(*before)
    order_scrub(issued.ports.store, "D")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(scrub_record, where, die)
        dying = scrubber(issued.ports.store, issued.shelf, inventories(issued))
        with pytest.raises(KeyboardInterrupt):
            finish(dying)
        dying._give_turn_up()  # as the server does when a process is gone
    after = scrubber(issued.ports.store, issued.shelf, inventories(issued))

    def is_done() -> bool:
        finish(after)
        return bool(reports(issued.ports.store))

    until(is_done, seconds=10, what="the server has taken the turn back, and the pass is over")
    [report] = reports(issued.ports.store)
    assert bucket(issued) == before
    assert sum(each.repaired for each in report.counts) == len(before)
    assert sum(each.checked for each in report.counts) == len(before)


def test_one_process_at_a_time_does_the_pages(issued: World) -> None:
    order_scrub(issued.ports.store, "D")
    one, other = (scrubber(issued.ports.store, issued.shelf, inventories(issued)) for _ in range(2))
    assert one.step() and not other.step()
    finish(one)
    assert len(reports(issued.ports.store)) == 1


def test_one_that_cannot_be_made_stops_no_other(issued: World, monkeypatch: pytest.MonkeyPatch) -> None:
    issued.shelf.lose(CREDENTIAL, object_keys.credential(id_of(2)))
    kept = IssuerTransaction.keep_bytes

    def fails_for_one(self: IssuerTransaction, assertion_id: str, credential: bytes) -> None:
        if assertion_id == id_of(1):
            raise ZeroDivisionError
        kept(self, assertion_id, credential)

    monkeypatch.setattr(IssuerTransaction, "keep_bytes", fails_for_one)
    report = scrub(issued)
    assert found(report)[CREDENTIAL] == ("missing", "failed")
    assert count(report, "credentials").repaired == 1


# ── by itself ───────────────────────────────────────────────────────────────────────────────────────────


def by_itself(world: World, hours: float = 24) -> Scrub:
    return scrubber(world.ports.store, world.shelf, inventories(world), hours=hours)


def test_a_pass_begins_by_itself_every_so_many_hours_and_repairs(issued: World) -> None:
    before = bucket(issued)
    it = by_itself(issued)
    finish(it)
    assert len(reports(issued.ports.store)) == 1
    issued.shelf.lose(CREDENTIAL)
    issued.wait(hours=23)
    finish(it)
    assert len(reports(issued.ports.store)) == 1
    issued.wait(hours=1)
    finish(it)
    assert bucket(issued) == before
    assert [report.repair for report in reports(issued.ports.store)] == [True, True]
    assert outcomes(issued.ports.store) == []  # nobody ordered it


def test_0_hours_is_never(issued: World) -> None:
    assert by_itself(issued, hours=0).step() == 0


def test_it_rests_after_each_page(issued: World) -> None:
    it = by_itself(issued)
    assert it.step() and not it.step()


def test_an_ordered_pass_does_not_wait_for_one_by_itself(issued: World) -> None:
    it = by_itself(issued)
    it.step()
    order_scrub(issued.ports.store, "D")
    while not reports(issued.ports.store):
        assert it.step()
    assert [report.scrub_id for report in reports(issued.ports.store)] == ["D"]


def test_what_could_not_be_repaired_is_looked_at_again_sooner(issued: World) -> None:
    forget_bytes(issued, 1)
    issued.rows("update assertions set leaf = %s where assertion_id = %s returning 1", "0" * 64, id_of(1))
    issued.shelf.lose(CREDENTIAL)
    it = by_itself(issued)
    finish(it)
    issued.wait(hours=1.1)
    finish(it)
    assert len(reports(issued.ports.store)) == 2


def test_a_clock_that_is_set_back_stops_no_pass(issued: World) -> None:
    it = by_itself(issued)
    finish(it)
    issued.now -= timedelta(days=40)
    finish(it)
    assert len(reports(issued.ports.store)) == 2
