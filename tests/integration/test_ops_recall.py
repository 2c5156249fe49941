"""A restore of ops' database on a real PostgreSQL: orders given since the backup are on record again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from services.ops import queries
from services.ops.acts import orders
from services.ops.acts.dead_letters import discard, replay
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import Selected
from services.ops.ports import Ports
from shared.office_events import Correction, DecisionSettled
from tests.worlds.cohorts import assertion_id, at, cycle, issued, revoked
from tests.worlds.ops import dead_letter, outbox, tell, tell_all
from tests.worlds.ops_restored import RECALLS, Restored, rows_of
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced

OFFICE = Attribution("事務局", "本人の申し出")
COHORT = Selected(cohort="2026")
DECISIONS = (
    "select decision_id, decision, subject, decided_by, why, decided_at, part_of, target, correction, people,"
    " producers, outcome, detail from decisions order by 1"
)
DEAD_LETTERS = "select dead_letter_id, state, decided_by, decided_why, key, value from dead_letters order by 1"


@pytest.fixture
def restored(databases: Databases) -> Iterator[Callable[..., Restored]]:
    made: list[Restored] = []

    def restore(before: Callable[[Ports], object] = lambda ports: crowd(ports)) -> Restored:
        made.append(Restored(databases, before))
        return made[-1]

    yield restore
    for each in made:
        each.backup.store.close()
        each.lived.store.close()


def crowd(ports: Ports, size: int = 3) -> None:
    tell_all(ports, [event for number in range(size) for event in cycle(number)])


def settled(ports: Ports, id: str, outcome: str = "done", service: str = "issuer") -> None:
    line = queries.decision(ports, id)
    tell(
        ports,
        DecisionSettled(
            decision_id=id, subject=line.subject, service=service, outcome=outcome, settled_at=at(6), detail="7 events"
        ),
    )


def test_orders_given_since_the_backup_are_the_rows_they_were(restored: Callable[..., Restored]) -> None:
    world = restored()
    orders.revoke(world.lived, assertion_id(0), OFFICE)
    orders.correct(world.lived, "R00001", 1, Correction(family_name="髙橋", email="new@example.jp"), OFFICE)
    undo = orders.dry_run(world.lived, "undo", COHORT)
    orders.apply(world.lived, "undo", COHORT, undo.digest, OFFICE)
    orders.rebuild(world.lived, "wallet", None, OFFICE, is_dry_run=False)
    assert world.take_back() == 6  # of the undo two people: the third has an order of his own
    assert len(world.same(DECISIONS)) == 6
    assert outbox(world.backup) == []


def test_an_order_taken_back_is_not_given_twice(restored: Callable[..., Restored]) -> None:
    world = restored()
    first = orders.revoke(world.lived, assertion_id(0), OFFICE)
    correction = Correction(family_name="髙橋")
    second = orders.correct(world.lived, "R00001", 1, correction, OFFICE)
    third = orders.rebuild(world.lived, "wallet", None, OFFICE, is_dry_run=False)
    world.take_back()
    assert orders.revoke(world.backup, "R00000", OFFICE).id == first.id
    assert orders.correct(world.backup, "R00001", 1, correction, OFFICE).id == second.id
    assert orders.rebuild(world.backup, "wallet", None, OFFICE, is_dry_run=False).id == third.id
    assert [person.assertion_id for person in orders.dry_run(world.backup, "undo", COHORT).people] == [
        assertion_id(1),
        assertion_id(2),
    ]
    assert outbox(world.backup) == []


def test_a_reissue_taken_back_lists_nobody_a_second_time(restored: Callable[..., Restored]) -> None:
    def undone(ports: Ports) -> None:
        crowd(ports)
        run = orders.dry_run(ports, "undo", COHORT)
        orders.apply(ports, "undo", COHORT, run.digest, OFFICE)
        for line in queries.decisions(ports, f"undo/2026/{run.digest}", limit=10):
            if line.part_of:
                settled(ports, line.id)

    world = restored(undone)
    run = orders.dry_run(world.lived, "reissue", COHORT)
    assert run.count == 0  # revocations ordered, not announced yet
    for ports in (world.lived, world.backup):
        tell(ports, *(revoked(number) for number in range(3)))
    run = orders.dry_run(world.lived, "reissue", COHORT)
    orders.apply(world.lived, "reissue", COHORT, run.digest, OFFICE)
    assert orders.dry_run(world.backup, "reissue", COHORT).count == run.count == 3
    world.take_back()
    assert orders.dry_run(world.backup, "reissue", COHORT).count == 0
    world.same(DECISIONS)


def test_an_order_about_a_badge_that_is_not_known_yet_is_taken_back(restored: Callable[..., Restored]) -> None:
    world = restored(lambda ports: None)
    crowd(world.lived)
    line = orders.revoke(world.lived, assertion_id(2), OFFICE)
    settled(world.lived, line.id)
    world.take_back()
    # What was consumed since the backup comes again, in another order.
    tell(world.backup, announced(world.lived.store)[0].event, issued(2))
    assert orders.revoke(world.backup, assertion_id(2), OFFICE).id == line.id
    settled(world.backup, line.id)
    crowd(world.backup)
    assert outbox(world.backup) == []
    world.same(DECISIONS)


def test_an_order_given_again_after_one_that_came_to_nothing_is_the_pending_one(
    restored: Callable[..., Restored],
) -> None:
    world = restored()
    first = orders.revoke(world.lived, assertion_id(0), OFFICE)
    settled(world.lived, first.id, "no-such-assertion")
    second = orders.revoke(world.lived, assertion_id(0), OFFICE)
    world.take_back()
    assert orders.revoke(world.backup, assertion_id(0), OFFICE).id == second.id  # the first one's outcome isn't known
    settled(world.backup, first.id, "no-such-assertion")
    assert orders.revoke(world.backup, assertion_id(0), OFFICE).id == second.id == f"{first.id}/2"
    settled(world.backup, second.id, "no-such-assertion")
    third = orders.revoke(world.backup, assertion_id(0), OFFICE)
    assert third.id == f"{first.id}/3" and len(outbox(world.backup)) == 1


def test_an_order_pending_in_the_backup_gives_its_target_to_the_one_after_it(
    restored: Callable[..., Restored],
) -> None:
    def pending(ports: Ports) -> None:
        crowd(ports)
        orders.revoke(ports, assertion_id(0), OFFICE)

    world = restored(pending)
    first = queries.decisions(world.lived, None, limit=1)[0]
    settled(world.lived, first.id, "no-such-assertion")
    second = orders.revoke(world.lived, assertion_id(0), OFFICE)
    assert world.take_back() == 1
    assert orders.revoke(world.backup, assertion_id(0), OFFICE).id == second.id


def test_taking_back_twice_changes_nothing(restored: Callable[..., Restored]) -> None:
    world = restored()
    first = orders.revoke(world.lived, assertion_id(0), OFFICE)
    settled(world.lived, first.id, "no-such-assertion")
    orders.revoke(world.lived, assertion_id(0), OFFICE)
    orders.rebuild(world.lived, "wallet", "issuer", OFFICE, is_dry_run=True)
    world.take_back()
    once = rows_of(world.backup, DECISIONS)
    events = [fact.event for fact in announced(world.lived.store)]
    for again in (events, events[:1], events[1:]):
        with world.backup.store.transaction() as tx:
            for kind, take_back_again in RECALLS.items():
                take_back_again(tx, [event for event in again if type(event) is kind])
    assert rows_of(world.backup, DECISIONS) == once


def test_dead_letters_decided_since_the_backup_are_closed_again(restored: Callable[..., Restored]) -> None:
    def dead(ports: Ports) -> None:
        dead_letter(ports, "mailer")
        dead_letter(ports, "wallet")
        dead_letter(ports, "anchor", offset=9)

    world = restored(dead)
    replay(world.lived, dead_letter(world.lived, "mailer"), by="office", why="repaired")
    discard(world.lived, dead_letter(world.lived, "anchor", offset=9), by="office", why="a test")
    assert world.take_back() == 2
    assert [state for _, state, *_ in world.same(DEAD_LETTERS)].count("replayed") == 2
    assert queries.status(world.backup, None).dead_letters == 0
    assert outbox(world.backup) == []  # the bytes were sent before


def test_dead_letters_read_again_after_their_decision_are_closed(restored: Callable[..., Restored]) -> None:
    world = restored(lambda ports: None)
    replay(world.lived, _two_failed(world.lived), by="office", why="repaired")
    world.take_back()
    _two_failed(world.backup)
    assert [row[1] for row in world.same(DEAD_LETTERS)] == ["replayed", "replayed"]


def _two_failed(ports: Ports) -> str:
    dead_letter(ports, "wallet")
    return dead_letter(ports, "mailer")


def test_a_failure_after_the_decision_stays_open(restored: Callable[..., Restored]) -> None:
    world = restored(lambda ports: None)
    discard(world.lived, dead_letter(world.lived, "mailer"), by="office", why="x")
    world.take_back()
    dead_letter(world.backup, "mailer")
    dead_letter(world.backup, "anchor", at=at(5) + timedelta(seconds=1))
    assert queries.status(world.backup, None).dead_letters == 1
