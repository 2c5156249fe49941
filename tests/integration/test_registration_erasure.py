"""The office erases a person: nothing of them stays in registration, all others stay as they are. Real PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import NoReturn

import pytest

from services.registration.handlers import accept
from services.registration.office import orders
from services.registration.office.outlook import cohort_outlook
from services.registration.store import RegistrationTransaction, Store
from shared.erasure_events import PersonErased
from shared.events import Event, RegistrationRenewed
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from tests.worlds.desk import DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.records import read_delivery
from tests.worlds.registration import NOON, RULES, RegistrationWorld, as_json, record, registration_database

PERSON = {
    "person_id": "PERSON-7",
    "family_name": "真砂",
    "given_name": "砂子",
    "family_name_kana": "マサゴ",
    "given_name_kana": "スナコ",
    "birth_date": date(1961, 5, 7),
    "phone": "080-7777-1111",
    "contact_email": "contact@masago.example.jp",
}
NUMBERS = {"pass_number": "25-70007", "registration_number": "26G70007"}
FIRST = record(7, email="first@masago.example.jp", **NUMBERS, **PERSON)
SECOND = record(8, qualification="shindanshi", email="second@masago.example.jp", **NUMBERS, **PERSON)
SAID = (
    *(str(value) for value in PERSON.values()),
    "masago",  # all of their addresses
    *NUMBERS.values(),
    "砂也",
)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def desk(database: str) -> Iterator[DeskWorld]:
    with desk_at(database) as desk:
        yield desk


@pytest.fixture
def world(desk: DeskWorld) -> RegistrationWorld:
    desk.registration.clock.now = NOON
    return desk.registration


def outcomes(world: RegistrationWorld) -> list[tuple[str, str, str]]:
    return [(e.decision_id, e.subject, e.outcome) for e in world.announced(DecisionSettled)]


def erased(world: RegistrationWorld) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(e.decision_id, e.subject, e.registration_ids) for e in world.announced(PersonErased)]


def known(world: RegistrationWorld) -> list[str]:
    return [id for (id,) in world.rows("select registration_id from registrations order by 1")]


def lived(desk: DeskWorld) -> None:
    """A person of two qualifications who did all that leaves rows: one badge, orders, screen, lost mailbox, enquiry."""
    world = desk.registration
    world.deliver(FIRST, record(8, qualification="shindanshi", **NUMBERS, **PERSON | {"email": None}), record(1))
    with desk.browser() as browser:  # an address that waits for its confirmation
        sign_in(browser, "25-70007", "昭和36年5月7日", desk="shindan")
        assert ask_for(browser, "third@masago.example.jp", desk="shindan").status_code == 200
    world.clock.now = NOON
    world.settle()
    world.issue("R7", "R1")
    world.decide("correct-address", "R7", "fourth@masago.example.jp")
    world.decide("correct", "R7", correction=Correction(given_name="砂也"))
    world.deliver(record(7, email="fifth@masago.example.jp", **NUMBERS, **PERSON))  # after the issue: not applied
    body = json.dumps(as_json(SECOND, registration_number="26G70007{")).encode()  # which the rejection says
    accept(read_delivery(body, "json", RULES), "http", world.ports)
    with desk.browser() as browser:  # a lost mailbox
        sign_in(browser, "25-70007", "昭和36年5月7日")
        assert ask_for(browser, "sixth@masago.example.jp").status_code == 200
        assert 'data-state="confirmed"' in browser.post(desk.mailed("recover-address")).text
        typed = {"qualification": "gishi", "name": "真砂 砂子", "pass_number": "25-70007", "birth_date": "S36.5.7"}
        typed |= {"registered_address": "不明", "wanted_address": "seventh@elsewhere.example.jp"}
        typed |= {"phone": "080-7777-1111", "message": "", "nonce": "n1"}
        assert browser.post("/questions/contact", data=typed).status_code == 200


TABLES = {
    "announced",
    "address_recoveries",
    "address_requests",
    "not_applied",
    "order_changes",
    "outbox",
    "registrations",
    "rejected",
    "screen_sessions",
}
"""Where the person left something."""


@pytest.mark.parametrize("subject", ["R7", "R8"])
def test_nothing_that_anybody_knew_of_the_person_stays_in_any_table(desk: DeskWorld, subject: str) -> None:
    lived(desk)
    world = desk.registration
    assert set(world.tables_that_say(*SAID, "R7", "R8", "seventh@elsewhere")) >= TABLES
    world.decide("erase", subject)
    assert world.tables_that_say(*SAID, "seventh@elsewhere") == []
    # What stays: the ids, in `erased` and in the two events that say so, but for the ids of orders before.
    assert set(world.tables_that_say("R7", "R8")) == {"announced", "erased", "outbox"}
    assert erased(world) == [("D3", subject, ("R7", "R8"))]
    assert outcomes(world)[-1] == ("D3", subject, "done")
    assert (known(world), world.rows("select state, issued_version from registrations")) == (["R1"], [("released", 1)])


def test_each_table_with_registrations_is_looked_at(world: RegistrationWorld) -> None:
    """A row that only names the registration tells something, too: that there is more to erase."""
    named = "select table_name from information_schema.columns where column_name = 'registration_id'"
    tables = {name for (name,) in world.rows(f"{named} and table_schema = current_schema()")}
    world.deliver(FIRST)
    with world.ports.store.transaction() as tx:
        for each in tables - {"registrations", "not_applied"}:
            columns = tx.cursor.execute(
                "select column_name, data_type from information_schema.columns where table_name = %s"
                " and is_nullable = 'NO' and column_default is null",
                (each,),
            ).fetchall()
            values = {"timestamp with time zone": "now()", "bytea": "'x'", "integer": "1"}
            said = {name: values.get(kind, "'ja'") for name, kind in columns} | {"registration_id": "'R7'"}
            tx.cursor.execute(f"insert into {each} ({', '.join(said)}) values ({', '.join(said.values())})")
        tx.cursor.execute("insert into not_applied values ('R7', 'email', 'x', now())")
    world.decide("erase", "R7")
    found = {each for each in tables if world.rows(f"select from {each} where registration_id = 'R7'")}
    assert found == set()


def test_the_screen_knows_the_person_no_more(desk: DeskWorld) -> None:
    lived(desk)
    world = desk.registration
    confirm, stop = desk.mailed("confirm-address"), desk.mailed("recovery-begun")
    with desk.browser() as signed_in:
        assert sign_in(signed_in, "25-70007", "昭和36年5月7日").url.path == "/desks/gishi/address"
        world.decide("erase", "R7")
        assert signed_in.get("/desks/gishi/address").url.path == "/desks/gishi"
        assert 'data-state="unknown-link"' in signed_in.get(confirm).text
        assert "真砂" not in signed_in.get(stop).text and signed_in.get(stop).status_code == 404
        wrong = sign_in(signed_in, "25-70007", "昭和36年5月7日")
        unknown = sign_in(signed_in, 999, "昭和36年5月7日")
    assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text.replace("25-999", "25-70007"))


def come_to(state: str, world: RegistrationWorld) -> None:
    """R7 comes to this state."""
    first = {
        "held": record(7, completed_on=None, **NUMBERS, **PERSON),
        "of the next cycle": record(7, valid_from=date(2027, 4, 1), valid_until=date(2031, 3, 31), **NUMBERS, **PERSON),
    }.get(state, FIRST)
    world.deliver(first)
    if state == "held by the office":
        world.decide("hold", "R7")
    if state != "not judged yet":
        world.settle()
    if state == "refused":
        world.refuse("R7")
    if state == "issued":
        world.issue("R7")
    if state == "amended":
        world.deliver(record(7, **NUMBERS, **PERSON))


STATES = (
    "not judged yet",
    "held",
    "of the next cycle",
    "held by the office",
    "released",
    "refused",
    "issued",
    "amended",
)


@pytest.mark.parametrize("state", STATES)
def test_who_is_erased_in_any_state_is_judged_and_issued_no_more(world: RegistrationWorld, state: str) -> None:
    world.deliver(record(1))
    come_to(state, world)
    world.decide("erase", "R7")
    assert world.tables_that_say(*SAID) == []
    world.settle()
    assert (world.renewed(), known(world)) == (["R1"], ["R1"])
    assert [each.registration_id for each in cohort_outlook(world.ports)] == ["R1"]
    assert erased(world)[0][2] == ("R7",)


def test_of_what_is_foreseen_before_the_cycle_the_others_wait_on(world: RegistrationWorld, desk: DeskWorld) -> None:
    world.clock.now = NOON.replace(month=2)
    world.deliver(FIRST, record(1), record(2, email="FIRST@masago.example.jp"))
    world.settle()
    assert world.held() == {"R7": "shared-address", "R2": "shared-address"}
    world.decide("erase", "R7")
    world.judge()
    assert {each.registration_id: each.outcome for each in cohort_outlook(world.ports)} == {
        "R1": "coming",
        "R2": "coming",
    }
    world.clock.now = NOON
    world.settle()
    assert world.renewed() == ["R1", "R2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"email": "First@masago.example.jp"}, "address-taken"),
        ({"pass_number": FIRST.pass_number}, "duplicate-pass-number"),
        ({"registration_number": FIRST.registration_number}, "duplicate-registration-number"),
        ({"kind": "renewal", "previous_registration_id": "R7"}, "renews-another"),
    ],
)
def test_who_was_held_because_of_the_person_is_judged_at_once(
    world: RegistrationWorld, changes: dict[str, str], reason: str
) -> None:
    world.deliver(FIRST)
    world.settle()
    world.issue("R7")
    world.deliver(record(2, **changes))
    world.settle()
    assert world.held()["R2"] == reason
    world.decide("erase", "R7")
    assert world.judge() == 1  # although nothing settles
    assert (world.held(), world.renewed()) == ({}, ["R2"])


@pytest.mark.parametrize("again", ["the same order", "another order", "of another registration", "in one batch"])
def test_who_is_erased_already_is_erased_and_nothing_is_announced_twice(world: RegistrationWorld, again: str) -> None:
    world.deliver(FIRST, SECOND)
    world.settle()
    if again == "in one batch":
        batch = [order("D1", "erase"), order("D2", "erase", "R8"), order("D3", "erase")]
        orders.carry_out(batch, world.ports)
    else:
        first = world.decide("erase", "R7")
        if again == "the same order":
            orders.carry_out([first, first], world.ports)
        else:
            world.decide("erase", "R7" if again == "another order" else "R8")
    assert erased(world) == [("D1", "R7", ("R7", "R8"))]
    assert {outcome for _, _, outcome in outcomes(world)} == {"done"}
    assert len(outcomes(world)) == {"the same order": 1, "in one batch": 3}.get(again, 2)


def order(id: str, decision: str, subject: str = "R7", **more: object) -> OfficeDecided:
    found: OfficeDecided = OfficeDecided(
        decision_id=id,
        decision=decision,  # type: ignore[arg-type]  # one of the words
        subject=subject,
        by="office",
        why="a test",
        decided_at=NOON,
        **more,  # type: ignore[arg-type]  # fields of it
    )
    return found


@pytest.mark.parametrize("apart", [True, False])
def test_orders_before_and_after_the_erasure_leave_nothing_of_the_person(world: RegistrationWorld, apart: bool) -> None:
    world.deliver(FIRST, record(1))
    world.settle()
    world.issue()
    batch = [
        order("D1", "correct", correction=Correction(given_name="砂也")),
        order("D2", "correct-address", value="fourth@masago.example.jp"),
        order("D3", "erase"),
        order("D4", "correct-address", value="fifth@masago.example.jp"),
        order("D5", "correct", correction=Correction(given_name="砂也")),
        order("D6", "hold"),
        order("D7", "correct", "R1", correction=Correction(given_name="次郎")),
    ]
    for some in [[each] for each in batch] if apart else [batch]:
        orders.carry_out(some, world.ports)
    assert world.tables_that_say(*SAID) == []
    assert [outcome for _, _, outcome in outcomes(world)] == [
        *["done"] * 3,
        *["no-such-registration"] * 3,
        "done",
    ]
    assert [(event.key, event.version) for event in world.announced(RegistrationRenewed)] == [("R1", 1), ("R1", 2)]


def test_a_registration_that_nobody_knows_is_not_erased(world: RegistrationWorld) -> None:
    world.deliver(record(1))
    world.decide("erase", "R404")
    assert outcomes(world) == [("D1", "R404", "no-such-registration")]
    assert (erased(world), world.rows("select * from erased"), known(world)) == ([], [], ["R1"])


class Killed(BaseException):
    """Where the process dies."""


class DiesWhenAllIsErased(RegistrationTransaction):
    def announce(self, *events: Event, cause: Event | None = None) -> None:
        super().announce(*events, cause=cause)
        if any(isinstance(event, PersonErased) for event in events):
            self.flush()
            raise Killed


class DiesBeforeAnythingIsAnnounced(RegistrationTransaction):
    def erase(self, *_: object) -> NoReturn:
        raise Killed


@pytest.mark.parametrize("dying", [DiesWhenAllIsErased, DiesBeforeAnythingIsAnnounced])
def test_who_was_being_erased_when_the_process_died_is_erased_by_the_next(
    world: RegistrationWorld, database: str, dying: type[RegistrationTransaction]
) -> None:
    world.deliver(FIRST, SECOND)
    world.settle()
    before = world.rows("select * from registrations order by 1"), world.rows("select * from announced order by 1")
    store: Store = Store(database, "registration", dying, world.clock)
    with pytest.raises(Killed):
        orders.carry_out([order("D1", "erase")], replace(world.ports, store=store))
    store.close()
    after = world.rows("select * from registrations order by 1"), world.rows("select * from announced order by 1")
    assert (after, world.rows("select * from erased")) == (before, [])
    orders.carry_out([order("D1", "erase")], world.ports)
    assert (world.tables_that_say(*SAID), erased(world)) == ([], [("D1", "R7", ("R7", "R8"))])


def test_a_delivery_that_waits_for_the_erasure_leaves_the_person_out(world: RegistrationWorld) -> None:
    world.deliver(FIRST)
    results = []
    delivering = threading.Thread(target=lambda: results.append(world.deliver(FIRST, record(1))))
    with world.ports.store.transaction() as tx:
        tx.lock()
        delivering.start()
        tx.erase_registrations("D1", ["R7"])
        waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
        while delivering.is_alive() and not tx.fetch_value(waits):
            threading.Event().wait(0.01)
    delivering.join(30)
    assert [(each.row, each.registration_id) for each in results[0].erased] == [(2, "R7")]
    assert (known(world), world.tables_that_say(*SAID)) == (["R1"], [])


def test_a_new_registration_of_the_person_is_a_new_one(world: RegistrationWorld) -> None:
    world.deliver(FIRST)
    world.settle()
    world.decide("erase", "R7")
    later = record(9, kind="renewal", previous_registration_id="R7", pass_number=FIRST.pass_number, **PERSON)
    assert world.deliver(later).accepted == 1
    world.settle()
    assert (world.renewed(), world.held()) == (["R9"], {})
    world.decide("erase", "R9")
    assert erased(world)[1][2] == ("R9",)
    assert world.tables_that_say(*SAID) == []
