"""Before the cycle begins: the office sees who is held from the first delivery on, and nobody is released."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.registration import handlers
from services.registration.domain.record import UpstreamRecord
from services.registration.office.outlook import cohort_outlook, outlook_of
from shared.clock import JST
from shared.events import RegistrationHeld, RegistrationReleased, RegistrationRenewed
from tests.worlds.registration import (
    SETTLE,
    RegistrationWorld,
    ports_at,
    record,
    registration_database,
    world_at,
)

FEBRUARY = datetime(2026, 2, 10, 9, tzinfo=JST)
APRIL = datetime(2026, 4, 1, tzinfo=JST)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        world.clock.now = FEBRUARY
        yield world


def settle(world: RegistrationWorld, *records: UpstreamRecord) -> None:
    world.deliver(*records)
    world.settle()


def test_in_february_sharers_and_missing_addresses_are_announced_and_nobody_is_released(
    world: RegistrationWorld,
) -> None:
    settle(
        world, record(1, email="team@example.jp"), record(2, email="TEAM@example.jp"), record(3, email=None), record(4)
    )
    assert world.held() == {"R1": "shared-address", "R2": "shared-address", "R3": "missing-address"}
    assert world.judge() == 0
    assert world.renewed() == []
    assert world.rows("select registration_id, state from registrations where foreseen") == [("R4", "waiting")]


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        ({"email": "Person1@example.jp"}, "shared-address"),
        ({"person_id": "P1", "birth_date": date(1981, 1, 1)}, "birth-date-differs"),
        ({"person_id": "P1", "given_name": "花子"}, "name-differs"),
        ({"registration_number": "26g1"}, "duplicate-registration-number"),
        ({"pass_number": "２５-1"}, "duplicate-pass-number"),
    ],
)
def test_a_later_delivery_that_contradicts_holds_both(
    world: RegistrationWorld, later: dict[str, Any], reason: str
) -> None:
    settle(world, record(1), record(9))
    assert world.held() == {}
    settle(world, record(2, **later))
    assert world.held() == {"R1": reason, "R2": reason}


def test_what_a_waiting_registration_renews_turns_out_to_be_another_persons(world: RegistrationWorld) -> None:
    settle(world, record(1, previous_registration_id="R2"))
    settle(world, record(2, valid_from=date(2022, 4, 1), valid_until=date(2026, 3, 31), completed_on=date(2022, 1, 1)))
    assert world.held()["R1"] == "renews-another"


def test_a_hold_that_ends_in_march_is_announced_and_the_person_waits_for_april(world: RegistrationWorld) -> None:
    settle(world, record(1, email="team@example.jp"), record(2, email="team@example.jp"))
    settle(world, record(2))
    assert world.held() == {}
    assert {(e.key, e.revision) for e in world.announced(RegistrationReleased)} == {("R1", 2), ("R2", 2)}
    assert world.renewed() == []
    world.clock.now = APRIL - timedelta(seconds=1)
    assert world.judge() == 0
    world.clock.now = APRIL
    assert world.judge() == 2
    assert world.renewed() == ["R1", "R2"]
    assert {e.notify_from for e in world.announced(RegistrationRenewed)} == {APRIL}


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (datetime(2026, 2, 28, 23, 59, 59, tzinfo=JST), APRIL),
        (datetime(2026, 3, 1, tzinfo=JST), APRIL + timedelta(days=14)),
        (datetime(2026, 4, 1, 8, 59, tzinfo=JST), APRIL + timedelta(days=14)),  # March 31 in UTC
        (datetime(2026, 4, 14, 23, 59, 59, tzinfo=JST), APRIL + timedelta(days=14)),
        (datetime(2026, 4, 15, tzinfo=JST), APRIL + timedelta(days=28)),
    ],
)
@pytest.mark.parametrize("way", ["address", "sharer", "hold"])
def test_who_is_held_until_somebody_ends_it_joins_the_next_run(
    world: RegistrationWorld, ended: datetime, told: datetime, way: str
) -> None:
    if way == "hold":
        world.deliver(record(1))
        world.decide("hold", "R1")
        world.judge()
    else:
        settle(
            world, record(1, email="team@example.jp" if way == "sharer" else None), record(2, email="team@example.jp")
        )
    assert "R1" in world.held()
    world.clock.now = ended - SETTLE
    if way == "hold":
        world.clock.now = ended
        world.decide("resume", "R1")
    else:
        world.deliver(record(1))
        world.clock.now = ended
    world.judge()
    world.clock.now = max(ended, APRIL)
    world.judge()
    (event,) = [each for each in world.announced(RegistrationRenewed) if each.key == "R1"]
    assert event.notify_from == told


def test_who_is_held_until_a_day_of_its_own_record_is_told_by_that_day(world: RegistrationWorld) -> None:
    settle(world, record(1, completed_on=date(2026, 2, 27)), record(2, completed_on=None))
    settle(world, record(2))
    world.clock.now = datetime(2026, 3, 3, tzinfo=JST)
    handlers.begin_cycle(world.ports)
    world.judge()
    world.clock.now = APRIL
    world.judge()
    assert {each.notify_from for each in world.announced(RegistrationRenewed)} == {APRIL}


def test_the_office_sets_the_address_of_somebody_who_waits_and_both_are_held(world: RegistrationWorld) -> None:
    settle(world, record(1), record(2, email=None))
    world.decide("correct-address", "R2", "person1@example.jp")
    world.judge()
    assert world.held() == {"R1": "shared-address", "R2": "shared-address"}
    world.decide("correct-address", "R2", "person2@example.jp")
    world.judge()
    assert world.held() == {}


@pytest.mark.parametrize(
    ("held", "later"),
    [
        ({"email": None}, {"person_id": "P1", "birth_date": date(1981, 1, 1)}),
        ({"email": "person9@example.jp"}, {"person_id": "P1", "given_name": "花子"}),
        ({"email": None}, {"registration_number": "26g1"}),
        ({"email": "person9@example.jp"}, {"pass_number": "25-1"}),
        ({"email": None, "previous_registration_id": "R2"}, {}),
    ],
)
def test_who_is_held_is_held_for_the_first_reason_that_applies_whenever_it_comes(
    world: RegistrationWorld, held: dict[str, Any], later: dict[str, Any]
) -> None:
    settle(world, record(1, **held), record(9))
    before = world.held()["R1"]
    settle(world, record(2, **later))
    foreseen = {each.registration_id: each.reason for each in cohort_outlook(world.ports)}
    assert world.held()["R1"] == foreseen["R1"] != before


def test_a_record_of_the_next_cohort_is_judged_once_that_is_ours(world: RegistrationWorld, database: str) -> None:
    of_2027 = {"valid_from": date(2027, 4, 1), "valid_until": date(2031, 3, 31)}
    settle(world, record(1, **of_2027, email=None), record(2, **of_2027))
    assert world.held() == {"R1": "not-this-cycle", "R2": "not-this-cycle"}
    world.clock.now = datetime(2027, 2, 1, tzinfo=JST)
    later = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock)
    assert handlers.begin_cycle(later.ports) == 2
    later.settle()
    assert (later.held(), later.renewed()) == ({"R1": "missing-address"}, [])
    assert handlers.begin_cycle(later.ports) == 0
    world.clock.now = datetime(2027, 4, 1, tzinfo=JST)
    later.judge()
    assert later.renewed() == ["R2"]
    later.ports.store.close()


def test_who_completes_later_is_judged_on_that_day_before_the_cycle_too(world: RegistrationWorld) -> None:
    settle(world, record(1, completed_on=date(2026, 2, 20)))
    assert world.held() == {"R1": "completes-later"}
    world.clock.now = datetime(2026, 2, 20, tzinfo=JST) - timedelta(seconds=1)
    assert handlers.begin_cycle(world.ports) == 0
    world.clock.now = datetime(2026, 2, 20, tzinfo=JST)
    assert handlers.begin_cycle(world.ports) == 1
    world.judge()
    assert world.held() == {}


def test_three_people_at_one_address_among_10000_are_the_only_ones_held(world: RegistrationWorld) -> None:
    people = [record(number) for number in range(10_000)]
    for number, address in ((17, "x@example.jp"), (4_999, "X@example.jp"), (9_998, "ｘ@example.jp")):
        people[number] = record(number, email=address)
    settle(world, *people)
    assert world.held() == dict.fromkeys(["R17", "R4999", "R9998"], "shared-address")
    world.clock.now = APRIL
    assert world.judge() == 9_997
    assert len(world.renewed()) == 9_997
    assert len(world.announced(RegistrationHeld)) == 3


def test_of_50_that_race_for_one_address_one_at_most_gets_a_badge(world: RegistrationWorld, database: str) -> None:
    world.clock.now = APRIL + timedelta(hours=1)
    worlds = [RegistrationWorld(ports_at(database, world.clock), world.clock) for _ in range(10)]
    start = threading.Barrier(len(worlds))
    spellings = ("one@example.jp", "ONE@example.jp", "ｏｎｅ@example.jp")

    def race(number: int) -> None:
        start.wait()
        for each in range(5 * number, 5 * number + 5):
            worlds[number].deliver(record(each, email=spellings[each % 3]))
            handlers.release(worlds[number].ports)

    racers = [threading.Thread(target=race, args=(number,)) for number in range(len(worlds))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    world.clock.now += SETTLE
    world.judge()
    released = world.renewed()
    assert len(released) <= 1
    assert len(world.held()) == 50 - len(released)
    for each in world.held():
        world.decide("correct-address", each, f"{each.lower()}@example.jp")
    world.judge()
    assert len(world.renewed()) == 50
    for other in worlds:
        other.ports.store.close()


def test_the_dry_run_names_who_when_and_why_not_and_changes_nothing(world: RegistrationWorld) -> None:
    world.clock.now = datetime(2026, 3, 5, tzinfo=JST)
    world.deliver(
        record(1),
        record(2, completed_on=date(2026, 3, 1)),
        record(3, email="team@example.jp"),
        record(4, email="team@example.jp"),
        record(5, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31)),
        record(6, email=None),
    )
    before = world.rows("select * from registrations order by registration_id")
    found = {
        each.registration_id: (each.outcome, each.notify_from, each.reason) for each in cohort_outlook(world.ports)
    }
    assert found == {
        "R1": ("coming", APRIL, None),
        "R2": ("coming", APRIL + timedelta(days=14), None),
        "R3": ("held", None, "shared-address"),
        "R4": ("held", None, "shared-address"),
        "R5": ("held", None, "not-this-cycle"),
        "R6": ("held", None, "missing-address"),
    }
    assert world.rows("select * from registrations order by registration_id") == before
    assert world.announced(RegistrationHeld) == []
    world.clock.now = APRIL
    world.judge()
    assert {each.registration_id: each.outcome for each in cohort_outlook(world.ports)} == {
        id: "released" if outcome == "coming" else outcome for id, (outcome, _, _) in found.items()
    }
    assert set(outlook_of(["R1", "R3", "nobody"], world.ports)) == {"R1", "R3"}
