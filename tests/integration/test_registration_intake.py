"""Taking records in and judging the cohort, on a real PostgreSQL; Kafka is the rows of the outbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from services.registration import handlers
from shared.clock import JST
from shared.events import (
    RegistrationHeld,
    RegistrationReleased,
    RegistrationRenewed,
)
from tests.worlds.registration import SETTLE, Desk, desk_at, ports_at, record, registration_database


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with desk_at(database) as desk:
        yield desk


# ── accept ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_delivered_twice_is_released_once(desk: Desk) -> None:
    assert desk.deliver(record(1)).accepted == 1
    assert desk.deliver(record(1)).unchanged == 1
    desk.settle()
    assert desk.deliver(record(1)).unchanged == 1
    desk.settle()
    assert desk.renewed() == ["R1"]


def test_nobody_is_judged_while_the_delivery_goes_on(desk: Desk) -> None:
    desk.deliver(record(1))
    for number in range(2, 5):
        desk.clock.now += SETTLE / 2
        desk.deliver(record(number))
        assert desk.judge() == 0
    assert desk.settle() == 4


def test_an_upstream_that_never_pauses_delays_nobody_for_ever(desk: Desk) -> None:
    for number in range(1, 30):
        desk.deliver(record(number))
        desk.clock.now += SETTLE / 2
        desk.judge()
    assert "R1" in desk.renewed()


def test_nobody_is_judged_before_april_1_in_japan(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 3, 1, tzinfo=UTC)
    desk.deliver(record(1), record(2, email=None))
    desk.clock.now = datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC)
    assert desk.judge() == 0
    desk.clock.now = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert desk.judge() == 2
    (event,) = desk.said(RegistrationRenewed)
    assert event.notify_from == datetime(2026, 4, 1, tzinfo=JST)


def test_what_is_held_is_told_once_with_its_reason(desk: Desk) -> None:
    incomplete = [
        record(1, completed_on=None),
        record(2, email=None),
        record(3, valid_from=date(2025, 4, 1)),
    ]
    desk.deliver(*incomplete, record(4))
    desk.settle()
    desk.deliver(*incomplete)
    desk.deliver(record(2, email=None, phone=None))
    desk.settle()
    assert desk.held() == {"R1": "not-completed", "R2": "missing-address", "R3": "not-this-cycle"}
    assert len(desk.said(RegistrationHeld)) == 3
    assert desk.renewed() == ["R4"]


def test_a_change_that_mends_a_hold_releases(desk: Desk) -> None:
    desk.deliver(record(1, completed_on=None, email=None))
    desk.settle()
    desk.deliver(record(1, email=None))
    desk.settle()
    desk.deliver(record(1))
    desk.settle()
    assert [(e.reason, e.revision) for e in desk.said(RegistrationHeld)] == [
        ("not-completed", 1),
        ("missing-address", 2),
    ]
    assert [e.revision for e in desk.said(RegistrationReleased)] == [3]
    assert desk.renewed() == ["R1"]


def test_completed_after_the_deadline_is_told_at_the_next_run(desk: Desk) -> None:
    desk.deliver(record(1, completed_on=date(2026, 2, 28)), record(2, completed_on=date(2026, 3, 1)))
    desk.settle()
    told = {event.key: event.notify_from for event in desk.said(RegistrationRenewed)}
    assert told == {"R1": datetime(2026, 4, 1, tzinfo=JST), "R2": datetime(2026, 4, 15, tzinfo=JST)}


def test_next_years_are_released_when_their_cycle_comes(desk: Desk, database: str) -> None:
    desk.deliver(record(1, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31), completed_on=date(2027, 1, 9)))
    desk.settle()
    assert desk.held() == {"R1": "not-this-cycle"}
    desk.clock.now = datetime(2027, 4, 1, tzinfo=JST)
    later = Desk(ports_at(database, desk.clock, "2027"), desk.clock)
    assert handlers.begin_cycle(desk.ports) == 0
    assert handlers.begin_cycle(later.ports) == 1
    assert later.judge() == 1
    assert desk.renewed() == ["R1"]
    assert desk.said(RegistrationRenewed)[0].award.cohort == "2027"
    later.ports.store.close()


def test_after_the_issue_upstream_changes_no_badge(desk: Desk) -> None:
    desk.deliver(record(1))
    desk.settle()
    answer = desk.deliver(record(1, email="other@example.jp", phone=None))
    desk.settle()
    assert [(each.row, each.fields) for each in answer.not_applied] == [(2, ("email",))]
    assert desk.renewed() == ["R1"]
    assert desk.rows("select registration_id, field, source from not_applied") == [("R1", "email", "test")]
    assert desk.rows("select email, phone from registrations") == [("person1@example.jp", None)]


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────

TEAM = ("team@example.jp", "TEAM@Example.jp", "ｔｅａｍ＠ｅｘａｍｐｌｅ．ｊｐ")


def test_a_shared_address_holds_all_its_people_and_nobody_else(desk: Desk) -> None:
    desk.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)), record(9))
    desk.settle()
    assert desk.held() == {"R0": "shared-address", "R1": "shared-address", "R2": "shared-address"}
    assert desk.renewed() == ["R9"]


def test_one_person_may_hold_several_qualifications_at_one_address(desk: Desk) -> None:
    desk.deliver(record(1), record(2, person_id="P1", email="PERSON1@example.jp", qualification="shindanshi"))
    desk.settle()
    assert desk.renewed() == ["R1", "R2"]


def test_a_correction_releases_the_person_at_once_and_whoever_is_left_alone(desk: Desk) -> None:
    desk.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)))
    desk.settle()
    desk.decide("correct-address", "R0", "r0@example.jp")
    assert desk.judge() == 3  # no settling
    assert desk.renewed() == ["R0"]
    desk.decide("correct-address", "R1", "r1@example.jp")
    desk.judge()
    assert desk.renewed() == ["R0", "R1", "R2"]
    assert desk.held() == {}
    addresses = {event.key: event.holder.email for event in desk.said(RegistrationRenewed)}
    assert addresses == {"R0": "r0@example.jp", "R1": "r1@example.jp", "R2": "team@example.jp"}


def test_upstream_can_free_a_shared_address_as_well(desk: Desk) -> None:
    desk.deliver(record(0, email=TEAM[0]), record(1, email=TEAM[1]))
    desk.settle()
    desk.deliver(record(1))
    desk.settle()
    assert desk.renewed() == ["R0", "R1"]


def test_a_correction_to_a_shared_address_holds_again(desk: Desk) -> None:
    desk.deliver(record(1, email=None), record(2, completed_on=None))
    desk.settle()
    desk.decide("correct-address", "R1", "Person2@example.jp")
    desk.judge()
    assert desk.held() == {"R1": "shared-address", "R2": "not-completed"}


def test_the_late_taker_of_an_issued_address_is_held_and_the_first_is_named(desk: Desk) -> None:
    desk.deliver(record(1))
    desk.settle()
    desk.deliver(record(2, email="PERSON1@example.jp"))
    desk.settle()
    (event,) = desk.said(RegistrationHeld)
    assert (event.key, event.reason, event.first_registration_id) == ("R2", "address-taken", "R1")
    assert desk.renewed() == ["R1"]


def test_two_judges_at_once_release_nobody_twice(desk: Desk, database: str) -> None:
    desk.deliver(*(record(number, email=f"pair{number // 2}@example.jp") for number in range(200)))
    desk.deliver(*(record(number) for number in range(200, 400)))
    desk.clock.now += SETTLE
    judges = [Desk(ports_at(database, desk.clock), desk.clock) for _ in range(4)]
    start = threading.Barrier(len(judges))

    def work(judge: Desk) -> None:
        start.wait()
        judge.judge()

    threads = [threading.Thread(target=work, args=(judge,)) for judge in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert desk.renewed() == sorted(f"R{number}" for number in range(200, 400))
    assert len(desk.held()) == len(desk.said(RegistrationHeld)) == 200
    for judge in judges:
        judge.ports.store.close()


def test_corrections_while_others_arrive_and_are_judged_lose_nobody(desk: Desk, database: str) -> None:
    desk.deliver(*(record(number, email="all@example.jp") for number in range(40)))
    desk.settle()
    other = Desk(ports_at(database, desk.clock), desk.clock)
    done = threading.Event()

    def judge_on() -> None:
        while not done.is_set():
            other.judge()

    judge = threading.Thread(target=judge_on)
    judge.start()
    for number in range(39):
        desk.decide("correct-address", f"R{number}", f"own{number}@example.jp")
        desk.deliver(record(100 + number))
    done.set()
    judge.join(30)
    desk.settle()
    assert len(desk.renewed()) == 40 + 39
    assert desk.held() == {}
    other.ports.store.close()
