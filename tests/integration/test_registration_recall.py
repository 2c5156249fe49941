"""After a restore registration takes back what it released and held, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from services.registration.handlers import accept
from services.registration.office import orders
from services.registration.store import RegistrationTransaction
from shared.events import Event, RegistrationHeld, RegistrationRejected, RegistrationReleased, RegistrationRenewed
from shared.office_events import CohortHoldChanged, Correction, DecisionSettled, OfficeDecided
from shared.runtime.recall import Recall
from tests.worlds.recalled import announced, take_back
from tests.worlds.records import read_delivery
from tests.worlds.registration import RULES, RegistrationWorld, as_json, record, registration_database, world_at

RECALLS: Mapping[type[Event], Recall] = {
    RegistrationRejected: RegistrationTransaction.take_back_rejected,
    RegistrationHeld: RegistrationTransaction.take_back_held,
    RegistrationReleased: RegistrationTransaction.take_back_released,
    RegistrationRenewed: RegistrationTransaction.take_back_renewed,
    CohortHoldChanged: RegistrationTransaction.take_back_cohort_holds,
    DecisionSettled: RegistrationTransaction.take_back_settled,
}
STATE = (
    "select registration_id, person_id, family_name, given_name, pass_number, registration_number, valid_from,"
    " valid_until, birth_date, phone, email, office_email, address_key, state, reason, first_registration_id,"
    " office_hold, revision, version, notify_from, due_since is null, recalled from registrations"
    " order by registration_id"
)


@dataclass
class Restored:
    """The registration that lived on, and one on a backup from before."""

    later: RegistrationWorld
    world: RegistrationWorld

    def together(self, *work: Any) -> None:
        for each in (self.later, self.world):
            for step in work:
                step(each)

    def back(self) -> None:
        """The restored one starts: at the moment of the later one, with what that one announced."""
        take_back(self.world.ports.store, RECALLS, announced(self.later.ports.store))
        self.world.clock.now = self.later.clock.now
        self.world.judge()

    def again(self, *decisions: OfficeDecided) -> None:
        """Orders are read again from Kafka."""
        orders.carry_out(decisions, self.world.ports)
        self.world.judge()

    def new(self) -> list[Event]:
        """What the restored one announced since."""
        known = {event.id for event in self.later.announced(Event)}
        return [event for event in self.world.announced(Event) if event.id not in known]

    def same(self) -> bool:
        return self.later.rows(STATE) == self.world.rows(STATE)


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    with registration_database() as one, registration_database() as other:
        yield one, other


@pytest.fixture
def restored(databases: tuple[str, str]) -> Iterator[Restored]:
    with ExitStack() as worlds:
        later, world = (worlds.enter_context(world_at(url)) for url in databases)
        yield Restored(later, world)
        said = {event.id: event for event in later.announced(Event)}
        assert all(said.get(event.id, event) == event for event in world.announced(Event))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("delivered", ["never", "same", "other-name", "other-address"])
def test_a_released_registration_is_released_once_as_it_was_announced(
    restored: Restored, known: bool, delivered: str
) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1, completed_on=None)))
    restored.later.deliver(record(1, family_name="髙橋"))
    restored.later.settle()
    restored.back()
    again = {
        "never": [],
        "same": [record(1, family_name="髙橋")],
        "other-name": [record(1, family_name="高橋")],
        "other-address": [record(1, family_name="髙橋", email="other@example.jp")],
    }[delivered]
    result = restored.world.deliver(*again)
    restored.world.settle()
    assert restored.world.announced(Event) == []
    state = "select state, version, family_name, coalesce(office_email, email), birth_date is null from registrations"
    expected = date(1980, 2, 29) if known or again else None
    assert restored.world.rows(state) == [("released", 1, "髙橋", "person1@example.jp", expected is None)]
    assert [each.fields for each in result.not_applied] == ([("family_name",)] if delivered == "other-name" else [])
    if delivered == "same":
        assert restored.same()


@pytest.mark.parametrize("known", [True, False])
def test_nobody_else_gets_the_address_of_a_badge_that_was_released(restored: Restored, known: bool) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1, email="former@example.jp", completed_on=None)))
    restored.later.deliver(record(1, email="both@example.jp"))
    restored.later.settle()
    restored.back()
    restored.world.deliver(record(2, email="Both@example.jp"))
    restored.world.settle()
    restored.world.deliver(record(1, email="both@example.jp"))
    restored.world.settle()
    assert [(e.key, e.reason, e.first_registration_id) for e in restored.world.announced(RegistrationHeld)] == [
        ("R2", "address-taken", "R1")
    ]
    assert restored.world.renewed() == []


@pytest.mark.parametrize("known", [True, False])
def test_a_hold_that_was_announced_stands_and_its_revisions_go_on(restored: Restored, known: bool) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1)))
    restored.later.deliver(record(1, completed_on=None))
    restored.later.settle()
    assert restored.later.held() == {"R1": "not-completed"}
    restored.back()
    restored.world.settle()
    assert restored.world.announced(Event) == []  # what the backup holds of it is older than what was judged
    restored.world.deliver(record(1, completed_on=None))
    restored.world.settle()
    assert restored.world.announced(Event) == []
    assert restored.same()
    restored.world.deliver(record(1))
    restored.world.settle()
    assert [event.revision for event in restored.world.announced(RegistrationReleased)] == [2]
    assert restored.world.renewed() == ["R1"]


def test_a_hold_that_upstream_contradicts_gets_a_revision_of_its_own(restored: Restored) -> None:
    restored.later.deliver(record(1, completed_on=None))
    restored.later.settle()
    restored.back()
    restored.world.deliver(record(1, email=None))
    restored.world.settle()
    assert [(e.reason, e.revision) for e in restored.world.announced(RegistrationHeld)] == [("missing-address", 2)]


@pytest.mark.parametrize("known", [True, False])
def test_a_registration_that_was_held_and_released_is_neither_again(restored: Restored, known: bool) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1, completed_on=None)), RegistrationWorld.settle)
        restored.later.deliver(record(1))
    else:
        restored.later.deliver(record(1, completed_on=None))
        restored.later.settle()
        restored.later.deliver(record(1))
    restored.later.settle()
    restored.back()
    restored.world.deliver(record(1))
    restored.world.settle()
    assert restored.new() == []
    assert restored.same()


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_in_which_facts_are_taken_back_makes_no_difference(
    restored: Restored, order: tuple[int, ...]
) -> None:
    restored.later.deliver(record(1, completed_on=None), record(2, email=None))
    restored.later.settle()
    restored.later.deliver(record(1))
    restored.later.settle()
    restored.later.decide("correct", "R1", correction=Correction(given_name="次郎"))
    facts = [event for event in restored.later.announced(Event) if event.key == "R1"][:4]
    assert [type(event).__name__ for event in facts] == [
        "RegistrationHeld",
        "RegistrationReleased",
        "RegistrationRenewed",
        "RegistrationRenewed",
    ]
    for _ in range(2):
        for number in order:
            with restored.world.ports.store.transaction() as tx:
                RECALLS[type(facts[number])](tx, [facts[number]])
    state = (
        "select state, revision, version, given_name, notify_from, due_since from registrations"
        " where registration_id = 'R1'"
    )
    assert restored.world.rows(state) == restored.later.rows(state)
    assert restored.world.rows("select * from recalled") == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("changes", [{"given_name": "次郎"}, {"email": "office@example.jp"}, {"pass_number": "25-X"}])
def test_a_correction_is_carried_out_once_and_versions_go_on(
    restored: Restored, known: bool, changes: dict[str, Any]
) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1)), RegistrationWorld.settle)
    else:
        restored.later.deliver(record(1))
        restored.later.settle()
    order = restored.later.decide("correct", "R1", correction=Correction(**changes))
    restored.back()
    restored.again(order, order)
    restored.world.deliver(record(1))
    restored.world.settle()
    assert restored.new() == []
    assert restored.same()
    restored.world.decisions = 7
    restored.world.decide("correct", "R1", correction=Correction(family_name="砂利"))
    assert [event.version for event in restored.new() if isinstance(event, RegistrationRenewed)] == [3]


@pytest.mark.parametrize("known", [True, False])
def test_a_hold_of_the_office_is_kept_whatever_comes_first(restored: Restored, known: bool) -> None:
    restored.together(lambda world: world.deliver(record(1, completed_on=None))) if known else None
    if not known:
        restored.later.deliver(record(1, completed_on=None))
    restored.later.settle()
    hold = restored.later.decide("hold", "R1")
    restored.later.judge()
    assert restored.later.held() == {"R1": "not-completed"}  # nothing was announced of the office's hold
    restored.back()
    restored.world.deliver(record(1))
    restored.world.settle()
    assert restored.world.announced(Event) == []  # the order is still to be read
    restored.again(hold)
    restored.world.settle()
    assert restored.world.held() == {"R1": "office-hold"}
    assert restored.world.renewed() == []


@pytest.mark.parametrize("known", [True, False])
def test_a_hold_that_is_read_before_the_record_comes_is_kept(restored: Restored, known: bool) -> None:
    if known:
        restored.together(lambda world: world.deliver(record(1)))
    else:
        restored.later.deliver(record(1))
    hold = restored.later.decide("hold", "R1")
    restored.later.settle()
    restored.back()
    restored.again(hold)
    restored.world.deliver(record(1))
    restored.world.settle()
    assert restored.new() == []
    assert restored.same()
    restored.world.decisions = 7
    restored.world.decide("resume", "R1")
    restored.world.judge()
    assert restored.world.renewed() == ["R1"]
    assert [event.revision for event in restored.world.announced(RegistrationReleased)] == [2]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("read_again", [False, True])
def test_a_hold_of_a_cohort_stands_after_a_restore_before_its_order_is_read_again(
    restored: Restored, known: bool, resumed: bool, read_again: bool
) -> None:
    restored.together(lambda world: world.deliver(record(1))) if known else None
    decided = [restored.later.decide("hold-cohort", "2026", lasting=True)]
    if resumed:
        restored.later.clock.now += timedelta(minutes=1)
        decided.append(restored.later.decide("resume-cohort", "2026", lasting=True))
    restored.back()
    if read_again:
        restored.again(*decided)
    restored.world.deliver(record(1), record(2))
    restored.world.settle()
    assert restored.world.renewed() == (["R1", "R2"] if resumed else [])
    assert restored.world.held() == ({} if resumed else {"R1": "office-hold", "R2": "office-hold"})
    restored.world.decisions = 7
    restored.world.clock.now += timedelta(minutes=1)
    restored.world.decide("resume-cohort", "2026", lasting=True)
    restored.world.judge()
    assert restored.world.renewed() == ["R1", "R2"]


def test_who_was_resumed_alone_before_the_loss_passes_the_hold_of_the_cohort_after_it(restored: Restored) -> None:
    restored.together(lambda world: world.deliver(record(2, completed_on=None)))
    restored.later.deliver(record(1, completed_on=None))
    hold = restored.later.decide("hold-cohort", "2026", lasting=True)
    resumes = [restored.later.decide("resume", id) for id in ("R1", "R2")]
    restored.later.settle()
    restored.back()
    restored.world.deliver(record(1), record(2), record(3))
    restored.again(hold, *resumes)
    restored.world.settle()
    assert restored.world.renewed() == ["R1", "R2"]
    held = restored.world.announced(RegistrationHeld)
    assert [(event.key, event.reason) for event in held] == [("R3", "office-hold")]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("released", [True, False])
def test_an_address_of_the_office_is_kept(restored: Restored, known: bool, released: bool) -> None:
    changes: dict[str, Any] = {"email": None} if released else {"email": None, "completed_on": None}
    if known:
        restored.together(lambda world: world.deliver(record(1, **changes)), RegistrationWorld.settle)
    else:
        restored.later.deliver(record(1, **changes))
        restored.later.settle()
    order = restored.later.decide("correct-address", "R1", "Office@example.jp")
    restored.later.judge()
    restored.back()
    restored.again(order)
    restored.world.deliver(record(1, **changes))
    restored.world.settle()
    assert restored.new() == []
    state = "select state, office_email, address_key, confirmed_at from registrations"
    assert restored.world.rows(state) == restored.later.rows(state)


def test_an_order_that_was_refused_is_refused_once_and_sets_nothing(restored: Restored) -> None:
    order = restored.later.decide("hold", "R1")  # no such registration yet
    restored.back()
    restored.again(order)
    restored.world.deliver(record(1))
    restored.world.settle()
    assert restored.world.announced(DecisionSettled) == []
    assert restored.world.renewed() == ["R1"]


def test_a_rejected_row_is_listed_again_and_announced_once(restored: Restored) -> None:
    body = msgspec.json.encode([as_json(record(1), pass_number="{"), as_json(record(2))])

    def deliver(world: RegistrationWorld) -> None:
        accept(read_delivery(body, "json", RULES), "http", world.ports)

    deliver(restored.later)
    restored.back()
    listed = "select rejection_id, source, row_number, field, got, expected from rejected"
    assert restored.world.rows(listed) == restored.later.rows(listed) != []
    deliver(restored.world)
    about = listed.replace("select", "select registration_id,")  # which no topic holds: upstream says it again
    assert restored.world.rows(about) == restored.later.rows(about)
    assert restored.world.announced(RegistrationRejected) == []


def test_upstream_delivering_a_whole_cohort_again_leads_to_the_same_rows(restored: Restored) -> None:
    people = [
        record(n, email=f"p{n % 40}@example.jp", completed_on=None if n % 7 == 0 else date(2026, 2, 1))
        for n in range(50)
    ]
    restored.together(lambda world: world.deliver(*people[:20]), RegistrationWorld.settle)
    restored.later.deliver(*people[20:])
    restored.later.settle()
    restored.back()
    restored.world.clock.now += timedelta(hours=1)
    restored.world.deliver(*reversed(people))
    restored.world.settle()
    assert restored.new() == []
    assert restored.same()
