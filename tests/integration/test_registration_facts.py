"""Records that contradict each other or can't be judged: held with their reason, while all others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from services.registration import handlers
from services.registration.handlers import Ports
from services.registration.store import RegistrationTransaction
from shared.clock import JST
from shared.events import RegistrationHeld, RegistrationRenewed
from shared.office_events import Correction, DecisionSettled
from tests.worlds.meanwhile import meanwhile
from tests.worlds.registration import RegistrationWorld, record, registration_database, world_at


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"birth_date": date(1991, 5, 5)}, "birth-date-differs"),
    ({"given_name": "花子"}, "name-differs"),
    ({"family_name": "砂利"}, "name-differs"),
]


@pytest.mark.parametrize(("other", "reason"), CONTRADICTIONS)
def test_of_two_records_that_contradict_each_other_none_is_released_until_upstream_amends_one(
    other: dict[str, Any], reason: str, world: RegistrationWorld
) -> None:
    of_one = {"person_id": "P1", "email": "person1@example.jp"}
    world.deliver(record(1), record(2, **of_one, **other), record(3), record(4, person_id="P3"))
    world.settle()
    assert world.held() == {"R1": reason, "R2": reason}
    assert world.renewed() == ["R3", "R4"]
    held = {event.key: event.first_registration_id for event in world.announced(RegistrationHeld)}
    assert held == {"R1": "R2", "R2": "R1"}
    world.deliver(record(2, person_id="P2", **other))
    world.settle()
    assert world.held() == {}
    assert world.renewed() == ["R1", "R2", "R3", "R4"]


def test_a_record_that_contradicts_a_badge_is_held_and_the_office_may_release_it(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.settle()
    world.issue("R1")
    world.deliver(record(2, person_id="P1", given_name="花子"), record(3))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R2": "name-differs"}, ["R1", "R3"])
    world.decide("resume", "R2")
    world.judge()
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2", "R3"])
    assert [event.outcome for event in world.announced(DecisionSettled)] == ["done"]


@pytest.mark.parametrize("reason", ["birth-date-differs", "name-differs"])
def test_a_record_is_released_when_the_one_with_a_badge_no_longer_contradicts_it(
    reason: str, world: RegistrationWorld
) -> None:
    born = date(1991, 5, 5)
    world.deliver(record(1))
    world.settle()
    world.issue("R1")
    differing = {"birth_date": born} if reason == "birth-date-differs" else {"given_name": "花子"}
    world.deliver(record(2, person_id="P1", **differing))
    world.settle()
    assert world.held() == {"R2": reason}
    if reason == "birth-date-differs":
        world.deliver(record(1, birth_date=born))
    else:
        world.decide("correct", "R1", correction=Correction(given_name="花子"))
    world.settle()
    assert world.held() == {}
    assert "R2" in world.renewed()


def test_what_the_office_confirmed_counts_until_upstream_changes_the_record(world: RegistrationWorld) -> None:
    both = record(1), record(2, person_id="P1", given_name="花子")
    world.deliver(*both)
    world.settle()
    world.decide("hold", "R2")
    world.decide("resume", "R2")
    world.judge()
    assert world.held() == {"R1": "name-differs", "R2": "office-hold"}
    world.deliver(both[0], record(2, person_id="P1", given_name="花代"))
    world.settle()
    assert world.held() == {"R1": "name-differs", "R2": "name-differs"}


def test_nobody_renews_a_strangers_registration(world: RegistrationWorld) -> None:
    period = {"valid_from": date(2022, 4, 1), "valid_until": date(2026, 3, 31)}
    world.deliver(record(1, **period), record(2, **period))
    world.deliver(
        record(11, person_id="P1", kind="renewal", previous_registration_id="R1"),
        record(12, kind="renewal", previous_registration_id="R2"),
        record(13, kind="renewal", previous_registration_id="R-unknown-here"),
    )
    world.settle()
    assert world.renewed() == ["R11", "R13"]
    assert world.held()["R12"] == "renews-another"
    world.deliver(record(2, person_id="P12", **period))  # it is the same person's after all
    world.settle()
    assert world.renewed() == ["R11", "R12", "R13"]


def test_a_completion_to_come_is_judged_when_its_day_comes(world: RegistrationWorld) -> None:
    world.deliver(record(1, completed_on=date(2026, 4, 3)), record(2))
    world.settle()
    assert (world.held(), world.renewed()) == ({"R1": "completes-later"}, ["R2"])
    for _ in range(2):
        world.clock.now += timedelta(days=1)
        handlers.begin_cycle(world.ports)
        world.judge()
    assert world.clock.now.astimezone(JST).date() == date(2026, 4, 3)
    assert (world.held(), world.renewed()) == ({}, ["R1", "R2"])


@pytest.mark.parametrize("tick", [handlers.begin_cycle, handlers.judge_failed])
def test_rows_that_a_tick_and_a_batch_change_at_once_are_locked_in_one_order(
    world: RegistrationWorld, tick: Callable[[Ports], object]
) -> None:
    later: list[dict[str, Any]] = [{"completed_on": date(2026, 4, day)} for day in (2, 3)]
    of_both = later if tick is handlers.begin_cycle else [{"family_name": "山\U00016800"}] * 2
    world.deliver(*(record(number, **changes) for number, changes in enumerate(of_both, 1)))
    world.settle()
    assert world.held().keys() == {"R1", "R2"}
    world.clock.now += timedelta(days=3)

    def hold(id: str) -> Callable[[RegistrationTransaction], None]:
        return lambda tx: tx.set_office_hold(id, world.clock.now)

    def begin(tx: RegistrationTransaction) -> None:
        tx.lock()
        hold("R2")(tx)

    meanwhile(world.ports.store, begin, lambda: tick(world.ports), hold("R1"))
    assert world.rows("select count(*) from registrations where office_hold and at_once") == [(2,)]


def test_one_that_can_not_be_judged_is_put_aside_and_all_others_are_judged(world: RegistrationWorld) -> None:
    # As an earlier release took them, whose rules knew no bounds.
    impossible = [record(number, completed_on=date(9999, 12, 30 + number % 2)) for number in (1, 4, 7)]
    world.deliver(*impossible, *(record(number) for number in (2, 3, 5, 6, 8)))
    world.clock.now = world.clock.now.replace(year=9999, month=12, day=31)
    assert world.settle() == 8
    assert set(world.renewed()) == {"R2", "R3", "R5", "R6", "R8"}
    assert world.held() == dict.fromkeys(("R1", "R4", "R7"), "not-judged")
    assert world.judge() == 0
    handlers.judge_failed(world.ports)
    assert world.judge() == 3
    assert len(world.announced(RegistrationHeld)) == 3
    world.deliver(record(1), record(4))
    world.decide("resume", "R7")
    world.settle()
    assert world.held() == {"R7": "not-judged"}
    assert len(world.announced(RegistrationRenewed)) == 7
