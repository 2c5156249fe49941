"""The office erases a person: what is left in the schema of ops, whatever comes first, and after a restore.

On a real PostgreSQL; registration and the others are played by their events.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.ops import queries
from services.ops.acts import erasure, orders, paper, person_orders
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import AlreadyDecidedError, Selected
from services.ops.board.erasures import ERASERS, ErasedError
from services.ops.handlers import note_dead
from services.ops.ports import Ports
from services.ops.store.decisions import Order
from shared.events import Event, RegistrationRejected
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.runtime.batches import RawMessage
from shared.runtime.dead_letters import DeadLetter
from shared.topics import REGISTRATION_RENEWED
from shared.wire import decode, encode
from tests.worlds.cohorts import NOON, assertion_id, at, held, issued, letter, renewed
from tests.worlds.erased_person import (
    BADGES,
    BADGES_GONE,
    DECISION,
    GONE,
    OTHERS,
    PERSON,
    PERSONAL,
    REVOKED,
    erased,
    of_them,
    said_in,
    settle,
    their_events,
)
from tests.worlds.ops import empty, outbox, tell
from tests.worlds.ops_restored import RECALLS, Restored, rows_of
from tests.worlds.postgres import Databases
from tests.worlds.recalled import announced, take_back
from tests.worlds.tables import rows_at

pytest_plugins = ("tests.worlds.ops_fixtures",)

OFFICE = Attribution("事務局", "本人の申し出")


def shown(ports: Ports) -> dict[str, Any]:
    """Everything that the board counts and lists."""
    status = queries.status(ports, "2026")  # which brings the counts up to date
    tables = ("standing_counts", "letter_counts", "batch_counts")
    board: dict[str, Any] = {
        table: sorted(rows_of(ports, f"select * from {table} where count <> 0")) for table in tables
    }
    board["status"] = msgspec.to_builtins(status)
    board["people"] = queries.people(ports, "2026", None).people
    board["paper"] = [(each.item, each.state, each.count) for each in paper.counts(ports)]
    board["standing"] = rows_of(ports, "select count(*) from standing")
    return board


# ── what is left ────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_the_person_is_left_in_any_table_and_the_board_is_one_that_never_knew_them(ports: Ports) -> None:
    tell(ports, *OTHERS, *their_events())
    assert said_in(ports.store.url, PERSONAL) > {"people", "person_events", "paper_items", "rejections"}
    assert shown(ports)["status"]["cohort"]["eligible"] == 4  # and the counts are there
    order = erasure.erase(ports, "R00002", OFFICE)
    assert order.id == "erase/R00002"
    erased(ports)
    assert said_in(ports.store.url, PERSONAL) == set()
    ids = said_in(ports.store.url, (*PERSON, *BADGES))
    assert ids <= {"erased", "decisions", "announced", "outbox", "settlements"}
    left = shown(ports)
    empty(ports.store)
    tell(ports, *OTHERS)
    with ports.store.transaction() as tx:  # the row is there, and says no more than that it was rejected
        tx.note_rejected([RegistrationRejected(rejection_id="a", source="f", row=7, field="x", expected="x")])
    assert left == shown(ports)


@pytest.mark.parametrize("seed", range(16))
def test_events_of_the_person_come_in_any_order_and_the_end_is_the_same(ports: Ports, seed: int) -> None:
    events = [*OTHERS, *their_events(), GONE, *REVOKED, BADGES_GONE]
    random.Random(seed).shuffle(events)
    tell(ports, *events)
    assert said_in(ports.store.url, tuple(set(PERSONAL) - {"NUMBER-7001"})) == set()
    assert said_in(ports.store.url, (*PERSON, *BADGES, "10000001")) <= {"erased", "outbox", "announced"}
    assert queries.status(ports, "2026").cohort.eligible == 2
    assert queries.status(ports, "2026").unplaced == 0
    tell(ports, *events)  # and once more
    assert queries.status(ports, "2026").cohort.eligible == 2


def test_it_is_settled_once_when_the_badges_are_gone_too(ports: Ports) -> None:
    def settled() -> list[str]:
        events = [decode(value) for _, _, value in outbox(ports)]
        return [event.service for event in events if isinstance(event, DecisionSettled)]

    tell(ports, *their_events(), GONE)
    assert settled() == []
    tell(ports, BADGES_GONE, BADGES_GONE, GONE)
    assert settled() == ["ops"]


def test_of_orders_about_the_person_the_author_and_the_reason_stay_and_what_they_changed_is_gone(ports: Ports) -> None:
    tell(ports, *OTHERS, *their_events())
    orders.correct(ports, "R00001", 2, Correction(family_name="渡辺", given_name="花子"), OFFICE)
    person_orders.correct_address(ports, "R00002", "hanako@example.jp", OFFICE)
    revoke = orders.revoke(ports, "R00002", OFFICE)
    other = orders.correct(ports, "R00003", 1, Correction(family_name="高橋"), OFFICE)
    settled = DecisionSettled(
        decision_id=revoke.id,
        subject=revoke.subject,
        service="issuer",
        outcome="done",
        settled_at=at(30),
        detail="got 消去",
    )
    tell(ports, settled)
    assert "announced" in said_in(ports.store.url, PERSONAL)
    order = erasure.erase(ports, "R00001", OFFICE)
    tell(ports, GONE)
    assert said_in(ports.store.url, PERSONAL) == set()
    tell(ports, *REVOKED, BADGES_GONE)
    lines = {line.id: line for line in queries.decisions(ports, "R00002", limit=10)}
    assert len(lines) == 4 and {line.why for line in lines.values()} == {"本人の申し出"}
    assert {line.outcome for line in lines.values()} == {None, "erased", "done"}
    assert lines[revoke.id].outcome == "done" and lines[revoke.id].detail is None
    assert lines[order.id].outcome is None and lines[order.id].registration_id == "R00001"
    assert queries.decision(ports, other.id).correction == {"family_name": "高橋"}
    kept = [decode(value) for (value,) in rows_of(ports, "select value from announced where topic <> ''")]
    assert {event.decision for event in kept if isinstance(event, OfficeDecided)} == {"erase", "correct"}


def test_an_answer_that_comes_after_the_erasure_takes_the_place_of_its_outcome(ports: Ports) -> None:
    tell(ports, *their_events())
    revoke = orders.revoke(ports, "R00002", OFFICE)
    correct = orders.correct(ports, "R00001", 2, Correction(given_name="花"), OFFICE)
    tell(ports, GONE)
    assert queries.decision(ports, revoke.id).outcome == queries.decision(ports, correct.id).outcome == "erased"
    for id, outcome in ((revoke.id, "done"), (correct.id, "no-such-registration")):
        tell(
            ports,
            DecisionSettled(
                decision_id=id, subject="R00001", service="x", outcome=outcome, settled_at=at(70), detail="got 消去"
            ),
        )
    assert queries.decision(ports, revoke.id).outcome == "done"
    assert queries.decision(ports, correct.id).outcome == "no-such-registration"
    assert said_in(ports.store.url, PERSONAL) == set()


def test_an_undo_with_an_erased_person_in_it_has_an_outcome_and_lists_the_person_no_more(ports: Ports) -> None:
    tell(ports, *OTHERS, *their_events())
    run = orders.dry_run(ports, "undo", Selected(cohort="2026"))
    undo = orders.apply(ports, "undo", Selected(cohort="2026"), run.digest, OFFICE)
    erased(ports)
    settle(ports, "issuer", decision_id=f"revoke/{assertion_id(0)}")
    for line in queries.decisions(ports, undo.id, limit=10):
        if line.part_of and line.outcome is None:
            settle(ports, "issuer", decision_id=line.id)
    found = queries.decision(ports, undo.id)
    assert found.outcome == "partly" and found.parts is not None and found.parts.outcomes == {"done": 2, "erased": 2}
    assert {each.registration_id for each in orders.dry_run(ports, "undo", Selected(cohort="2026")).people} == {
        "R00000",
        "R00003",
    } - {line.registration_id for line in queries.decisions(ports, undo.id, limit=10) if line.outcome == "done"}


def test_of_a_step_for_paper_the_parcel_of_the_erased_person_is_gone_and_that_of_others_stays(ports: Ports) -> None:
    tell(ports, *OTHERS, *their_events()[:-4])
    theirs = PaperOrdered(order_id="10000001", registration_id="R00001", items=("card",), total=1, ordered_at=at(24))
    tell(ports, theirs)
    for number in ("10000001", "10000009"):
        tell(ports, PaperUpdated(order_id=number, item="card", state="printed", revision=2, at=at(25)))
    ids = ["10000001/card=4021-5566", "10000009/card=9999-0000"]
    (step,) = paper.take_step(ports, "sent", OFFICE, ids=ids, shipper="運送")
    tell(ports, GONE)
    line = queries.decision(ports, step.id)
    assert line.correction is not None and line.correction["items"] == "10000001/card、10000009/card=9999-0000"
    (value,) = rows_of(ports, "select value from announced where key = 'paper'")[0]
    order = decode(value)
    assert isinstance(order, OfficeDecided)
    assert [(each.order_id, each.tracking) for each in order.paper] == [("10000001", None), ("10000009", "9999-0000")]
    late = PaperUpdated(
        order_id="10000001", item="card", state="sent", revision=3, at=at(70), shipper="運送", tracking="4021-5566"
    )
    tell(ports, late)
    assert rows_of(ports, "select order_id from paper_items") == [("10000009",)]


# ── dead letters ────────────────────────────────────────────────────────────────────────────────────────


def dead(value: bytes, number: int, *, key: bytes = b"", cause: str = "Unreadable: x") -> RawMessage:
    record = DeadLetter(
        id=UUID(int=number),
        topic="registration.renewed",
        partition=0,
        offset=number,
        key=key,
        value=value,
        consumer="issuer",
        cause=cause,
        at=NOON,
    )
    return RawMessage(record_key=None, value=msgspec.json.encode(record))


def sent(event: Event, service: str = "registration") -> bytes:
    return encode(event, source=service, at=NOON)


ORDER = OfficeDecided(
    decision_id=DECISION, decision="erase", subject="R00001", by="事務局", why="本人の申し出", decided_at=at(59)
)
THEIRS = [
    dead(sent(of_them(renewed(1))), 1, key=b"R00001"),
    dead(sent(issued(2)), 2),
    dead(b'{"registration_id":  "R00001", "family_name": "\xe6\xb6\x88\xe5\x8e\xbb"', 3),  # no JSON: cut off
    dead('{"registration_id": "R00002", "氏": "消去"}'.encode(), 4),
    dead(b"", 5, cause="DataError: got R00002 消去"),
    dead(sent(letter(1, "award", "bounced", 2), "mailer"), 6, key=assertion_id(1).encode()),
    dead(sent(their_events()[-4], "wallet"), 7, key=b"10000001"),
]
NOT_THEIRS = [
    dead(sent(renewed(3)), 11, key=b"R00003"),
    dead(b'{"registration_id": "R00003", "previous_registration_id": "R00001"}', 12),
    dead(sent(msgspec.structs.replace(held(3), first_registration_id="R00001")), 13),
    dead(b"R000012", 14),
    dead(sent(GONE), 15, key=DECISION.encode()),  # somebody has yet to erase the person
    dead(sent(ORDER, "ops"), 16, key=b"R00001"),
    dead(sent(BADGES_GONE), 17, key=DECISION.encode()),
]


@pytest.mark.parametrize("first", ["letters", "erasure"])
def test_dead_letters_of_the_person_are_gone_and_those_of_others_and_of_the_erasure_itself_stay(
    ports: Ports, first: str
) -> None:
    tell(ports, *their_events())
    steps: list[Callable[[], None]] = [
        lambda: note_dead(REGISTRATION_RENEWED)([*THEIRS, *NOT_THEIRS], ports),
        lambda: erased(ports),
    ]
    for step in steps if first == "letters" else reversed(steps):
        step()
    kept = {each.dead_letter_id for each in queries.dead_letters(ports, None)}
    assert kept == {str(UUID(int=number)) for number in range(11, 18)}
    assert queries.status(ports, None).dead_letters == 7


def test_a_dead_letter_that_is_noted_while_the_erasure_goes_on_waits_for_it(ports: Ports) -> None:
    tell(ports, *their_events())
    noted = threading.Thread(target=lambda: note_dead(REGISTRATION_RENEWED)(THEIRS, ports))
    with ports.store.transaction() as tx:
        (event,) = tx.claim_erasures([GONE])
        tx.erasures.forget(event.decision_id, event.registration_ids, BADGES)
        noted.start()
        waits = "select count(*) from pg_locks where not granted and relation = 'inbox'::regclass"
        pause = threading.Event()
        while noted.is_alive() and rows_at(ports.store.url, waits) == [(0,)]:
            pause.wait(0.02)
    noted.join(30)
    assert queries.dead_letters(ports, None) == []


def test_an_order_in_hand_is_waited_for_and_what_it_changes_is_gone(ports: Ports) -> None:
    tell(ports, *their_events())
    gone = threading.Thread(target=lambda: tell(ports, GONE))
    correct = OfficeDecided(
        decision_id="correct/R00001/3",
        decision="correct",
        subject="R00001",
        by="事務局",
        why="改姓",
        decided_at=at(59),
        correction=Correction(family_name="渡辺"),
    )
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        gone.start()
        waits = "select count(*) from pg_locks where not granted and locktype = 'advisory'"
        pause = threading.Event()
        while gone.is_alive() and rows_at(ports.store.url, waits) == [(0,)]:
            pause.wait(0.02)
        tx.decisions.note_orders([Order(correct, None)])
        tx.announce(correct)
    gone.join(30)
    assert queries.decision(ports, correct.decision_id).outcome == "erased"
    assert said_in(ports.store.url, PERSONAL) == set()


# ── the order ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_order_is_done_when_all_six_have_settled_it_and_says_who_has_not(ports: Ports) -> None:
    tell(ports, *their_events())
    order = erasure.erase(ports, "R00001", OFFICE)
    assert [each.service for each in order.producers or ()] == list(ERASERS) and len(ERASERS) == 6
    settle(ports, "mailer", "registration", "wallet")
    tell(ports, GONE, BADGES_GONE)
    settle(ports, "anchor")  # which holds nothing of anybody
    line = queries.decision(ports, order.id)
    assert line.outcome is None
    assert [each.service for each in line.producers or () if each.outcome is None] == ["issuer", "renderer", "ops"]
    settle(ports, "issuer", "ops")
    assert queries.decision(ports, order.id).outcome is None
    settle(ports, "renderer")
    assert queries.decision(ports, order.id).outcome == "done"


def test_an_order_about_a_person_whom_registration_does_not_know_ends_with_its_answer(ports: Ports) -> None:
    tell(ports, *their_events())
    order = erasure.erase(ports, "R00001", OFFICE)
    settle(ports, "registration", outcome="no-such-registration")
    line = queries.decision(ports, order.id)
    assert (line.outcome, line.settled_by) == ("no-such-registration", "registration")
    assert erasure.erase(ports, "R00001", OFFICE).id == f"{DECISION}/2"


def test_a_person_is_ordered_to_be_erased_once_by_whichever_registration(ports: Ports) -> None:
    tell(ports, *OTHERS, *their_events())
    assert [each.registration_id for each in erasure.plan(ports, "R00002").registrations] == ["R00002", "R00001"]
    first = erasure.erase(ports, "R00001", OFFICE)
    assert erasure.erase(ports, "R00002", OFFICE) == erasure.erase(ports, "R00001", OFFICE) == first
    erased(ports)
    assert erasure.erase(ports, "R00002", OFFICE).id == first.id  # others are still erasing theirs
    settle(ports, *ERASERS)
    for id in PERSON:
        with pytest.raises(AlreadyDecidedError, match=f"{id} was erased on 2026-04-01 04:02Z, ordered by {DECISION}"):
            erasure.erase(ports, id, OFFICE)
    assert len([each for each in outbox(ports) if b"OfficeDecided" in each[2]]) == 1
    for give in (orders.revoke, orders.resume, person_orders.hold, erasure.plan):
        with pytest.raises(ErasedError):
            give(ports, "R00001", *([] if give is erasure.plan else [OFFICE]))


# ── a restore, a rebuild ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def restored(databases: Databases) -> Iterator[Callable[[Callable[[Ports], object]], Restored]]:
    made: list[Restored] = []

    def restore(before: Callable[[Ports], object]) -> Restored:
        made.append(Restored(databases, before))
        return made[-1]

    yield restore
    for each in made:
        each.backup.store.close()
        each.lived.store.close()


def test_after_a_restore_the_erased_are_erased_again_and_nothing_is_announced_twice(
    restored: Callable[[Callable[[Ports], object]], Restored],
) -> None:
    world = restored(lambda ports: tell(ports, *OTHERS, *their_events()))
    orders.correct(world.lived, "R00001", 2, Correction(family_name="渡辺"), OFFICE)
    facts = announced(world.lived.store)  # as they are on Kafka, with the name
    order = erasure.erase(world.lived, "R00001", OFFICE)
    erased(world.lived)
    settle(world.lived, *ERASERS)
    facts += [fact for fact in announced(world.lived.store) if fact.id not in {each.id for each in facts}]
    assert take_back(world.backup.store, RECALLS, facts) == 3
    assert "decisions" in said_in(world.backup.store.url, PERSONAL)
    erased(world.backup)
    settle(world.backup, *ERASERS)
    assert said_in(world.backup.store.url, PERSONAL) == set()
    assert outbox(world.backup) == []
    assert queries.decision(world.backup, order.id).outcome == "done"
    assert shown(world.backup)["standing_counts"] == shown(world.lived)["standing_counts"]
    world.same("select decision_id, subject, decided_by, why, correction, outcome from decisions order by 1")


def test_a_database_that_is_built_again_leaves_the_erased_out_and_knows_when_they_were_erased(ports: Ports) -> None:
    """Its own orders may be on Kafka no more."""
    tell(ports, GONE, BADGES_GONE, *OTHERS, *their_events())
    settle(ports, *ERASERS)
    assert said_in(ports.store.url, tuple(set(PERSONAL) - {"NUMBER-7001"})) == set()
    found = queries.erasure(ports, "R00002")
    assert found is not None and (found.decision_id, found.erased_at) == (DECISION, at(62))
    assert queries.decisions(ports, "R00001", limit=10) == []
