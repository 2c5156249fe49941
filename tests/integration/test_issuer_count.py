"""The issuer states its count: to a real PostgreSQL and a real object storage, checked by the verifier's nine checks.

What a restore and a scrub make of it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.issuer import handlers
from services.issuer.count import counting
from services.issuer.count.statement_inventory import Statements
from services.issuer.store import IssuerTransaction, Store
from shared import object_keys
from shared.count_events import StatementPublished
from shared.credentials.count import Figures
from shared.errors import NotFound
from tests.worlds.credentials import NOW, renewed
from tests.worlds.issuer import World, corrected, id_of, order
from tests.worlds.recalled import announced, back_up
from tests.worlds.scrub_passes import found, scrubbed
from tests.worlds.society import Society, failures

FIRST = object_keys.statement("2026", 1)


@pytest.fixture
def society(world: World) -> Society:
    """Twelve badges of 2026 and one of 2025, published."""
    handlers.begin(world.ports)
    world.issue(*(renewed(number) for number in range(1, 13)), renewed(20, cohort="2025"))
    world.publish()
    return Society(world)


def issue(society: Society, numbers: Iterable[int]) -> None:
    society.world.issue(*(renewed(number) for number in numbers))
    society.world.publish()


def test_what_the_issuer_states_agrees_with_every_record(society: Society) -> None:
    world = society.world
    society.count()
    assert society.stated() == [(1, Figures(12))]
    assert society.stated("2025") == [(1, Figures(1))]
    society.anchor(1, 2, 3, 20)
    world.decide(order(id_of(1)))
    world.issue(corrected(2, 2))
    world.publish()
    society.count()
    assert society.stated()[1:] == [(2, Figures(13, 1, 1, 3))]
    society.anchor(5, 6)
    society.count()
    verdict = society.verdict()
    assert failures(verdict) == []
    assert verdict.kind == "not-recorded-yet"
    society.anchor()
    assert society.verdict().kind == society.verdict("2025").kind == "right"


def test_without_news_nothing_is_stated_and_much_news_makes_one_statement(society: Society) -> None:
    world = society.world
    society.count()
    society.count()
    society.anchor()  # of statements only: no badge's number has changed
    society.count()
    assert [number for number, _ in society.stated()] == [1]
    issue(society, [13])
    counting.state(world.ports)
    counting.publish_statements(world.ports)
    issue(society, [14])
    assert counting.state(world.ports) == 0  # the pause
    issue(society, [15])
    world.wait(minutes=11)
    assert counting.state(world.ports) == 1
    while counting.publish_statements(world.ports):
        pass
    assert society.stated() == [(1, Figures(12)), (2, Figures(13)), (3, Figures(15))]
    assert failures(society.verdict()) == []


def test_a_statement_holds_nothing_personal(society: Society) -> None:
    society.count()
    text = (society.world.shelf.get(FIRST) + society.world.shelf.get(object_keys.stated_leaves("2026", 1))).decode()
    for personal in ("髙橋", "一郎", "P25-", "26-00", "person", "R-0", "@example", id_of(1)):
        assert personal not in text


def test_a_batch_is_counted_once_its_manifest_is_there_and_whole(society: Society) -> None:
    world = society.world
    society.count()
    root = society.anchor(1, 2, 3)
    key = object_keys.batch_manifest(bytes.fromhex(root))
    whole = world.shelf.get(key)
    for broken in (b"{}", whole[: len(whole) // 2], whole.replace(b"leaves", b"leafs")):
        world.shelf.put(key, broken, "application/json")
        society.count()
        assert len(society.stated()) == 1
    world.shelf.put(key, whole, "application/json")
    society.count()
    assert society.stated()[-1] == (2, Figures(12, 0, 0, 3))
    assert failures(society.verdict()) == []


# ── faults ─────────────────────────────────────────────────────────────────────────────────────────────


def test_while_storage_is_away_a_statement_waits_with_its_number_and_its_bytes(society: Society) -> None:
    world = society.world
    society.count()
    issue(society, [13])
    world.shelf.away = True
    assert counting.state(world.ports) == 1
    assert counting.publish_statements(world.ports) == 0
    [(signed,)] = world.rows("select body from statements where number = 2 and cohort = '2026'")
    world.shelf.away = False
    world.wait(minutes=20)
    issue(society, [14])
    society.count()  # the next one names the one before: that one first
    assert world.shelf.get(object_keys.statement("2026", 2)) == bytes(signed)
    society.count()
    assert [number for number, _ in society.stated()] == [1, 2, 3]
    assert failures(society.verdict()) == []


@pytest.mark.parametrize("method", ["save_statement", "mark_statement", "announce"])
def test_an_issuer_that_dies_states_each_number_once(society: Society, method: str) -> None:
    world = society.world
    society.count()
    issue(society, [13])

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    dying = replace(
        world.ports, store=Store(world.url, "issuer", type("Dying", (IssuerTransaction,), {method: die}), world.clock)
    )
    with pytest.raises(KeyboardInterrupt):
        counting.state(dying)
        counting.publish_statements(dying)
    dying.store.close()
    society.count()
    society.count()
    assert society.stated() == [(1, Figures(12)), (2, Figures(13))]
    assert failures(society.verdict()) == []


@pytest.mark.parametrize("kafka_kept", [True, False], ids=["kafka", "storage only"])
def test_a_restored_issuer_goes_on_from_what_was_stated(society: Society, kafka_kept: bool) -> None:
    """No number is used twice: what storage has under it stands."""
    world = society.world
    society.count()
    backup = back_up(world.ports.store)
    issue(society, [13])
    society.count()
    world.decide(order(id_of(4)))
    issue(society, [14])
    society.count()
    before = {number: world.shelf.get(object_keys.statement("2026", number)) for number in (2, 3)}
    kept = announced(world.ports.store)
    society.facts = [f for f in kept if kafka_kept or not isinstance(f.event, StatementPublished)]
    backup.restore()
    society.restart()
    issue(society, [13, 14])
    world.publish()
    for _ in range(4):
        society.count()
    assert {number: world.shelf.get(object_keys.statement("2026", number)) for number in (2, 3)} == before
    issue(society, [15])
    society.count()
    assert society.stated()[-1] == (4, Figures(15, 1, 0, 0))
    assert failures(society.verdict()) == []


def test_while_stated_badges_are_unknown_nothing_is_stated(society: Society) -> None:
    """A database that was set back to before any issue, whose registrations haven't arrived again."""
    world = society.world
    society.count()
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("delete from assertions where registration_id in ('R-00001', 'R-00002', 'R-00003')")
        tx.cursor.execute("delete from inbox")
    issue(society, [13])
    society.count()
    assert len(society.stated()) == 1
    world.wait(days=1)
    issue(society, [1, 2, 3])  # adopted from storage
    society.count()
    assert len(society.stated()) == 1  # known again, but not as the ones that were stated: read the lists first
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("update statements set body = null where cohort = '2026'")  # as after a restore
    society.count()
    society.count()
    assert society.stated()[-1] == (2, Figures(13))
    assert failures(society.verdict()) == []


# ── scrub ──────────────────────────────────────────────────────────────────────────────────────────────


def scrub(society: Society) -> dict[str, tuple[str, str | None]]:
    ports = society.world.ports
    return dict(
        found(scrubbed(ports.store, society.world.shelf, (Statements(ports.store, ports.sources),), repair=True))
    )


def test_lost_and_broken_statements_are_made_again_with_their_proofs(society: Society) -> None:
    world = society.world
    society.count()
    society.anchor(1)
    society.count()
    keys = [make("2026", number) for number in (1, 2) for make in (object_keys.statement, object_keys.stated_leaves)]
    before = {key: world.shelf.get(key) for key in keys}
    assert scrub(society) == {}
    world.shelf.lose(*keys[1:])
    world.shelf.put(FIRST, before[FIRST].replace(b'"issued":12', b'"issued":11'), "application/json")
    assert set(scrub(society)) == set(keys)
    assert {key: world.shelf.get(key) for key in keys} == before  # the proof was kept: it leads from the true hash
    assert scrub(society) == {}
    assert failures(society.verdict()) == []


def test_a_statement_that_only_storage_has_is_adopted(society: Society) -> None:
    world = society.world
    society.count()
    backup = back_up(world.ports.store)
    issue(society, [13])
    society.count()
    backup.restore()
    assert set(scrub(society)) >= {object_keys.statement("2026", 2)}
    issue(society, [13])
    society.count()
    society.count()
    assert [number for number, _ in society.stated()] == [1, 2]
    assert failures(society.verdict()) == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON"])
def test_what_is_no_statement_of_ours_is_replaced_under_a_number_that_was_never_published(
    society: Society, body: bytes
) -> None:
    world = society.world
    society.count()
    world.shelf.put(object_keys.statement("2026", 2), body, "application/json")
    issue(society, [13])
    society.count()
    assert society.stated()[-1] == (2, Figures(13))
    with pytest.raises(NotFound):
        world.shelf.get(object_keys.statement("2026", 3))
    assert world.now - NOW < timedelta(days=1)
