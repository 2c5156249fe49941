"""Until the issuer has issued a badge, upstream and the office amend what was released; on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any

import psycopg
import pytest

import services.registration
from services.registration import handlers
from services.registration.store import RegistrationTransaction
from services.registration.store.registrations import record_columns
from shared.clock import JST
from shared.events import RegistrationHeld, RegistrationReleased, RegistrationRenewed
from shared.office_events import Correction, DecisionSettled
from shared.runtime.migrate import migrate
from tests.worlds.postgres import postgres
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.registration import (
    NOON,
    RegistrationWorld,
    answer_of,
    ports_at,
    record,
    refusal,
    registration_database,
    world_at,
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


def versions(world: RegistrationWorld) -> list[tuple[str, int, str]]:
    return [(e.key, e.version, e.award.pass_number) for e in world.announced(RegistrationRenewed)]


def released(world: RegistrationWorld, *numbers: int) -> None:
    world.deliver(*(record(number) for number in numbers))
    world.settle()


def test_a_refused_registration_is_released_again_as_upstream_amends_it(world: RegistrationWorld) -> None:
    released(world, 1, 2)
    world.refuse("R1")
    assert world.deliver(record(1), record(2)).unchanged == 2
    answer = world.deliver(record(1, pass_number="25-0001"))
    assert (answer.accepted, answer.not_applied) == (1, ())
    world.settle()
    assert versions(world) == [("R1", 1, "25-1"), ("R2", 1, "25-2"), ("R1", 2, "25-0001")]
    world.issue("R1")
    late = world.deliver(record(1, pass_number="25-0002"))
    assert [each.fields for each in late.not_applied] == [("pass_number",)]
    world.settle()
    assert len(versions(world)) == 3


def test_a_refused_registration_is_released_again_as_the_office_corrects_it(world: RegistrationWorld) -> None:
    released(world, 1)
    world.refuse("R1")
    world.decide("correct", "R1", correction=Correction(pass_number="25-0001"))
    assert [settled.outcome for settled in world.announced(DecisionSettled)] == ["done"]
    assert versions(world) == [("R1", 1, "25-1"), ("R1", 2, "25-0001")]
    assert world.deliver(record(1)).not_applied  # upstream doesn't undo it
    world.refuse("R1")
    world.deliver(record(1, pass_number="25-0009"))  # unless that was refused too
    world.settle()
    assert versions(world)[-1] == ("R1", 3, "25-0009")


def test_an_amendment_of_a_refused_correction_is_upstreams_again_until_it_is_issued(world: RegistrationWorld) -> None:
    released(world, 1)
    world.decide("correct", "R1", correction=Correction(pass_number="25-0001"))
    world.refuse("R1")
    for number in ("25-0003", "25-0004"):
        assert world.deliver(record(1, pass_number=number)).not_applied == ()
        world.settle()
    assert versions(world)[2:] == [("R1", 3, "25-0003"), ("R1", 4, "25-0004")]


def test_the_letter_of_a_corrected_registration_waits_for_its_day(world: RegistrationWorld) -> None:
    world.deliver(record(1, completed_on=date(2026, 3, 1)))
    world.settle()
    world.refuse("R1")
    world.decide("correct", "R1", correction=Correction(pass_number="25-0001"))
    world.refuse("R1")
    world.deliver(record(1, pass_number="25-0002", completed_on=date(2026, 3, 1)))
    world.settle()
    day = datetime(2026, 4, 15, tzinfo=JST)
    assert [event.notify_from for event in world.announced(RegistrationRenewed)] == [day] * 3


@pytest.mark.parametrize("way", ["amended", "held with its cohort"])
def test_the_letter_of_who_was_held_until_april_waits_for_the_same_run_in_the_next_version(
    world: RegistrationWorld, way: str
) -> None:
    world.deliver(record(1, email="team@example.jp"), record(2, email="team@example.jp"))
    world.settle()
    world.deliver(record(2))
    world.settle()
    if way == "amended":
        world.deliver(record(1, pass_number="25-0001"))
    else:
        world.decide("hold-cohort", "2026", lasting=True)
        world.judge()
        world.decide("resume-cohort", "2026", lasting=True)
    world.settle()
    of_first = [event for event in world.announced(RegistrationRenewed) if event.key == "R1"]
    assert [(event.version, event.notify_from) for event in of_first] == [
        (version, datetime(2026, 4, 15, tzinfo=JST)) for version in (1, 2)
    ]


def test_an_amendment_is_judged_as_any_record(world: RegistrationWorld) -> None:
    released(world, 1, 2)
    world.refuse("R1")
    world.deliver(record(1, email="person2@example.jp"))
    world.settle()
    assert world.held() == {"R1": "address-taken"}
    world.decide("correct-address", "R1", "own@example.jp")
    world.judge()
    assert world.held() == {}
    assert [(e.key, e.version) for e in world.announced(RegistrationRenewed)] == [("R1", 1), ("R2", 1), ("R1", 2)]


def test_what_the_office_holds_before_the_issue_is_released_as_the_next_version(world: RegistrationWorld) -> None:
    released(world, 1)
    world.refuse("R1")
    world.decide("hold", "R1")
    world.judge()
    assert world.held() == {"R1": "office-hold"}
    world.deliver(record(1, pass_number="25-0001"))
    world.decide("resume", "R1")
    world.judge()
    assert world.held() == {} and versions(world) == [("R1", 1, "25-1"), ("R1", 2, "25-0001")]


def test_a_correction_before_the_issue_takes_nobodys_address(world: RegistrationWorld) -> None:
    released(world, 1)
    world.refuse("R1")
    world.deliver(record(2, email="person1@example.jp"))
    world.settle()
    world.decide("correct", "R1", correction=Correction(pass_number="25-0001"))
    assert [settled.outcome for settled in world.announced(DecisionSettled)] == ["address-taken"]


def test_a_badge_that_comes_while_its_amendment_waits_is_corrected_by_it(world: RegistrationWorld) -> None:
    released(world, 1)
    world.deliver(record(1, given_name="次郎"))
    world.issue("R1", version=1)
    assert [(e.version, e.holder.given_name) for e in world.announced(RegistrationRenewed)] == [
        (1, "太郎"),
        (2, "次郎"),
    ]
    world.settle()
    world.issue("R1", version=2)
    assert len(versions(world)) == 2
    assert world.rows("select state, version, issued_version, due_since from registrations") == [
        ("released", 2, 2, None)
    ]


@pytest.mark.parametrize("is_judged", [True, False], ids=["held already", "waits"])
def test_a_badge_that_comes_before_its_amendment_is_held_stands(world: RegistrationWorld, is_judged: bool) -> None:
    released(world, 1, 2)
    world.deliver(record(1, email="person2@example.jp", given_name="次郎", phone="03-0000-0000"))
    if is_judged:
        world.settle()
    world.issue("R1", version=1)
    assert world.held() == {}
    assert len(world.announced(RegistrationReleased)) == len(world.announced(RegistrationHeld)) == int(is_judged)
    assert world.rows("select field from not_applied order by 1") == [("email",), ("given_name",)]
    row = (
        "select state, given_name, email, office_email, phone, recalled from registrations where registration_id = 'R1'"
    )
    assert world.rows(row) == [("released", "太郎", "person2@example.jp", "person1@example.jp", "03-0000-0000", False)]
    world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    last = world.announced(RegistrationRenewed)[-1]
    assert (last.holder.given_name, last.holder.email) == ("一郎", "person1@example.jp") and last.version > 1
    world.settle()
    assert world.announced(RegistrationRenewed)[-1] == last


@pytest.mark.parametrize(
    ("amendment", "other"),
    [
        ({"email": "person2@example.jp"}, {"qualification": "gishi"}),
        ({"registration_number": "26G2"}, {"qualification": "gishi"}),
        ({"given_name": "次郎"}, {"person_id": "P1", "qualification": "shindanshi"}),
    ],
)
def test_whom_an_amendment_held_is_released_when_what_was_issued_before_it_stands(
    world: RegistrationWorld, amendment: dict[str, Any], other: dict[str, Any]
) -> None:
    released(world, 1)
    world.deliver(record(1, **amendment, completed_on=None))
    world.settle()
    world.deliver(record(2, **other))
    world.settle()
    assert world.held().keys() == {"R1", "R2"}
    world.issue("R1", version=1)
    world.judge()
    assert (world.held(), world.renewed()[-1]) == ({}, "R2")


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        ({"email": "person1@example.jp"}, "shared-address"),
        ({"registration_number": "26G1"}, "duplicate-registration-number"),
        ({"person_id": "P1", "given_name": "花子"}, "name-differs"),
    ],
)
def test_what_waits_since_an_earlier_cycle_counts_against_others(
    world: RegistrationWorld, database: str, later: dict[str, Any], reason: str
) -> None:
    released(world, 1)
    world.refuse("R1")
    world.clock.now = datetime(2027, 4, 2, tzinfo=JST)
    of_2027 = {"valid_from": date(2027, 4, 1), "valid_until": date(2031, 3, 31)}
    next_year = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock)
    next_year.deliver(record(1, pass_number="25-0001"), record(2, **of_2027, **later))
    next_year.settle()
    assert next_year.held() == {"R1": reason, "R2": reason}
    next_year.ports.store.close()


def test_what_waits_since_an_earlier_cycle_is_released_once_who_held_it_counts_no_more(
    world: RegistrationWorld, database: str
) -> None:
    released(world, 1)
    world.refuse("R1")
    world.deliver(record(1, email="team@example.jp"), record(2, email="team@example.jp"))
    world.settle()
    assert world.held() == {"R1": "shared-address", "R2": "shared-address"}
    world.clock.now = datetime(2027, 4, 2, tzinfo=JST)
    next_year = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock)
    handlers.judge_failed(next_year.ports)
    next_year.judge()
    assert (next_year.held(), versions(next_year)[-1][:2]) == ({"R2": "shared-address"}, ("R1", 2))
    next_year.ports.store.close()


def test_answers_of_the_issuer_twice_or_in_another_order_change_nothing(world: RegistrationWorld) -> None:
    released(world, 1)
    first, row = world.announced(RegistrationRenewed)[0], "select * from registrations"
    world.refuse("R1")
    world.deliver(record(1, pass_number="25-0001"))
    world.settle()
    world.issue("R1")
    stands = world.rows(row)
    world.issue("R1")
    world.refuse("R1")
    with psycopg.connect(world.ports.store.url) as connection:
        connection.execute("delete from inbox")  # a rebuild after the inbox has forgotten them
    handlers.note_issued([answer_of(first)], world.ports)
    assert world.rows("select issued_version, state from registrations") == [(2, "released")]
    assert [r[:20] for r in world.rows(row)] == [r[:20] for r in stands]
    assert world.deliver(record(1)).not_applied


def test_an_emptied_registration_knows_again_from_the_issuer_what_was_issued(world: RegistrationWorld) -> None:
    released(world, 1)
    (event,) = world.announced(RegistrationRenewed)
    with psycopg.connect(world.ports.store.url) as connection:
        connection.execute("truncate registrations, not_applied, announced, outbox")
    handlers.note_issued([answer_of(event)], world.ports)
    assert world.deliver(record(1, given_name="次郎")).not_applied
    world.settle()
    assert world.announced(RegistrationRenewed) == []
    world.decide("correct", "R1", correction=Correction(given_name="一郎"))
    assert [e.version for e in world.announced(RegistrationRenewed)] == [2]


def test_what_was_released_in_an_earlier_cycle_does_not_wait_for_another_one(
    world: RegistrationWorld, database: str
) -> None:
    released(world, 1)
    world.refuse("R1")
    world.clock.now = datetime(2027, 4, 2, tzinfo=JST)
    later = RegistrationWorld(ports_at(database, world.clock, "2027"), world.clock)
    later.deliver(record(1, pass_number="25-0001"))
    later.settle()
    last = later.announced(RegistrationRenewed)[-1]
    assert (last.version, last.award.cohort, last.award.pass_number) == (2, "2026", "25-0001")
    later.ports.store.close()


def test_after_a_restore_a_released_registration_is_amended_only_once_it_is_refused(world: RegistrationWorld) -> None:
    empty = back_up(world.ports.store)
    released(world, 1)
    facts = announced(world.ports.store)
    empty.restore()
    take_back(world.ports.store, {RegistrationRenewed: RegistrationTransaction.take_back_renewed}, facts)
    assert world.deliver(record(1, pass_number="25-0001")).not_applied  # it may have been issued
    with world.ports.store.transaction() as tx:
        tx.cursor.execute(
            "insert into outbox (announced_at, topic, value) values (now(), %s, %s)", (facts[0].topic, facts[0].value)
        )
    world.refuse("R1")
    assert world.deliver(record(1, pass_number="25-0001")).accepted == 1
    world.clock.now += timedelta(seconds=1)
    world.settle()
    assert versions(world)[-1] == ("R1", 2, "25-0001")


def test_what_was_released_before_answers_were_read_counts_as_issued_until_it_is_refused(tmp_path: Path) -> None:
    with postgres() as server:
        url, folder = server.fresh(), Path(services.registration.__path__[0]) / "migrations"
        for file in ("0001_initial.py", "0002_versions.py", "0003_recall.py"):
            copy(folder / file, tmp_path)
        migrate(url, "registration", tmp_path)
        ports = ports_at(url, lambda: NOON)  # type: ignore[arg-type]  # a clock that stands still
        with ports.store.transaction() as tx:
            rows = [{**record_columns(record(number)), "received_at": NOON, "due_since": NOON} for number in (1, 2)]
            tx.insert_rows("registrations", rows)
            tx.cursor.execute(
                "update registrations set state = 'released', notify_from = %s, released_at = %s, due_since = null"
                " where registration_id = 'R1'",
                (NOON, NOON),
            )
        migrate(url, "registration", folder)
        with ports.store.transaction() as tx:
            known = tx.registrations(["R1", "R2"])
            assert (known["R1"].is_issued, known["R2"].is_issued) == (True, False)
            tx.note_refused([refusal("R1", 1, NOON)])
            assert not tx.registrations(["R1"])["R1"].is_issued
        ports.store.close()
