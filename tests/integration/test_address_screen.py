"""The screen where people register their address, over HTTP on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import psycopg
import pytest

from services.registration.domain.own_address import OwnAddress, read_address
from services.registration.domain.sign_in import SignInForm
from services.registration.people import address_screen
from shared.clock import JST
from shared.events import RegistrationRenewed
from tests.worlds.desk import BORN, FEBRUARY, DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.registration import NOON, record, registration_database


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[DeskWorld]:
    with desk_at(database) as world:
        yield world


def confirm(world: DeskWorld, number: int, email: str, desk: str = "gishi", contact: str = "") -> str:
    """Sign in, ask, press the button of the link; the state that its page shows."""
    with world.browser() as browser:
        assert sign_in(browser, number, desk=desk, contact=contact).status_code == 200
        assert ask_for(browser, email, desk).status_code == 200
        return shown(browser.post(world.link()).text)


def shown(page: str) -> str:
    return page.partition('data-state="')[2].partition('"')[0]


def address_of(world: DeskWorld, id: str) -> str | None:
    with world.ports.store.transaction() as tx:
        return tx.registrations([id])[id].email


def test_an_address_is_echoed_then_confirmed_by_its_link_and_both_addresses_are_told(world: DeskWorld) -> None:
    world.registration.deliver(record(1, contact_email="desk1@company.example.jp"))
    with world.browser() as browser:
        sign_in(browser, 1)
        echo = browser.post("/desks/gishi/address", data={"email": "ｓｏｕｍｕ＠Example．NE．JP"})
        assert "soumu@example.ne.jp" in echo.text
        assert "部署や係のアドレスのようです" in echo.text
        assert "d***@c***.jp" in echo.text
        assert world.letters() == []
        sent = ask_for(browser, "ｔａｒｏ＠Example．NE．JP")
        assert "taro@example.ne.jp" in sent.text
    (letter,) = world.letters("confirm-address")
    assert (letter.recipient, letter.valid_until) == ("taro@example.ne.jp", FEBRUARY + timedelta(hours=24))
    assert {name: letter.facts[name] for name in ("name", "qualification", "deadline", "notice_date", "hours")} == {
        "name": "骨材 太郎",
        "qualification": "gishi",
        "deadline": "2026-02-28",
        "notice_date": "2026-04-01",
        "hours": "24",
    }
    with world.browser() as scanner:  # another browser, without a session
        assert shown(scanner.get(world.link()).text) == "pending"
        assert scanner.head(world.link()).status_code == 200
        assert address_of(world, "R1") == "person1@example.jp"
        done = scanner.post(world.link())
        assert (shown(done.text), "2026年4月1日" in done.text) == ("confirmed", True)
        assert shown(scanner.post(world.link()).text) == shown(scanner.get(world.link()).text) == "confirmed"
    assert world.woken == [FEBRUARY]
    assert address_of(world, "R1") == "taro@example.ne.jp"
    changed = world.letters("address-changed")
    assert [each.recipient for each in changed] == ["person1@example.jp", "taro@example.ne.jp"]
    assert {each.facts["old_masked"] + each.facts["new_masked"] + each.facts["desk"] for each in changed} == {
        "p***@e***.jpt***@e***.jpgishi"
    }
    world.registration.deliver(record(1, email="other@example.jp"))
    assert address_of(world, "R1") == "taro@example.ne.jp"
    world.registration.clock.now = NOON
    world.registration.settle()
    (event,) = world.registration.announced(RegistrationRenewed)
    assert (event.holder.email, event.notify_from) == ("taro@example.ne.jp", datetime(2026, 4, 1, tzinfo=JST))


def test_a_confirmed_address_is_the_offices_to_change_from_the_screen_on_to_the_link(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        ask_for(browser, "first@example.jp")
        first = world.link()
        browser.post(first)
        page = browser.get("/desks/gishi/address")
        assert ('data-access="confirmed"' in page.text, "e-gishi@jci.example.jp" in page.text) == (True, True)
        assert 'data-access="confirmed"' in ask_for(browser, "second@example.jp").text
    assert len(world.letters("confirm-address")) == 1
    world.registration.decide("correct-address", "R1", "office@example.jp")
    with world.browser() as browser:
        assert shown(browser.post(first).text) == "confirmed"  # what it was, without effect
    assert address_of(world, "R1") == "office@example.jp"


@pytest.mark.parametrize("at", [datetime(2026, 4, 1, 13, tzinfo=JST), datetime(2026, 9, 1, tzinfo=JST)])
def test_after_the_issue_a_link_of_before_changes_nothing_and_another_address_has_to_wait(
    world: DeskWorld, at: datetime
) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        ask_for(browser, "late@example.jp")
        world.registration.clock.now = NOON
        world.registration.settle()
        assert 'data-access="issued"' in sign_in(browser, 1).text  # on its way to the issuer
        world.registration.issue()
        world.registration.clock.now = at
        sign_in(browser, 1)
        assert 'data-access="recover"' in browser.get("/desks/gishi/address").text
        assert shown(browser.post(world.link()).text) in ("closed", "expired")
    assert address_of(world, "R1") == "person1@example.jp"


def test_an_address_of_another_person_is_refused_where_its_mail_is_read_and_nowhere_else(world: DeskWorld) -> None:
    world.registration.deliver(record(1), record(2))
    with world.browser() as browser:
        sign_in(browser, 1)
        taken, free = ask_for(browser, "Person2@example.jp"), ask_for(browser, "person3@example.jp")
        assert taken.text.replace("Person2", "person3") == free.text
        ask_for(browser, "Person2@example.jp")
        refused = browser.post(world.link())
        assert (refused.status_code, shown(refused.text)) == (409, "taken")
        assert "複数の方が使うアドレスは登録できません" in refused.text
        assert "骨材" not in refused.text
        assert shown(browser.post(world.link()).text) == "taken"
    assert world.letters("address-changed") == []
    assert confirm(world, 1, "mine@example.jp") == "confirmed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"email": None}, "missing-address"),
        ({"email": "kaisha@example.jp"}, "shared-address"),
        ({"email": "holder@example.jp"}, "address-taken"),
    ],
)
def test_a_confirmed_address_releases_a_held_person_at_the_next_run(
    world: DeskWorld, changes: dict[str, str | None], reason: str
) -> None:
    world.registration.clock.now = NOON
    if reason == "address-taken":
        world.registration.deliver(record(7, email="holder@example.jp"))
        world.registration.settle()
        world.registration.issue()
    world.registration.deliver(record(1, **changes), record(2, email="kaisha@example.jp"))
    world.registration.settle()
    assert world.registration.held()["R1"] == reason
    with world.browser() as browser:
        sign_in(browser, 1)
        page = browser.get("/desks/gishi/address").text
        assert ("ほかの方の登録にも使われているアドレスです" in page) == (reason != "missing-address")
        assert "2026年4月15日" in page
    assert confirm(world, 1, "own@example.jp") == "confirmed"
    world.registration.judge()
    assert "R1" not in world.registration.held()
    event = next(each for each in world.registration.announced(RegistrationRenewed) if each.key == "R1")
    assert (event.holder.email, event.notify_from) == ("own@example.jp", datetime(2026, 4, 15, tzinfo=JST))
    if reason == "shared-address":  # the other one has the address alone now
        assert "R2" not in world.registration.held()


def test_whoever_confirms_the_address_on_file_keeps_the_day_of_the_notice(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    world.registration.clock.now = datetime(2026, 3, 20, tzinfo=JST)
    assert confirm(world, 1, "Person1@example.jp") == "confirmed"
    assert world.letters("address-changed") == []
    world.registration.deliver(record(1, email="other@example.jp"))
    world.registration.clock.now = NOON
    world.registration.settle()
    (event,) = world.registration.announced(RegistrationRenewed)
    assert (event.holder.email, event.notify_from) == ("Person1@example.jp", datetime(2026, 4, 1, tzinfo=JST))


def test_one_address_goes_to_all_registrations_of_the_person_that_have_no_badge(world: DeskWorld) -> None:
    mine = {"person_id": "P1", "given_name": "太郎"}
    world.registration.deliver(
        record(1),
        record(2, qualification="shindanshi", **mine, email=None),
        record(3, qualification="shunin-gishi", **mine, valid_from=date(2024, 4, 1), valid_until=date(2028, 3, 31)),
    )
    assert confirm(world, 2, "own@example.jp", desk="shindan") == "confirmed"
    assert {each.recipient for each in world.letters("address-changed")} == {"person1@example.jp", "own@example.jp"}
    assert [address_of(world, id) for id in ("R1", "R2", "R3")] == [
        "own@example.jp",
        "own@example.jp",
        "person3@example.jp",
    ]
    with world.browser() as browser:
        sign_in(browser, 1)
        assert 'data-access="confirmed"' in browser.get("/desks/gishi/address").text
        sign_in(browser, 3)
        assert 'data-access="other-cycle"' in browser.get("/desks/gishi/address").text


def test_only_the_newest_link_of_a_person_can_be_confirmed_and_none_after_its_day(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        ask_for(browser, "typo@example.jp")
        older = world.link()
        ask_for(browser, "right@example.jp")
        assert shown(browser.post(older).text) == "replaced"
        world.registration.clock.now += timedelta(hours=24)
        expired = browser.post(world.link())
        assert (expired.status_code, shown(expired.text)) == (410, "expired")
        for wrong in (world.link()[:-1] + "x", "/confirm/nothing/" + "a" * 26, "/confirm/é/ü", world.link() + "x"):
            assert browser.post(wrong).status_code == 404
        world.registration.clock.now += timedelta(days=7)
        assert address_screen.forget(world.ports) > 0
        assert shown(browser.get(older).text) == "unknown-link"
    assert world.registration.rows("select count(*) from address_requests") == [(0,)]
    assert world.registration.rows("select count(*) from screen_sessions") == [(0,)]
    assert world.registration.rows("select count(*) from screen_attempts") == [(0,)]
    assert address_of(world, "R1") == "person1@example.jp"


def test_nobodys_mailbox_is_filled(world: DeskWorld) -> None:
    world.registration.deliver(record(1), record(2))
    with world.browser() as browser:
        sign_in(browser, 1)
        assert [ask_for(browser, f"a{n}@example.jp").status_code for n in range(6)] == [*[200] * 5, 429]
        sign_in(browser, 2)
        answers = []
        for _ in range(5):
            answers.append(ask_for(browser, "a1@example.jp").status_code)
            world.registration.clock.now += timedelta(minutes=1)
        assert answers == [*[200] * 4, 429]
        world.registration.clock.now += timedelta(hours=24)
        sign_in(browser, 1)
        assert ask_for(browser, "a9@example.jp").status_code == 200


@pytest.mark.parametrize(
    "write",
    [
        "update registrations set address_key = 'a@example.jp'",
        "update registrations set office_email = 'a@example.jp' where registration_id = 'R1'",
        "update registrations set state = state",
        "insert into registrations (registration_id) select registration_id from registrations where false",
    ],
)
def test_the_database_refuses_to_write_an_address_or_a_state_without_the_writers_lock(
    world: DeskWorld, write: str
) -> None:
    world.registration.deliver(record(1))
    for lock in ("", "select pg_advisory_xact_lock(1)", "select pg_advisory_xact_lock_shared(2)"):
        with (
            pytest.raises(psycopg.errors.RaiseException, match="without the writers' lock"),
            world.ports.store.transaction() as tx,
        ):
            if lock:
                tx.cursor.execute(lock)
            tx.cursor.execute(write)
    with world.ports.store.transaction() as tx:
        tx.lock()
        tx.cursor.execute(write)
        tx.cursor.execute("update registrations set due_since = null")


def test_of_fifty_people_who_confirm_one_address_at_once_one_gets_it(world: DeskWorld) -> None:
    world.registration.deliver(*(record(n, email=None) for n in range(50)))
    links = []
    for n in range(50):
        token = address_screen.sign_in("gishi", SignInForm(f"25-{n}", BORN), f"s{n}", None, world.ports)
        assert isinstance(token, str)
        address = read_address(f"one@example{n}.jp")
        assert isinstance(address, OwnAddress)
        address_screen.request_confirmation("gishi", token, address, "ja", world.ports)
        links.append(world.link().split("/")[2:])
    with world.ports.store.transaction() as tx:  # as if all had entered the same one: beyond the limit of its mailbox
        tx.cursor.execute("update address_requests set address = 'one@example.jp'")
    states: list[str] = []
    begin = threading.Barrier(50)

    def press(link: list[str]) -> None:
        begin.wait()
        states.append(address_screen.confirm(link[0], link[1], world.ports).state)

    threads = [threading.Thread(target=press, args=(link,)) for link in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["confirmed", *["taken"] * 49]
    assert world.registration.rows("select count(*) from registrations where address_key is not null") == [(1,)]
    assert len(world.letters("address-changed")) == 1


def test_what_people_had_confirmed_is_taken_back_after_a_restore(world: DeskWorld) -> None:
    world.registration.deliver(record(1, email=None), record(2), record(3))
    assert confirm(world, 1, "one@example.jp") == "confirmed"
    assert confirm(world, 2, "two@example.jp") == "confirmed"
    letters = world.letters()
    with world.ports.store.transaction() as tx:
        tx.lock()
        tx.cursor.execute("truncate address_requests")
        tx.cursor.execute("update registrations set office_email = null, confirmed_at = null, address_key = null")
        tx.cursor.execute("delete from registrations where registration_id = 'R2'")
        for _ in range(2):
            tx.take_back_letters(letters)
    world.registration.deliver(record(2))
    assert [address_of(world, id) for id in ("R1", "R2", "R3")] == [
        "one@example.jp",
        "two@example.jp",
        "person3@example.jp",
    ]
    with world.browser() as browser:
        sign_in(browser, 2)
        assert 'data-access="confirmed"' in browser.get("/desks/gishi/address").text


def test_the_intake_and_the_pages_are_two_servers(world: DeskWorld) -> None:
    with world.browser() as browser:
        for path in ("/upstream/registrations", "/api/v1/rejected"):
            assert browser.get(path).status_code == 404
            assert browser.post(path, headers={"authorization": "Bearer the key of upstream"}).status_code == 404


def test_a_form_of_another_site_is_refused(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        answer = browser.post(
            "/desks/gishi/address",
            data={"email": "a@example.jp", "sure": "1"},
            headers={"sec-fetch-site": "cross-site"},
        )
    assert (answer.status_code, world.letters()) == (403, [])


def test_what_is_typed_into_a_field_is_shown_as_text_and_stored_nowhere(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    hostile = ["<script>alert(1)</script>", "'; drop table registrations; --", "\x1b[31m", "{{ 7*7 }}", "\u202egnp"]
    with world.browser() as browser:
        for text in hostile:
            page = browser.post("/desks/gishi", data={"number": text, "birth_date": text, "contact": text})
            assert page.status_code == 422
            assert not {"<script>alert", "\x1b", "\u202e"} & {part for part in hostile if part in page.text}
        sign_in(browser, 1)
        for text in hostile:
            assert ask_for(browser, text).status_code == 422
        assert browser.post("/desks/gishi", data={"number": "\x00", "birth_date": BORN}).status_code == 422
    assert world.letters() == []


def test_logs_and_letters_hold_no_date_of_birth_and_no_phone_number(
    world: DeskWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    world.registration.deliver(record(1))
    assert confirm(world, 1, "secret@example.jp", contact="090-0000-0001") == "confirmed"
    said = "".join(capfd.readouterr())
    assert not [part for part in ("secret@", "骨材", "1980", "0000-0001", "25-1") if part in said]
    for letter in world.letters():
        written = "".join((letter.letter_id, letter.recipient, *letter.facts.values()))
        assert not [part for part in ("1980", "昭和", "0001", "2月29日") if part in written]
