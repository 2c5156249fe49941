"""Signing in at the screen where people register their address, and pressing its button, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.registration.domain import sign_in as rules
from services.registration.domain.sign_in import sign_in_key
from services.registration.people import address_screen
from services.registration.store import RegistrationTransaction
from services.registration.store.address_screen import AddressRequest
from tests.worlds.desk import BORN, DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.meanwhile import meanwhile
from tests.worlds.registration import record, registration_database


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[DeskWorld]:
    with desk_at(database) as world:
        yield world


@pytest.mark.parametrize("typed", ["25-1", "２５－１", "251", " 25ー1 ", "第25-1号", "合格番号：25−1"])
def test_a_number_signs_in_however_its_hyphens_and_digits_are_typed(world: DeskWorld, typed: str) -> None:
    world.registration.deliver(record(1), record(2))
    with world.browser() as browser:
        page = sign_in(browser, typed, "S55.2.29")
        assert (page.status_code, page.url.path) == (200, "/desks/gishi/address")
        assert "骨材 太郎" in page.text
        assert "p***@e***.jp" in page.text
        assert "person1@example.jp" not in page.text


def test_the_index_knows_numbers_as_the_form_does(world: DeskWorld) -> None:
    numbers = ["G-2025-0042", "Ｇ２０２５０００４３", "25／0044", "g 25.0045", "25_0046", "技25・0047"]
    world.registration.deliver(*(record(n, pass_number=number) for n, number in enumerate(numbers)))
    with world.ports.store.transaction() as tx:
        for n, number in enumerate(numbers):
            assert [each.id for each in tx.with_pass_number(sign_in_key(number), ["gishi"])] == [f"R{n}"], number


def test_a_wrong_date_an_unknown_number_and_the_other_desk_get_the_same_answer(world: DeskWorld) -> None:
    world.registration.deliver(record(1), record(2, qualification="shindanshi"))
    with world.browser() as browser:
        answers = [
            sign_in(browser, "25-1", "S55.2.28"),
            sign_in(browser, "25-2", BORN),  # of the other desk
            sign_in(browser, "99-9999", BORN),
        ]
    plain = {
        answer.text.replace(typed, "").replace("S55.2.28", BORN)
        for answer, typed in zip(answers, ("25-1", "25-2", "99-9999"), strict=True)
    }
    assert {answer.status_code for answer in answers} == {422}
    assert len(plain) == 1
    assert world.registration.rows("select count(*) from screen_sessions") == [(0,)]


def test_an_entry_that_cannot_be_read_is_named_and_counts_as_no_attempt(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        for born in ("55/2/29", "昭和65年1月1日", "1980-02-30", "x" * 50):
            page = sign_in(browser, 1, born)
            assert (page.status_code, "生年月日を読み取れません" in page.text) == (422, True), born
        assert "合格番号を入力してください" in sign_in(browser, "  ").text
    assert world.registration.rows("select count(*) from screen_attempts") == [(0,)]


def test_a_stranger_who_guesses_cannot_keep_the_owner_out(world: DeskWorld) -> None:
    world.registration.deliver(record(1, contact_email="desk1@company.example.jp"), record(2))
    for guess in range(10):
        with world.browser(source=f"198.51.100.{guess}") as stranger:
            assert sign_in(stranger, 1, f"1970-01-{guess + 1:02}").status_code == 422
    with world.browser(source="198.51.100.99") as stranger:
        guessed = sign_in(stranger, 1)  # the right date, by chance: not enough any more
        assert (guessed.status_code, 'id="contact"' in guessed.text) == (422, True)
        assert sign_in(stranger, 1, contact="090-9999-9999").status_code == 422
    for contact in ("０９０−００００−０００１", "+81 90 0000 0001", "Desk1@Company.example.jp", "person1@example.jp"):
        with world.browser(source="203.0.113.5") as owner:
            assert sign_in(owner, 1, contact=contact).url.path == "/desks/gishi/address", contact
    with world.browser(source="203.0.113.5") as other:
        assert sign_in(other, 2).url.path == "/desks/gishi/address"
    world.registration.clock.now += timedelta(hours=24)
    with world.browser(source="203.0.113.6") as owner:
        assert sign_in(owner, 1).url.path == "/desks/gishi/address"


def test_the_question_for_more_comes_for_numbers_that_nobody_has_too(world: DeskWorld) -> None:
    for guess in range(11):
        with world.browser(source=f"198.51.100.{guess}") as stranger:
            page = sign_in(stranger, "77-777")
    assert 'id="contact"' in page.text


def test_a_source_is_asked_for_more_and_refused_in_a_flood_while_other_sources_go_on(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    failed = world.ports.blinded([rules.flood_limit("192.0.2.7"), rules.question_limits("192.0.2.7", "")[0]])
    with world.ports.store.transaction() as tx:
        for _ in range(30):
            assert tx.attempts.count(failed) == []
    with world.browser(source="192.0.2.7") as colleague:
        assert 'id="contact"' in sign_in(colleague, 1).text
        assert sign_in(colleague, 1, contact="09000000001").url.path == "/desks/gishi/address"
    with world.ports.store.transaction() as tx:
        for _ in range(300):
            tx.attempts.count(failed)
    with world.browser(source="192.0.2.7") as colleague, world.browser(source="192.0.2.8") as elsewhere:
        assert sign_in(colleague, 1, contact="09000000001").status_code == 429
        assert sign_in(elsewhere, 1).url.path == "/desks/gishi/address"
    with world.browser(source="2001:db8:1:2::1") as six, world.browser(source="2001:db8:1:2:ffff::9") as same_64:
        sign_in(six, "99")
        sign_in(same_64, "98")
    (network,) = world.ports.blinded([rules.flood_limit("2001:db8:1:2::/64")])
    with world.ports.store.transaction() as tx:
        assert tx.attempts.count([replace(network, most=3)]) == []
        assert len(tx.attempts.count([replace(network, most=3)])) == 1  # two sign-ins, and these two


def test_a_session_is_short_of_one_desk_and_ended_by_the_next(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        assert browser.get("/desks/shindan/address").url.path == "/desks/shindan"
        former = browser.cookies["desk"]
        sign_in(browser, 1)
        assert address_screen.screen("gishi", former, world.ports) is None
        world.registration.clock.now += rules.SESSION
        assert "時間がたったため" in browser.get("/desks/gishi/address").text
        sign_in(browser, 1)
        browser.post("/desks/gishi/sign-out")
        assert browser.get("/desks/gishi/address").url.path == "/desks/gishi"


def test_a_button_that_is_pressed_twice_sends_one_letter_and_both_answers_are_of_its_link(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    with world.browser() as browser:
        sign_in(browser, 1)
        assert [ask_for(browser, "own@example.jp").status_code for _ in range(8)] == [200] * 8
        assert len(world.letters("confirm-address")) == 1
        ask_for(browser, "other@example.jp")
        ask_for(browser, "own@example.jp")  # the earlier link of it has ended
        world.registration.clock.now += timedelta(minutes=1)
        ask_for(browser, "own@example.jp")  # it has not arrived
        assert len(world.letters("confirm-address")) == 4
        assert 'data-state="confirmed"' in browser.post(world.link()).text


def test_of_presses_at_once_in_two_tabs_one_link_is_the_newest(world: DeskWorld) -> None:
    world.registration.deliver(record(1))
    ends = world.registration.clock.now + timedelta(hours=24)

    def press(tx: RegistrationTransaction) -> None:
        tx.lock()
        tx.add_request(AddressRequest("first", "gishi", "R1", "P1", "first@example.jp", "ja", ends))

    with world.browser() as browser:
        sign_in(browser, 1)
        answer = meanwhile(world.ports.store, press, lambda: ask_for(browser, "second@example.jp"), lambda tx: None)
        assert answer.status_code == 200
    asked = world.registration.rows("select address, outcome from address_requests order by 1")
    assert asked == [("first@example.jp", "replaced"), ("second@example.jp", None)]
