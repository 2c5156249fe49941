"""The office holds a cohort: who is delivered, completed or released later is held too. On a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from services.registration import handlers
from services.registration.office import orders
from services.registration.office.outlook import cohort_outlook, cohort_readiness
from shared.clock import JST
from shared.events import RegistrationHeld, RegistrationReleased, RegistrationRenewed
from shared.office_events import CohortHoldChanged, Decision, DecisionSettled, OfficeDecided
from tests.worlds.registration import RegistrationWorld, ports_at, record, registration_database, world_at

MARCH = datetime(2026, 3, 31, 18, tzinfo=JST)
APRIL = datetime(2026, 4, 1, tzinfo=JST)
OTHER = "shunin-gishi"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        world.clock.now = MARCH
        yield world


def order(
    world: RegistrationWorld, act: Decision, cohort: str = "2026", qualification: str | None = None
) -> OfficeDecided:
    world.clock.now += timedelta(minutes=1)
    decision = world.decide(act, cohort, lasting=True, qualification=qualification)
    world.judge()
    return decision


def office_order(act: Decision, subject: str, at: datetime, *, lasting: bool = False) -> OfficeDecided:
    """An order that is not carried out yet."""
    return OfficeDecided(
        decision_id=f"{act}/{at}",
        decision=act,
        subject=subject,
        by="office",
        why="a test",
        decided_at=at,
        lasting=lasting,
    )


def part(world: RegistrationWorld, act: Decision, id: str, whole: OfficeDecided) -> OfficeDecided:
    """The order about one person that comes with the cohort's."""
    return world.decide(act, id, lasting=True, part_of=whole.decision_id)


def outcomes(world: RegistrationWorld) -> list[str]:
    return [event.outcome for event in world.announced(DecisionSettled)]


def april(world: RegistrationWorld, days: int = 0) -> None:
    world.clock.now = APRIL + timedelta(days=days, minutes=1)
    handlers.begin_cycle(world.ports)
    world.settle()


def test_who_waited_for_the_cycle_when_the_cohort_was_held_is_held_and_not_issued_in_april(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1), record(2, email=None))
    world.settle()
    assert world.held() == {"R2": "missing-address"}  # ops knows of nobody else
    order(world, "hold-cohort")
    assert world.held() == {"R1": "office-hold", "R2": "missing-address"}
    april(world)
    assert (world.renewed(), outcomes(world)) == ([], ["done"])
    order(world, "resume-cohort")
    assert (world.renewed(), world.held()) == (["R1"], {"R2": "missing-address"})


@pytest.mark.parametrize("when", ["before April", "on April 1", "a delayed run", "completed later", "address later"])
def test_who_comes_after_the_hold_is_held_until_it_ends(world: RegistrationWorld, when: str) -> None:
    early = {"completed later": record(1, completed_on=None), "address later": record(1, email=None)}.get(when)
    if early is not None:
        world.deliver(early)
        world.settle()
    order(world, "hold-cohort")
    if when != "before April":
        april(world, days=20 if when == "a delayed run" else 0)
    if when == "address later":
        world.decide("correct-address", "R1", "person1@example.jp")
        world.judge()
    else:
        world.deliver(record(1))
        world.settle()
    assert world.held() == {"R1": "office-hold"}
    april(world, days=30)
    assert world.renewed() == []
    order(world, "resume-cohort")
    assert (world.renewed(), world.held()) == (["R1"], {})


def test_whose_address_turns_out_to_be_shared_while_the_cohort_is_held_is_on_the_list_for_that(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1))
    order(world, "hold-cohort")
    assert world.held() == {"R1": "office-hold"}
    world.deliver(record(2, email="Person1@example.jp"))
    world.settle()
    assert world.held() == {"R1": "shared-address", "R2": "shared-address"}


def test_a_hold_of_the_cohort_makes_nobody_late(world: RegistrationWorld) -> None:
    world.deliver(record(1), record(2, email="team@example.jp"), record(3, email="team@example.jp"))
    world.settle()
    order(world, "hold-cohort")
    april(world, days=2)
    world.decide("correct-address", "R2", "own@example.jp")  # complete now: for the run of April 15
    world.judge()
    assert world.held() == {"R1": "office-hold", "R2": "office-hold", "R3": "office-hold"}
    april(world, days=20)
    order(world, "resume-cohort")
    notified = {event.key: event.notify_from.astimezone(JST).date() for event in world.announced(RegistrationRenewed)}
    run = date(2026, 4, 15)
    assert notified == {"R1": date(2026, 4, 1), "R2": run, "R3": run}


def test_a_hold_of_one_person_makes_that_person_late_as_before(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    order(world, "hold-cohort")
    world.decide("hold", "R1")
    world.judge()
    order(world, "resume-cohort")
    assert world.held() == {"R1": "office-hold"}  # its own hold stands
    april(world, days=3)
    world.decide("resume", "R1")
    world.judge()
    (event,) = world.announced(RegistrationRenewed)
    assert event.notify_from.astimezone(JST).date() == date(2026, 4, 15)


def test_a_person_who_is_resumed_alone_passes_the_hold_and_a_later_hold_takes_hold_again(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1), record(2))
    world.settle()
    order(world, "hold-cohort")
    world.decide("resume", "R1")
    world.judge()
    assert world.held() == {"R2": "office-hold"}
    order(world, "hold-cohort")
    assert world.held() == {"R1": "office-hold", "R2": "office-hold"}
    april(world)
    world.decide("resume", "R1")
    world.judge()
    assert world.renewed() == ["R1"]


def test_a_resume_that_was_decided_before_the_hold_and_is_read_after_it_releases_nobody(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1))
    world.settle()
    order(world, "hold-cohort")
    orders.carry_out([office_order("resume", "R1", MARCH - timedelta(days=1))], world.ports)
    world.judge()
    april(world)
    assert (world.held(), world.renewed()) == ({"R1": "office-hold"}, [])


def test_a_cohort_is_held_once_however_often_it_is_ordered_and_one_resume_ends_it(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    first = order(world, "hold-cohort")
    order(world, "hold-cohort")
    orders.carry_out([first], world.ports)  # read twice
    assert [event.revision for event in world.announced(RegistrationHeld)] == [1]
    order(world, "resume-cohort")
    assert world.held() == {}
    orders.carry_out([office_order("hold-cohort", "2026", MARCH)], world.ports)  # of before lasting orders
    world.judge()
    assert world.held() == {} and outcomes(world) == ["done"] * 3


@pytest.mark.parametrize("resumed", [False, True])
def test_orders_that_a_rebuild_announces_again_after_they_were_forgotten_leave_the_cohort_as_it_is(
    world: RegistrationWorld, resumed: bool
) -> None:
    world.deliver(record(1))
    world.settle()
    decided = [order(world, "hold-cohort")]
    if resumed:
        decided.append(order(world, "resume-cohort"))
    before = world.rows("select state, reason, revision from registrations"), len(world.announced(CohortHoldChanged))
    for again in ([decided[0]], decided):
        with world.ports.store.transaction() as tx:
            tx.cursor.execute("truncate inbox")
        orders.carry_out(again, world.ports)
        world.judge()
        facts = len(world.announced(CohortHoldChanged))
        assert (world.rows("select state, reason, revision from registrations"), facts) == before
    april(world)
    assert world.renewed() == (["R1"] if resumed else [])


def test_a_resume_without_a_hold_changes_nobody(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.decide("hold", "R1")
    world.judge()
    order(world, "resume-cohort")
    assert world.held() == {"R1": "office-hold"}
    assert [event.held for event in world.announced(CohortHoldChanged)] == [False]


def test_a_cohort_that_nobody_has_yet_is_held_for_its_own_year_only(world: RegistrationWorld, database: str) -> None:
    order(world, "hold-cohort", "2027")
    next_year = record(2, valid_from=date(2027, 4, 1), valid_until=date(2032, 3, 31), completed_on=date(2027, 2, 1))
    world.deliver(record(1), next_year)
    april(world)
    assert (world.renewed(), world.held()) == (["R1"], {"R2": "not-this-cycle"})
    world.issue()
    later = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock, decisions=100)
    world.clock.now = datetime(2027, 4, 1, 9, tzinfo=JST)
    handlers.begin_cycle(later.ports)
    later.settle()
    assert later.held() == {"R2": "office-hold"}
    order(later, "resume-cohort", "2027")
    assert later.renewed() == ["R1", "R2"]
    later.ports.store.close()


@pytest.mark.parametrize(
    ("subject", "qualification"),
    [("26", None), ("２０２６", None), ("2026 ", None), ("", None), ("0000", None), ("R1", None), ("2026", "gishl")],
)
def test_an_order_about_no_cohort_is_refused_with_what_was_expected(
    world: RegistrationWorld, subject: str, qualification: str | None
) -> None:
    world.deliver(record(1))
    world.settle()
    order(world, "hold-cohort", subject, qualification)
    (settled,) = world.announced(DecisionSettled)
    assert settled.outcome == "not-valid" and settled.detail is not None and "expected" in settled.detail
    april(world)
    assert world.renewed() == ["R1"] and world.announced(CohortHoldChanged) == []


def test_two_desks_hold_their_qualifications_and_each_ends_its_own(world: RegistrationWorld) -> None:
    world.deliver(record(1, qualification="gishi"), record(2, qualification=OTHER))
    world.settle()
    order(world, "hold-cohort", qualification="gishi")
    assert world.held() == {"R1": "office-hold"}
    order(world, "hold-cohort", qualification=OTHER)
    world.deliver(record(3, qualification="gishi"), record(4, qualification=OTHER))
    april(world)
    assert world.held() == dict.fromkeys(("R1", "R2", "R3", "R4"), "office-hold")
    order(world, "resume-cohort", qualification="gishi")
    assert (world.renewed(), world.held()) == (["R1", "R3"], {"R2": "office-hold", "R4": "office-hold"})


def test_an_order_about_the_whole_cohort_stands_above_those_about_single_qualifications(
    world: RegistrationWorld,
) -> None:
    world.deliver(record(1, qualification="gishi"), record(2, qualification=OTHER))
    world.settle()
    order(world, "hold-cohort")
    order(world, "resume-cohort", qualification="gishi")
    assert world.held() == {"R2": "office-hold"}
    order(world, "hold-cohort")
    assert world.held() == {"R1": "office-hold", "R2": "office-hold"}
    order(world, "resume-cohort")
    assert world.held() == {}
    assert world.rows("select cohort, qualification, held from cohort_holds") == [("2026", "", False)]


def test_a_delivery_that_is_still_coming_in_when_the_cohort_is_resumed_is_judged_as_a_whole(
    world: RegistrationWorld,
) -> None:
    april(world)
    order(world, "hold-cohort")
    world.deliver(record(1, email="team@example.jp"))
    world.clock.now += timedelta(seconds=1)
    world.decide("resume-cohort", "2026", lasting=True)
    assert (world.judge(), world.renewed()) == (0, [])
    world.deliver(record(2, email="team@example.jp"), record(3))
    world.settle()
    assert (world.renewed(), world.held()) == (["R3"], {"R1": "shared-address", "R2": "shared-address"})


def test_an_order_waits_for_the_delivery_that_is_being_written(world: RegistrationWorld) -> None:
    april(world)
    decided: list[OfficeDecided] = []
    with world.ports.store.transaction() as tx:
        tx.lock()
        thread = threading.Thread(target=lambda: decided.append(world.decide("hold-cohort", "2026", lasting=True)))
        thread.start()
        tx.insert([record(1)], world.clock.now)
    thread.join()
    world.settle()
    assert (len(decided), world.held(), world.renewed()) == (1, {"R1": "office-hold"}, [])


def test_who_was_released_and_has_no_badge_yet_is_held_and_who_has_one_keeps_it(world: RegistrationWorld) -> None:
    april(world)
    world.deliver(record(1), record(2))
    world.settle()
    world.issue("R1")
    order(world, "hold-cohort")
    assert world.held() == {"R2": "office-hold"}
    world.issue("R2", version=1)  # the issuer was faster
    assert world.held() == {}
    world.deliver(record(2))
    world.settle()
    order(world, "resume-cohort")
    assert [(event.key, event.version) for event in world.announced(RegistrationRenewed)] == [("R1", 1), ("R2", 1)]


@pytest.mark.parametrize("first", ["whole", "parts"])
def test_the_orders_about_single_people_that_come_with_it_make_no_difference_whichever_is_read_first(
    world: RegistrationWorld, first: str
) -> None:
    april(world)
    world.deliver(record(1), record(2))
    world.settle()
    world.issue("R1")
    acts: list[tuple[Decision, Decision]] = [("hold-cohort", "hold"), ("resume-cohort", "resume")]
    for act, single in acts:
        world.clock.now += timedelta(minutes=1)
        whole = office_order(act, "2026", world.clock.now, lasting=True)
        if first == "whole":
            orders.carry_out([whole], world.ports)
            world.judge()
        part(world, single, "R2", whole)
        world.judge()
        if first == "parts":
            orders.carry_out([whole], world.ports)
            world.judge()
        assert world.held() == ({"R2": "office-hold"} if single == "hold" else {})
    assert set(outcomes(world)) == {"done"}
    versions = [(event.key, event.version) for event in world.announced(RegistrationRenewed)]
    assert versions == [("R1", 1), ("R2", 1), ("R2", 2)]
    assert len(world.announced(RegistrationReleased)) == 1


def test_a_part_of_the_hold_that_is_read_after_the_cohort_was_resumed_holds_nobody(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    whole = order(world, "hold-cohort")
    order(world, "resume-cohort")
    part(world, "hold", "R1", whole)
    april(world)
    assert (world.held(), world.renewed()) == ({}, ["R1"])


def test_the_dry_run_names_those_who_are_held_with_their_cohort(world: RegistrationWorld) -> None:
    order(world, "hold-cohort")
    world.deliver(record(1), record(2, email=None))
    assert {each.registration_id: each.reason for each in cohort_outlook(world.ports)} == {
        "R1": "office-hold",
        "R2": "missing-address",
    }
    order(world, "resume-cohort")
    assert [each.outcome for each in cohort_outlook(world.ports)] == ["coming", "held"]


def test_the_rehearsal_is_told_which_cohort_is_held_and_who_ordered_it_until_it_is_resumed(
    world: RegistrationWorld,
) -> None:
    def codes() -> list[tuple[str, str | None]]:
        return [(finding.about, finding.code) for finding in cohort_readiness(world.ports).findings]

    order(world, "hold-cohort", qualification="gishi")
    order(world, "hold-cohort", "2027")
    assert codes() == [("2026", None), ("2026 gishi", "cohort-held")]
    order(world, "hold-cohort")
    assert codes() == [("2026", None), ("2026", "cohort-held")]
    assert cohort_readiness(world.ports).findings[1].facts == {"by": "office", "since": "2026-03-31 18:03"}
    order(world, "resume-cohort")
    assert codes() == [("2026", None)]


def test_a_hold_of_the_cohort_outlives_a_change_of_the_record(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    order(world, "hold-cohort")
    world.deliver(record(1, family_name="髙橋"))
    april(world)
    assert (world.held(), world.renewed()) == ({"R1": "office-hold"}, [])
