"""The issuer erases a person: in whatever order it is told, dying at any step, compared with storage.

Tests services/issuer/erasure.py, store and storage of the issuer, shared/runtime/deletions.py, scrub.py. What comes
afterwards: test_issuer_erasure_later.py.
"""

from __future__ import annotations

import msgspec
import pytest

from services.issuer import erasure, handlers
from services.issuer.count import counting
from services.issuer.domain.revocation import erased_reason
from services.issuer.storage.inventory import Credentials, Documents
from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.events import AssertionIssued, AssertionRevoked
from shared.office_events import DecisionSettled, ObjectsScrubbed
from tests.worlds.credentials import renewed
from tests.worlds.issuer import World, dying_at, id_of, order, side_by_side
from tests.worlds.issuer_erasure import (
    MINE,
    THEIRS,
    credentials_of,
    erase,
    finish,
    person_erased,
    personal_in,
    rest,
    theirs,
)
from tests.worlds.scrub_passes import found, scrubbed


@pytest.fixture
def issued(world: World) -> World:
    handlers.begin(world.ports)
    world.issue(theirs(1), theirs(2), renewed(3))
    world.issue(theirs(1, 2))
    world.publish()
    return world


# ── what becomes of them ────────────────────────────────────────────────────────────────────────────────


def test_badges_are_revoked_published_deleted_and_said_to_be_erased_and_nobody_elses(issued: World) -> None:
    assert personal_in(issued)
    erase(issued)
    revoked = [event for event in issued.announced(AssertionRevoked) if event.erased]
    assert sorted(event.assertion_id for event in revoked) == sorted((id_of(1, 2), id_of(2)))  # one was corrected
    assert {event.reason for event in revoked} == {erased_reason()}
    assert issued.published_bits() == issued.bits_of(THEIRS)
    assert credentials_of(issued) == {id_of(3)}
    (event,) = issued.announced(AssertionsErased)
    assert (event.decision_id, event.subject) == ("E1", "R-00001")
    assert event.registration_ids == ("R-00001", "R-00002")
    assert sorted(event.assertion_ids) == sorted(THEIRS)
    (settled,) = issued.announced(DecisionSettled)
    assert (settled.decision_id, settled.service, settled.outcome) == ("E1", "issuer", "done")
    assert personal_in(issued) == []
    kept = issued.rows("select credential is not null, announcement from assertions where erased_at is null")
    assert [has_bytes for has_bytes, _ in kept] == [True]
    assert msgspec.json.decode(kept[0][1], type=AssertionIssued).assertion_id == id_of(3)
    issued.wait(minutes=1)
    finish(issued)
    assert issued.rows("select * from deletions") == []
    assert len(issued.announced(AssertionsErased)) == len(issued.announced(DecisionSettled)) == 1


def test_who_never_had_a_badge_is_settled_with_none(issued: World) -> None:
    before = rest(issued)[0]
    erase(issued, person_erased(7))
    (event,) = issued.announced(AssertionsErased)
    assert event.assertion_ids == () and len(issued.announced(DecisionSettled)) == 1
    assert rest(issued)[0] == before and issued.published_bits() == issued.bits_of([id_of(1)])


def test_a_second_order_for_the_same_person_is_settled_and_names_the_same_badges(issued: World) -> None:
    erase(issued)
    before = rest(issued)
    erase(issued, person_erased(), person_erased(2, 1, decision_id="E2"))
    first, second = issued.announced(AssertionsErased)
    assert first.assertion_ids == second.assertion_ids
    assert [each.decision_id for each in issued.announced(DecisionSettled)] == ["E1", "E2"]
    assert rest(issued) == before


def test_credentials_stay_until_the_published_list_says_revoked(issued: World) -> None:
    erasure.note_erased([person_erased()], issued.ports)
    assert erasure.delete_erased(issued.ports) == 0
    assert set(THEIRS) <= credentials_of(issued)
    assert issued.announced(AssertionsErased) == []
    issued.publish()
    assert erasure.delete_erased(issued.ports) == 1
    assert credentials_of(issued) == {id_of(3)}


@pytest.mark.parametrize("when", ["before the list", "after the list"])
def test_while_storage_is_away_the_erasure_waits(issued: World, when: str) -> None:
    erasure.note_erased([person_erased()], issued.ports)
    if when == "after the list":
        issued.publish()
    issued.shelf.away = True
    finish(issued)
    assert issued.announced(AssertionsErased) == []
    issued.shelf.away = False
    issued.wait(minutes=10)
    finish(issued)
    assert credentials_of(issued) == {id_of(3)}
    assert len(issued.announced(AssertionsErased)) == 1


@pytest.mark.parametrize("method", ["claim_erasures", "erase", "revoke", "make_due", "announce", "flush"])
def test_after_dying_while_it_is_noted_nothing_has_happened(issued: World, method: str) -> None:
    dying = dying_at(method, issued)
    with pytest.raises(KeyboardInterrupt):
        erasure.note_erased([person_erased()], dying)
    dying.store.close()
    assert not any(event.erased for event in issued.announced(AssertionRevoked))
    erasure.note_erased([person_erased()], issued.ports)
    ends_erased(issued)


@pytest.mark.parametrize("method", ["places_of", "newest_versions", "erase", "blank", "announce", "flush"])
def test_after_dying_while_credentials_are_deleted_the_end_is_the_same(issued: World, method: str) -> None:
    dying = dying_at(method, issued)
    erasure.note_erased([person_erased()], issued.ports)
    issued.publish()
    with pytest.raises(KeyboardInterrupt):
        erasure.delete_erased(dying)
    dying.store.close()
    assert issued.announced(AssertionsErased) == []
    ends_erased(issued)


def ends_erased(world: World) -> None:
    finish(world)
    assert credentials_of(world) == {id_of(3)} and world.published_bits() == world.bits_of(THEIRS)
    assert len(world.announced(AssertionsErased)) == len(world.announced(DecisionSettled)) == 1
    assert sum(event.erased for event in world.announced(AssertionRevoked)) == 2
    assert personal_in(world) == []


def test_replicas_erase_a_person_once(issued: World) -> None:
    handlers.issue([theirs(1, 3)], issued.ports)
    events = [person_erased()]
    side_by_side(
        *(lambda: erasure.note_erased(events, issued.ports) for _ in range(3)),
        lambda: handlers.store(issued.ports),
        lambda: handlers.store(issued.ports),
        lambda: handlers.publish(issued.ports),
    )
    issued.publish()
    side_by_side(*(lambda: erasure.delete_erased(issued.ports) for _ in range(3)))
    finish(issued)
    assert len(issued.announced(AssertionsErased)) == len(issued.announced(DecisionSettled)) == 1
    assert credentials_of(issued) == {id_of(3)}
    assert issued.published_bits() == issued.bits_of([*THEIRS, id_of(1, 3)])
    assert personal_in(issued) == []


# ── in other orders ─────────────────────────────────────────────────────────────────────────────────────


def test_a_registration_that_is_read_after_its_erasure_gets_no_badge(issued: World) -> None:
    erase(issued)
    before = rest(issued)
    issued.issue(theirs(1, 3), theirs(2), theirs(1))
    assert rest(issued) == before


@pytest.mark.parametrize("is_put", [True, False], ids=["put", "not put"])
def test_what_was_signed_and_not_announced_never_is_and_its_copies_are_revoked(world: World, is_put: bool) -> None:
    """Put: the process died between the put and its commit, or others know it from before a restore."""
    world.issue(renewed(3))
    handlers.issue([theirs(1)], world.ports)
    if is_put:
        dying = dying_at("mark_stored", world)
        with pytest.raises(KeyboardInterrupt):
            handlers.store(dying)
        dying.store.close()
        assert id_of(1) in credentials_of(world)
    erasure.note_erased([person_erased(1)], world.ports)
    assert handlers.store(world.ports) == 0
    finish(world)
    assert [event.assertion_id for event in world.announced(AssertionIssued)] == [id_of(3)]
    assert credentials_of(world) == {id_of(3)}
    assert world.published_bits() == world.bits_of([id_of(1)])
    assert counting.state(world.ports) == 1  # it keeps no count from being stated
    assert [event.assertion_ids for event in world.announced(AssertionsErased)] == [(id_of(1),)]


def test_a_put_that_takes_effect_late_is_deleted_as_well(issued: World) -> None:
    late = issued.shelf.get(MINE)
    erase(issued)
    issued.shelf.put(MINE, late, "application/json")
    assert erasure.delete_erased(issued.ports) == 0
    issued.wait(minutes=1)
    assert erasure.delete_erased(issued.ports) == 1
    assert id_of(1, 2) not in credentials_of(issued)


def test_an_object_of_a_version_that_a_restored_table_lacks_is_deleted(issued: World) -> None:
    issued.rows("delete from assertions where registration_id = 'R-00001' returning 1")
    erase(issued)
    assert credentials_of(issued) == {id_of(3)}


@pytest.mark.parametrize("is_over", [True, False], ids=["erased", "being erased"])
def test_a_new_registration_of_the_person_renews_no_erased_badge(issued: World, is_over: bool) -> None:
    erasure.note_erased([person_erased()], issued.ports)
    if is_over:
        finish(issued)
    issued.issue(theirs(8, previous_registration_id="R-00002"))
    (event,) = (each for each in issued.announced(AssertionIssued) if each.assertion_id == id_of(8))
    assert event.replaces is None and "evidence" not in issued.credential(id_of(8))


def test_an_order_to_revoke_one_that_is_erased_is_settled(issued: World) -> None:
    """As `akashi undo` of a whole cohort gives."""
    erase(issued)
    before = rest(issued)
    issued.decide(*(order(id, f"U/{id}") for id in (*THEIRS, id_of(3))))
    outcomes = {each.decision_id: each.outcome for each in issued.announced(DecisionSettled)}
    assert [outcomes[f"U/{id}"] for id in (*THEIRS, id_of(3))] == [*("revoked-before",) * 3, "done"]
    assert rest(issued)[0][:2] == before[0][:2]


# ── compared with storage ───────────────────────────────────────────────────────────────────────────────


def scrub(world: World, *, repair: bool = True) -> ObjectsScrubbed:
    ports = world.ports
    credentials = Credentials(ports.store, ports.sources, ports.signer)
    documents = Documents(ports.store, ports.objects, ports.sources, ports.now)
    return scrubbed(ports.store, world.shelf, (credentials, documents), repair=repair)


def test_a_scrub_misses_nothing_of_who_is_erased_and_puts_nothing_back(issued: World) -> None:
    erasure.note_erased([person_erased()], issued.ports)
    issued.shelf.lose(MINE)
    issued.publish()
    assert scrub(issued).named == ()
    finish(issued)
    assert scrub(issued).named == ()
    assert credentials_of(issued) == {id_of(3)}


def test_what_a_scrub_kept_of_their_credentials_is_deleted(issued: World) -> None:
    issued.shelf.put(MINE, issued.shelf.get(MINE) + b" ", "application/json")
    assert found(scrub(issued)) == {MINE: ("different", "repaired")}
    assert issued.shelf.list_keys(object_keys.scrubbed(MINE, ""), "", 10)
    erase(issued)
    assert issued.shelf.list_keys(object_keys.SCRUBBED, "", 10) == []


def test_what_a_restored_bucket_has_again_is_named_and_deleted_by_a_pass_that_repairs(issued: World) -> None:
    evidence = object_keys.scrubbed(MINE, "0" * 64)
    again = {MINE: issued.shelf.get(MINE), evidence: b"?"}
    erase(issued)
    for key, body in again.items():
        issued.shelf.put(key, body, "application/json")
    assert found(scrub(issued, repair=False)) == dict.fromkeys(again, ("only-stored", None))
    assert issued.shelf.get(MINE) == again[MINE]
    assert found(scrub(issued)) == dict.fromkeys(again, ("only-stored", "repaired"))
    assert issued.shelf.list_keys(object_keys.SCRUBBED, "", 10) == []
    assert credentials_of(issued) == {id_of(3)}
    assert scrub(issued).named == ()
