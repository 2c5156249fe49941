"""Taking records in and judging the cohort, on a real PostgreSQL; Kafka is the rows of the outbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from services.registration import handlers
from shared.clock import JST
from shared.events import RegistrationHeld, RegistrationReleased, RegistrationRenewed
from tests.worlds.registration import SETTLE, RegistrationWorld, ports_at, record, registration_database, world_at


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


# ── accept ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_delivered_twice_is_released_once(world: RegistrationWorld) -> None:
    assert world.deliver(record(1)).accepted == 1
    assert world.deliver(record(1)).unchanged == 1
    world.settle()
    assert world.deliver(record(1)).unchanged == 1
    world.settle()
    assert world.renewed() == ["R1"]


def test_nobody_is_judged_while_the_delivery_goes_on(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    for number in range(2, 5):
        world.clock.now += SETTLE / 2
        world.deliver(record(number))
        assert world.judge() == 0
    assert world.settle() == 4


def test_a_registration_is_judged_although_deliveries_never_pause(world: RegistrationWorld) -> None:
    for number in range(1, 30):
        world.deliver(record(number))
        world.clock.now += SETTLE / 2
        world.judge()
    assert "R1" in world.renewed()


def test_nobody_is_released_before_april_1_in_japan(world: RegistrationWorld) -> None:
    world.clock.now = datetime(2026, 3, 1, tzinfo=UTC)
    world.deliver(record(1), record(2, email=None))
    world.clock.now = datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC)
    world.judge()
    assert world.renewed() == []
    assert world.held() == {"R2": "missing-address"}
    world.clock.now = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert world.judge() == 1
    (event,) = world.announced(RegistrationRenewed)
    assert event.notify_from == datetime(2026, 4, 1, tzinfo=JST)


def test_a_hold_is_announced_once_with_its_reason(world: RegistrationWorld) -> None:
    incomplete = [
        record(1, completed_on=None),
        record(2, email=None),
        record(3, valid_from=date(2025, 4, 1)),
    ]
    world.deliver(*incomplete, record(4))
    world.settle()
    world.deliver(*incomplete)
    world.deliver(record(2, email=None, phone=None))
    world.settle()
    assert world.held() == {"R1": "not-completed", "R2": "missing-address", "R3": "not-this-cycle"}
    assert len(world.announced(RegistrationHeld)) == 3
    assert world.renewed() == ["R4"]


def test_a_change_that_removes_the_reason_releases(world: RegistrationWorld) -> None:
    world.deliver(record(1, completed_on=None, email=None))
    world.settle()
    world.deliver(record(1, email=None))
    world.settle()
    world.deliver(record(1))
    world.settle()
    assert [(e.reason, e.revision) for e in world.announced(RegistrationHeld)] == [
        ("not-completed", 1),
        ("missing-address", 2),
    ]
    assert [e.revision for e in world.announced(RegistrationReleased)] == [3]
    assert world.renewed() == ["R1"]


def test_a_registration_completed_after_the_deadline_is_notified_at_the_next_run(world: RegistrationWorld) -> None:
    world.deliver(record(1, completed_on=date(2026, 2, 28)), record(2, completed_on=date(2026, 3, 1)))
    world.settle()
    told = {event.key: event.notify_from for event in world.announced(RegistrationRenewed)}
    assert told == {"R1": datetime(2026, 4, 1, tzinfo=JST), "R2": datetime(2026, 4, 15, tzinfo=JST)}


def test_registrations_of_a_later_cycle_are_released_when_it_begins(world: RegistrationWorld, database: str) -> None:
    world.deliver(record(1, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31), completed_on=date(2027, 1, 9)))
    world.settle()
    assert world.held() == {"R1": "not-this-cycle"}
    world.clock.now = datetime(2027, 4, 1, tzinfo=JST)
    later = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock)
    assert handlers.begin_cycle(world.ports) == 0
    assert handlers.begin_cycle(later.ports) == 1
    assert later.judge() == 1
    assert world.renewed() == ["R1"]
    assert world.announced(RegistrationRenewed)[0].award.cohort == "2027"
    later.ports.store.close()


def test_a_change_after_the_issue_is_not_applied(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue()
    answer = world.deliver(record(1, email="other@example.jp", phone=None))
    world.settle()
    assert [(each.row, each.fields) for each in answer.not_applied] == [(2, ("email",))]
    assert world.renewed() == ["R1"]
    assert world.rows("select registration_id, field, source from not_applied") == [("R1", "email", "test")]
    assert world.rows("select email, phone from registrations") == [("person1@example.jp", None)]


# ── addresses ──────────────────────────────────────────────────────────────────────────────────────────

TEAM = ("team@example.jp", "TEAM@Example.jp", "ｔｅａｍ＠ｅｘａｍｐｌｅ．ｊｐ")


def test_a_shared_address_holds_all_its_people_and_nobody_else(world: RegistrationWorld) -> None:
    world.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)), record(9))
    world.settle()
    assert world.held() == {"R0": "shared-address", "R1": "shared-address", "R2": "shared-address"}
    assert world.renewed() == ["R9"]


def test_one_person_may_hold_several_qualifications_at_one_address(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2, person_id="P1", email="PERSON1@example.jp", qualification="shindanshi"))
    world.settle()
    assert world.renewed() == ["R1", "R2"]


def test_a_corrected_address_releases_its_person_at_once_and_the_last_one_left(world: RegistrationWorld) -> None:
    world.deliver(*(record(number, email=email) for number, email in enumerate(TEAM)))
    world.settle()
    world.decide("correct-address", "R0", "r0@example.jp")
    assert world.judge() == 3  # no settling
    assert world.renewed() == ["R0"]
    world.decide("correct-address", "R1", "r1@example.jp")
    world.judge()
    assert world.renewed() == ["R0", "R1", "R2"]
    assert world.held() == {}
    addresses = {event.key: event.holder.email for event in world.announced(RegistrationRenewed)}
    assert addresses == {"R0": "r0@example.jp", "R1": "r1@example.jp", "R2": "team@example.jp"}


def test_upstream_can_free_a_shared_address_as_well(world: RegistrationWorld) -> None:
    world.deliver(record(0, email=TEAM[0]), record(1, email=TEAM[1]))
    world.settle()
    world.deliver(record(1))
    world.settle()
    assert world.renewed() == ["R0", "R1"]


def test_a_correction_to_a_shared_address_holds_again(world: RegistrationWorld) -> None:
    world.deliver(record(1, email=None), record(2, completed_on=None))
    world.settle()
    world.decide("correct-address", "R1", "Person2@example.jp")
    world.judge()
    assert world.held() == {"R1": "shared-address", "R2": "not-completed"}


def test_a_later_person_at_an_issued_address_is_held_and_the_first_is_named(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.deliver(record(2, email="PERSON1@example.jp"))
    world.settle()
    (event,) = world.announced(RegistrationHeld)
    assert (event.key, event.reason, event.first_registration_id) == ("R2", "address-taken", "R1")
    assert world.renewed() == ["R1"]


def test_two_judges_at_once_release_each_registration_once(world: RegistrationWorld, database: str) -> None:
    world.deliver(*(record(number, email=f"pair{number // 2}@example.jp") for number in range(200)))
    world.deliver(*(record(number) for number in range(200, 400)))
    world.clock.now += SETTLE
    judges = [RegistrationWorld(ports_at(database, world.clock), world.clock) for _ in range(4)]
    start = threading.Barrier(len(judges))

    def work(judge: RegistrationWorld) -> None:
        start.wait()
        judge.judge()

    threads = [threading.Thread(target=work, args=(judge,)) for judge in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert world.renewed() == sorted(f"R{number}" for number in range(200, 400))
    assert len(world.held()) == len(world.announced(RegistrationHeld)) == 200
    for judge in judges:
        judge.ports.store.close()


def test_every_corrected_address_is_released_while_others_arrive_and_are_judged(
    world: RegistrationWorld, database: str
) -> None:
    world.deliver(*(record(number, email="all@example.jp") for number in range(40)))
    world.settle()
    other = RegistrationWorld(ports_at(database, world.clock), world.clock)
    done = threading.Event()

    def judge_on() -> None:
        while not done.is_set():
            other.judge()

    judge = threading.Thread(target=judge_on)
    judge.start()
    for number in range(39):
        world.decide("correct-address", f"R{number}", f"own{number}@example.jp")
        world.deliver(record(100 + number))
    done.set()
    judge.join(30)
    world.settle()
    assert len(world.renewed()) == 40 + 39
    assert world.held() == {}
    other.ports.store.close()
