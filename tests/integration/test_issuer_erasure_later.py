"""After an erasure: a restored issuer has erased them, too, and all other badges verify and are counted.

Tests services/issuer/erasure.py and count.
"""

from __future__ import annotations

import msgspec
import pytest

from services.issuer import erasure, handlers
from services.verifier.verification import Sources, verify
from shared import object_keys
from shared.clock import Clock
from shared.count_events import StatementPublished
from shared.credentials.count import Figures
from shared.credentials.credential import leaf_of
from tests.worlds.credentials import DID, renewed
from tests.worlds.issuer import World, id_of
from tests.worlds.issuer_erasure import Topics, erase, finish, person_erased, personal_in, rest, theirs
from tests.worlds.outside_verifier import ask_outside_verifier
from tests.worlds.recalled import announced, back_up
from tests.worlds.society import URL, Society, failures


@pytest.fixture
def issued(world: World) -> World:
    handlers.begin(world.ports)
    world.issue(theirs(1), theirs(2), renewed(3))
    world.issue(theirs(1, 2))
    world.publish()
    return world


@pytest.mark.parametrize("backup_at", ["before the badges", "before the order", "before the deletion", "after it"])
def test_a_restored_issuer_has_erased_them_before_anything_else(world: World, backup_at: str) -> None:
    topics = Topics(world)
    handlers.begin(world.ports)
    backups = {"before the badges": back_up(world.ports.store)}
    world.issue(theirs(1), theirs(2), renewed(3))
    world.issue(theirs(1, 2))
    world.publish()
    topics.keep()
    backups["before the order"] = back_up(world.ports.store)
    erasure.note_erased([person_erased()], world.ports)
    topics.keep()
    backups["before the deletion"] = back_up(world.ports.store)
    finish(world)
    topics.keep()
    backups["after it"] = back_up(world.ports.store)
    left = rest(world)
    backups[backup_at].restore()
    world.wait(minutes=5)
    topics.take_back()
    world.shelf.puts.clear()
    world.issue(theirs(2), theirs(1), theirs(1, 2), renewed(3))  # read again
    assert not [key for key in world.shelf.keys if key.startswith(object_keys.CREDENTIALS)]
    erase(world)
    assert rest(world) == left
    assert personal_in(world) == []
    assert {fact.id for fact in announced(world.ports.store)} == set(topics.facts)  # nothing is announced otherwise


def test_a_bucket_and_a_database_of_before_are_erased_again(issued: World) -> None:
    topics, backup = Topics(issued), back_up(issued.ports.store)
    before = {key: issued.shelf.get(key) for key in issued.shelf.kept}
    topics.keep()
    erase(issued)
    topics.keep()
    left = rest(issued)
    backup.restore()
    for key, body in before.items():
        issued.shelf.put(key, body, "application/json")
    topics.take_back()  # and the order is not on its topic any more
    finish(issued)
    assert rest(issued) == left
    assert personal_in(issued) == []


# ── all others ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def society(world: World) -> Society:
    handlers.begin(world.ports)
    world.issue(theirs(1), *(renewed(number) for number in range(2, 13)))
    world.publish()
    return Society(world)


def verdict_on(society: Society, content: bytes) -> tuple[str, list[int]]:
    now: Clock = society.world.clock
    verdict = verify(lambda: content, Sources(society, society, lambda badge: None, URL, now)).verdict
    return verdict.kind, [check.number for check in verdict.checks if check.outcome != "ok"]


def test_all_other_badges_of_the_batch_verify_and_a_kept_copy_is_revoked(society: Society) -> None:
    world = society.world
    society.anchor(1, 2, 3)
    kept, other = (world.shelf.get(object_keys.credential(id_of(number))) for number in (1, 2))
    assert verdict_on(society, kept) == verdict_on(society, other) == ("valid", [])
    erase(world, person_erased(1))
    assert world.shelf.get(object_keys.credential(id_of(2))) == other
    assert verdict_on(society, other) == ("valid", [])
    assert verdict_on(society, kept)[1] == [5]
    document = msgspec.json.decode(other)
    answers = ask_outside_verifier(
        *(
            {
                "credential": {**each, "proof": each["proof"][:1]},
                "did": DID,
                "statusList": world.shelf.json(object_keys.status_list(1)),
                "now": "2026-04-01T12:00:00+09:00",
            }
            for each in (document, msgspec.json.decode(kept))
        )
    )
    assert [(each["verified"], each["status"]) for each in answers] == [(True, False), (True, True)]
    (leaf,) = world.rows("select leaf from assertions where assertion_id = %s", id_of(1))[0]
    assert leaf == leaf_of(msgspec.json.decode(kept))


@pytest.mark.parametrize("stated", ["before", "after"])
def test_they_stay_counted_as_issued_and_not_valid(society: Society, stated: str) -> None:
    if stated == "before":
        society.count()
    society.anchor(1, 2, 3)
    erase(society.world, person_erased(1))
    society.count()
    society.anchor()
    assert society.stated()[-1][1] == Figures(12, 1, 0, 3)
    assert failures(society.verdict()) == [] and society.verdict().kind == "right"


def test_a_restored_issuer_goes_on_counting_though_a_whole_batch_is_erased(society: Society) -> None:
    """Of the batch nothing is read again: what was announced of it is about somebody who was erased."""
    world, topics = society.world, Topics(society.world)
    backup = back_up(world.ports.store)
    society.anchor(1)
    society.count()
    topics.keep()
    erase(world, person_erased(1))
    society.count()
    topics.keep()
    assert society.stated()[-1][1] == Figures(12, 1, 0, 1)
    backup.restore()
    topics.take_back()
    finish(world)
    for number in range(20, 23):
        world.issue(renewed(number))
    for _ in range(3):
        society.count()
    told = [event.number for event in world.announced(StatementPublished)]
    assert told == [3]
