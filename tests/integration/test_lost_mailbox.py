"""A holder who has lost the mailbox: registration proves who it is, the wallet moves the account, the office sees it.

Registration, wallet and ops each on a real PostgreSQL; their events are handed on by calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace as changed
from prometheus_client import REGISTRY

from services.registration.people import recovery
from services.registration.store import RegistrationTransaction
from services.wallet.handlers import forget
from services.wallet.store import WalletTransaction
from shared.events import AddressCorrected, Event, RegistrationRenewed
from shared.links import receive_token
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.topics import INBOX_MEMORY
from tests.worlds.consumer import note
from tests.worlds.desk import DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.meanwhile import meanwhile
from tests.worlds.registration import NOON, answer_of, record, registration_database
from tests.worlds.wallet import SECRET, Wallet, address_id, is_in, join, log_in, running_wallet, wallet_database

NEW, OTHER = "new@home.example.jp", "other@home.example.jp"
FRESH = "plum wagon velvet ninety"
DAYS = timedelta(days=7)


@dataclass
class Holders:
    """Registration with one person who has a badge, and the wallet."""

    desk: DeskWorld
    wallet: Wallet
    handed: int = 0

    def hand_on(self) -> list[Event]:
        """What registration has announced since, to the wallet."""
        events = self.desk.registration.announced(Event)[self.handed :]
        self.handed += len(events)
        for event in events:
            if isinstance(event, AddressCorrected):
                note(self.wallet.ports.store, WalletTransaction.note_addresses, [event])
            self.wallet.consume(event)
        return events

    def pass_days(self, days: timedelta = DAYS) -> list[Event]:
        self.desk.registration.clock.now += days
        self.wallet.clock.now += days
        recovery.move_due(self.desk.ports)
        return self.hand_on()

    def begin(self, email: str = NEW, number: int = 1) -> None:
        """Sign in, ask, press the button of the letter."""
        with self.desk.browser() as browser:
            assert sign_in(browser, number).url.path == "/desks/gishi/address"
            assert ask_for(browser, email).status_code == 200
            page = browser.post(self.desk.mailed("recover-address"))
        assert 'data-state="confirmed"' in page.text, page.text
        assert "変更を受け付けました" in page.text.replace("<wbr>", "")
        self.hand_on()

    def badge(self, id: str = "R1") -> str:
        """Registration's person has a badge, and the wallet knows it; its assertion_id."""
        (event,) = [each for each in self.desk.registration.announced(RegistrationRenewed) if each.key == id][-1:]
        issued = changed(answer_of(event), assertion_id=f"{id:A<26}".replace("1", "A").replace("2", "B"))
        self.wallet.consume(issued)
        return issued.assertion_id

    def settled(self) -> list[str]:
        return [each.outcome for each in self.desk.registration.announced(AddressRecoverySettled)]

    def address(self, id: str = "R1") -> str | None:
        with self.desk.ports.store.transaction() as tx:
            return tx.registrations([id])[id].email


@pytest.fixture(scope="module")
def databases_of_both() -> Iterator[tuple[str, str]]:
    with registration_database() as registration, wallet_database() as wallet:
        yield registration, wallet


@pytest.fixture
def holders(databases_of_both: tuple[str, str]) -> Iterator[Holders]:
    """R1 and, of another person, R2 have a badge."""
    registration, wallet = databases_of_both
    with desk_at(registration) as desk, running_wallet(wallet) as at_wallet:
        desk.registration.deliver(record(1), record(2))
        desk.registration.clock.now = NOON
        desk.registration.settle()
        desk.registration.issue()
        at_wallet.clock.now = desk.registration.clock.now
        found = Holders(desk, at_wallet)
        found.hand_on()
        yield found


def account(holders: Holders) -> tuple[httpx.Client, str]:
    browser, badge = holders.wallet.browser(), holders.badge()
    assert join(browser, holders.wallet, badge, name="骨材太郎").status_code == 200
    return browser, badge


def test_the_account_moves_to_the_proven_address_after_its_days_and_the_lost_mailbox_opens_nothing(
    holders: Holders,
) -> None:
    owner, badge = account(holders)
    holders.begin()
    begun = holders.desk.registration.announced(AddressRecoveryBegun)[0]
    assert (begun.email, begun.takes_effect_at - begun.begun_at) == (NEW, DAYS)
    assert [each.recipient for each in holders.desk.letters("recovery-begun")] == ["person1@example.jp"]
    assert "n***@h***.jp" in owner.get("/badges").text and "n***@h***.jp" in owner.get("/account").text
    assert holders.pass_days(DAYS - timedelta(seconds=1)) == []
    assert holders.address() == "person1@example.jp"
    events = holders.pass_days(timedelta(seconds=1))
    assert [each.email for each in events if isinstance(each, AddressCorrected)] == [NEW]
    assert holders.settled() == ["moved"] and holders.address() == NEW
    told = [each.recipient for each in holders.desk.letters("address-changed")]
    assert told == ["person1@example.jp", NEW]
    with holders.wallet.browser() as browser:
        page = browser.post(holders.wallet.mailed_link("account-recovery", NEW), data={"password": FRESH})
        assert page.url.path == "/badges"
        page = browser.get("/account")
        assert NEW in page.text and "person1@example.jp" not in page.text
        assert badge in browser.get("/badges").text and "n***@h***.jp" not in browser.get("/badges").text
    for address, password, opens in (
        (NEW, FRESH, True),
        ("person1@example.jp", FRESH, False),
        (NEW, "correct horse battery", False),
    ):
        with holders.wallet.browser() as browser:
            log_in(browser, address, password)
            assert is_in(browser) is opens, (address, password)
    with holders.wallet.browser() as reader:  # of the lost mailbox
        reader.post("/forgot", data={"email": "person1@example.jp"})
        assert holders.wallet.letters("reset-password") == []
    assert holders.pass_days() == []


def test_a_badge_that_nobody_has_received_is_received_by_a_link_to_the_proven_address(holders: Holders) -> None:
    badge = holders.badge()
    holders.begin()
    assert [each.email for each in holders.pass_days() if isinstance(each, AddressCorrected)] == [NEW]
    assert holders.wallet.letters("account-recovery") == []
    with holders.wallet.browser() as browser:
        assert browser.get(holders.wallet.link(badge)).status_code == 410
        page = browser.get(f"/receive/{badge}/{receive_token(SECRET, badge, 1)}")
        assert page.status_code == 200 and NEW in page.text


def stopped_recoveries() -> float:
    return REGISTRY.get_sample_value("akashi_registration_recoveries_total", {"outcome": "stopped"}) or 0.0


@pytest.mark.parametrize("by", ["letter", "account", "office"])
def test_who_reads_a_known_address_stops_it_and_nothing_changes(holders: Holders, by: str) -> None:
    owner, _ = account(holders)
    holders.begin()
    counted = stopped_recoveries()
    if by == "office":
        holders.desk.registration.decide("correct-address", "R1", "person1@example.jp")
    else:
        stop = holders.desk.mailed("recovery-begun")
        if by == "account":
            assert f'href="{holders.desk.ports.desk_url}{stop}"' in owner.get("/account").text
        with holders.desk.browser() as scanner:
            assert 'data-state="waiting"' in scanner.get(stop).text
            assert scanner.head(stop).status_code == 200 and holders.settled() == []
            for _ in range(2):
                assert 'data-state="stopped"' in scanner.post(stop).text
    holders.hand_on()
    assert holders.settled() == ["stopped"] and stopped_recoveries() == counted + 1
    assert holders.pass_days() == [] and holders.address() == "person1@example.jp"
    assert holders.wallet.letters("account-recovery") == []
    log_in(owner, "person1@example.jp")
    assert is_in(owner) and "n***@h***.jp" not in owner.get("/account").text
    holders.begin(OTHER)  # and it can be asked for again
    assert [each.email for each in holders.pass_days() if isinstance(each, AddressCorrected)] == [OTHER]


def test_the_office_that_knows_the_person_moves_it_at_once(holders: Holders) -> None:
    account(holders)
    holders.begin()
    order = holders.desk.registration.decide("correct-address", "R1", NEW)
    assert holders.desk.registration.rows("select old, new from order_changes") == [("person1@example.jp", NEW)]
    holders.hand_on()
    assert (holders.settled(), holders.address()) == (["moved"], NEW)
    assert len(holders.wallet.letters("account-recovery", NEW)) == 1
    assert order.value == NEW and holders.pass_days() == []


def test_what_has_no_badge_moves_too_and_who_shared_its_address_is_released(holders: Holders) -> None:
    at = holders.desk.registration
    mine = {"person_id": "P1", "completed_on": NOON.date()}
    at.deliver(
        record(3, qualification="shindanshi", **mine, email="work@example.jp"),
        record(4, email="Work@example.jp"),
        record(5, qualification="shunin-gishi", **mine),
    )
    at.settle()
    assert (at.held(), at.renewed()) == ({"R3": "shared-address", "R4": "shared-address"}, ["R1", "R2", "R5"])
    holders.begin()
    told = {each.recipient.lower() for each in holders.desk.letters("recovery-begun")}
    assert told == {"person1@example.jp", "work@example.jp", "person5@example.jp"}
    holders.pass_days()  # and the issuer has not answered for R5 yet
    at.judge()
    assert (at.held(), [holders.address(id) for id in ("R1", "R3", "R5")]) == ({}, [NEW] * 3)
    newest = {each.key: (each.version, each.holder.email) for each in at.announced(RegistrationRenewed)}
    assert (newest["R3"], newest["R4"], newest["R5"]) == ((1, NEW), (1, "Work@example.jp"), (2, NEW))
    former = {each.recipient for each in holders.desk.letters("address-changed")} - {NEW}
    assert former == {"person1@example.jp", "work@example.jp", "person5@example.jp"}


def test_one_waits_at_a_time_and_the_screen_says_so_to_who_knows_number_and_date(holders: Holders) -> None:
    holders.begin()
    with holders.desk.browser() as browser:
        page = sign_in(browser, 1)
        assert 'data-access="recovering"' in page.text and "n***@h***.jp" in page.text and NEW not in page.text
        assert ask_for(browser, OTHER).status_code == 200
    assert len(holders.desk.letters("recover-address")) == 1


def test_an_address_of_another_person_is_refused_where_it_is_proven_and_where_it_would_take_effect(
    holders: Holders,
) -> None:
    with holders.desk.browser() as browser:
        sign_in(browser, 1)
        ask_for(browser, "person2@example.jp")
        page = browser.post(holders.desk.mailed("recover-address"))
        assert (page.status_code, 'data-state="taken"' in page.text) == (409, True)
    assert holders.desk.registration.announced(AddressRecoveryBegun) == []
    holders.begin()
    holders.desk.registration.decide("correct-address", "R2", NEW)
    holders.pass_days()
    assert (holders.settled(), holders.address()) == (["address-taken"], "person1@example.jp")


def test_other_links_open_nothing_and_the_holder_without_a_badge_is_offered_the_ordinary_way(holders: Holders) -> None:
    holders.begin()
    right = holders.desk.mailed("recovery-begun")
    with holders.desk.browser() as browser:
        for wrong in (right[:-1] + ("a" if right[-1] != "a" else "b"), right.replace("/stop/", "/stop/x"), "/stop/a/b"):
            assert browser.get(wrong).status_code == browser.post(wrong).status_code == 404
        assert browser.get(right.replace("/stop/", "/confirm/")).status_code == 404
    holders.desk.registration.deliver(record(3))
    with holders.desk.browser() as browser:
        assert 'data-access="open"' in sign_in(browser, 3).text
    assert holders.settled() == []


def test_an_address_that_has_an_account_already_gets_the_badges_and_all_addresses_are_told(holders: Holders) -> None:
    first, badge = account(holders)
    second = holders.badge("R2")
    with holders.wallet.browser() as browser:
        assert join(browser, holders.wallet, second, name="骨材太郎").status_code == 200
        with holders.wallet.ports.store.transaction() as tx:
            own, into = tx.accounts.by_address("person1@example.jp"), tx.accounts.by_address("person2@example.jp")
            assert own is not None and into is not None
            tx.accounts.add_address(own.account_id, "third@example.jp")
            tx.accounts.add_address(into.account_id, NEW)
        holders.begin()
        assert [each.recipient for each in holders.wallet.letters("recovery-begun")] == ["third@example.jp"]
        holders.pass_days()
        log_in(browser, "person2@example.jp")
        assert badge in browser.get("/badges").text and second in browser.get("/badges").text
    log_in(first, "third@example.jp")
    assert is_in(first) and badge not in first.get("/badges").text
    with holders.wallet.browser() as reader:  # of the lost mailbox
        log_in(reader, "person1@example.jp")
        assert not is_in(reader)
        reader.post("/forgot", data={"email": "person1@example.jp"})
    assert holders.wallet.letters("reset-password") == []
    assert [each.facts["what"] for each in holders.wallet.letters("account-notice", "person2@example.jp")] == [
        "address-added"
    ]


def test_after_a_restore_what_waits_waits_on_and_what_was_settled_stays_settled(holders: Holders) -> None:
    holders.begin()
    begun = holders.desk.registration.announced(AddressRecoveryBegun)
    registration = holders.desk.registration
    for settled in (False, True):
        with registration.ports.store.transaction() as tx:
            tx.cursor.execute("delete from address_recoveries")
            tx.take_back_recoveries([*begun, *begun])
            if settled:
                tx.take_back_settled_recoveries(registration.announced(AddressRecoverySettled))
        stop = holders.desk.mailed("recovery-begun")
        with holders.desk.browser() as browser:
            state = "stopped" if settled else "waiting"
            assert f'data-state="{state}"' in browser.get(stop).text
            browser.post(stop)
    assert holders.settled() == ["stopped"]
    holders.hand_on()
    assert holders.pass_days() == []


def test_what_registration_announces_again_long_after_moves_no_account_another_time(holders: Holders) -> None:
    account(holders)
    holders.begin()
    events = holders.pass_days()
    link = holders.wallet.mailed_link("account-recovery", NEW)
    with holders.wallet.browser() as browser:
        browser.post(link, data={"password": FRESH})
        browser.post("/account/addresses", data={"email": OTHER, "current": FRESH})
        browser.post(holders.wallet.mailed_link("verify-address"))
        for act in ("primary", "remove"):
            page = f"/account/addresses/{address_id(browser)}"
            assert browser.post(page, data={"act": act, "current": FRESH}).url.path == "/account"
        holders.wallet.clock.now += INBOX_MEMORY + timedelta(days=1)
        forget(holders.wallet.ports)
        with holders.wallet.ports.store.transaction() as tx:
            assert tx.forget_claims(tx.now() - INBOX_MEMORY) > 0
        holders.wallet.consume(*holders.desk.registration.announced(AddressRecoveryBegun), *events)
        log_in(browser, OTHER, FRESH)
        shown = browser.get("/account").text
        assert OTHER in shown and NEW not in shown and "n***@h***.jp" not in shown
    with holders.wallet.browser() as reader:  # of the mailbox that the account has left
        reader.post(link, data={"password": "another horse battery"})
        assert not is_in(reader)


def test_one_that_began_by_a_clock_that_was_ahead_waits_its_days_by_the_right_one(holders: Holders) -> None:
    account(holders)
    clock, right = holders.desk.registration.clock, holders.desk.registration.clock.now
    clock.now = right + timedelta(days=365)
    holders.begin()
    clock.now = right
    assert holders.pass_days(timedelta(minutes=1)) == []
    assert holders.pass_days(DAYS - timedelta(minutes=1)) == []
    holders.pass_days(timedelta(minutes=1))
    assert (holders.settled(), holders.address()) == (["moved"], NEW)


def test_an_order_of_the_office_and_the_tick_that_moves_others_do_not_wait_for_each_other(holders: Holders) -> None:
    clock, right = holders.desk.registration.clock, holders.desk.registration.clock.now
    holders.begin(OTHER, 2)
    clock.now = right + timedelta(days=365)
    holders.begin()
    clock.now = right + DAYS

    def stop(tx: RegistrationTransaction) -> None:
        waiting = tx.waiting_recovery("P1")
        assert waiting is not None
        tx.settle_recovery(waiting, "stopped", clock.now)

    store, ports = holders.desk.ports.store, holders.desk.ports
    assert meanwhile(store, lambda tx: tx.lock(), lambda: recovery.move_due(ports), stop) == 1
    assert holders.settled() == ["stopped", "moved"]
