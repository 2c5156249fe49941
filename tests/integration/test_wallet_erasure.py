"""A person is erased in the wallet: badges, orders, accounts, and what is asked for at that moment; real PostgreSQL.

Tests services/wallet: erasure, store/erasure, and what waits for it in ports, receive_link, letters, paper, offers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from services.wallet import paper
from services.wallet.account import letters
from services.wallet.app import build
from services.wallet.domain.postal import PostalAddress
from services.wallet.store import WalletTransaction
from shared.erasure_events import AssertionsErased, PersonErased
from shared.errors import NotFound
from shared.events import AddressCorrected, AssertionIssued, Event
from shared.office_events import DecisionSettled
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from tests.worlds.paper import ADDRESS
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.tables import rows_at, tables_with
from tests.worlds.wallet import (
    PASSWORD,
    START,
    Wallet,
    account_of,
    add_address,
    anchored,
    config,
    corrected,
    is_in,
    issued,
    join,
    log_in,
    meanwhile,
    rendered,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)

OWN, SECOND, FORMER, OTHER = "erased@example.jp", "second@example.net", "former@example.jp", "b@example.org"
NAME, TYPED = "消去", "消去いちろう"
VALUES = (OWN, SECOND, FORMER, NAME, "G-1999-0001", "99-10001", "P-ERASED", ADDRESS["line"], ADDRESS["phone"], "e***@")


def badge_of_theirs(email: str = OWN, **changes: Any) -> AssertionIssued:
    event = issued(email, "gishi", NAME)
    award = replace(event.award, pass_number="G-1999-0001", registration_number="99-10001")
    return replace(event, award=award, holder=replace(event.holder, person_id="P-ERASED"), **changes)


def anybody(email: str, person_id: str = "P-OTHER") -> AssertionIssued:
    event = issued(email, "gishi", "見本")
    return replace(event, holder=replace(event.holder, person_id=person_id))


def erased(*badges: AssertionIssued) -> PersonErased:
    ids = tuple(dict.fromkeys(badge.award.registration_id for badge in badges))
    return PersonErased(decision_id="erase-1", subject=ids[0], registration_ids=ids, erased_at=START)


def credentials_erased(*badges: AssertionIssued) -> AssertionsErased:
    event = erased(*badges)
    return AssertionsErased(
        decision_id=event.decision_id,
        subject=event.subject,
        registration_ids=event.registration_ids,
        assertion_ids=tuple(badge.assertion_id for badge in badges),
        erased_at=START,
    )


def moved(badge: AssertionIssued, email: str = OWN) -> AddressCorrected:
    return AddressCorrected(
        registration_id=badge.award.registration_id,
        cohort="2026",
        email=email,
        version=1,
        revision=1,
        corrected_at=START,
    )


def begun(badge: AssertionIssued) -> AddressRecoveryBegun:
    return AddressRecoveryBegun(
        recovery_id="recovery",
        person_id="P-ERASED",
        registration_id=badge.award.registration_id,
        email="erased-new@example.jp",
        former_email=OWN,
        begun_at=START,
        takes_effect_at=START + timedelta(days=7),
        stop_url="https://desk.example/stop/1",
    )


def settled(badge: AssertionIssued) -> AddressRecoverySettled:
    return AddressRecoverySettled(
        recovery_id="recovery",
        person_id="P-ERASED",
        registration_id=badge.award.registration_id,
        outcome="moved",
        email=SECOND,
        former_email=OWN,
        begun_at=START,
        settled_at=START,
    )


def holds(wallet: Wallet, *badges: AssertionIssued) -> dict[str, list[str]]:
    """The tables that say something of them: values of theirs, or ids outside of what is kept for good."""
    url = wallet.ports.store.url
    ids = [each for badge in badges for each in (badge.assertion_id, badge.award.registration_id)]
    found = tables_with(url, *VALUES)
    kept = ("erased", "inbox", "announced", "outbox")
    return found | {table: said for table, said in tables_with(url, *ids).items() if table not in kept}


def accounts(wallet: Wallet) -> int:
    return int(rows_at(wallet.ports.store.url, "select count(*) from accounts")[0][0])


def rows(wallet: Wallet, *tables: str) -> dict[str, list[Any]]:
    return {table: rows_at(wallet.ports.store.url, f"select * from {table} order by 1, 2") for table in tables}


def live(wallet: Wallet, browser: httpx.Client, badge: AssertionIssued) -> None:
    """All that a holder can leave in the wallet: first at another address."""
    id = badge.assertion_id
    for events, address in (([badge], FORMER), ([moved(badge)], OWN)):
        wallet.consume(*events)
        with wallet.ports.store.transaction() as tx:
            tx.letters.ask("new-link", address, id, "ja")
        link = wallet.mailed_link("new-link", address)
    assert browser.post(link, data={"full_name": TYPED, "password": PASSWORD}).status_code == 200
    wallet.finish(id)
    browser.post(add_address(browser, wallet, SECOND))
    add_address(browser, wallet, "erased@third.example")
    browser.post(f"/badges/{id}/details", data={"details": "hidden"})
    ordered = browser.post(f"/badges/{id}/paper", data={**ADDRESS, "item": "certificate"})
    assert ordered.url.params["ordered"]
    account = account_of(wallet, OWN)
    with wallet.ports.store.transaction() as tx:
        tx.passkeys.add(b"id", account.account_id, b"", 0, NAME)
        tx.letters.ask("reset-password", SECOND, None, "ja")
    letters.write_asked(wallet.ports)
    wallet.consume(begun(badge))
    with wallet.ports.store.transaction() as tx:
        tx.letters.ask("reset-password", SECOND.upper(), None, "ja")
    page = browser.post(f"/badges/{id}/offer")
    assert page.status_code == 200


@pytest.mark.parametrize("first", ["person", "credentials"])
def test_nothing_stays_of_a_holder_who_left_all_that_can_be_left_and_nobody_else_is_touched(
    wallet: Wallet, first: str
) -> None:
    badge, other = badge_of_theirs(FORMER), anybody(OTHER)
    with wallet.browser() as browser, wallet.browser() as neighbour, wallet.browser() as stranger:
        wallet.consume(other)
        join(neighbour, wallet, other.assertion_id)
        wallet.finish(other.assertion_id)
        neighbour.post(
            f"/badges/{other.assertion_id}/paper",
            data={**ADDRESS, "item": "card", "line": "大阪市1-2", "phone": "06-1"},
        )
        tables = ("accounts", "addresses", "badges", "progress", "paper_orders", "paper_items", "sessions", "devices")
        before, letters_before = rows(wallet, *tables), wallet.letters("paper-received", OTHER)
        live(wallet, browser, badge)
        assert {*holds(wallet, badge)} >= {"badges", "accounts", "addresses", "paper_orders", "mail_links", "outbox"}
        told = len(wallet.letters("account-notice"))
        both: list[Event] = [erased(badge), credentials_erased(badge)]
        wallet.consume(*(both if first == "person" else both[::-1]))
        assert holds(wallet, badge) == {}
        assert rows(wallet, *tables) == before
        others = ("mail_links", "asked_letters", "offers", "passkeys", "recoveries", "recalled", "challenges")
        assert rows(wallet, *others) == {table: [] for table in others}
        assert wallet.letters("account-notice") == [] and told > 0, "nobody is told by letter"
        assert wallet.letters("paper-received", OTHER) == letters_before
        assert [each for each in wallet.announced() if isinstance(each, DecisionSettled)] == [
            erased(badge).settled("wallet", wallet.clock())
        ]
        assert not is_in(browser) and is_in(neighbour)
        assert log_in(browser, OWN).status_code == 422
        for path in ("certificate.pdf", "credential.json", "badge.png", ""):
            answer = neighbour.get(f"/badges/{badge.assertion_id}/{path}".rstrip("/"))
            assert answer.status_code == 404, path
            assert browser.get(f"/badges/{badge.assertion_id}/{path}".rstrip("/")).url.path == "/login"
        link = wallet.link(badge.assertion_id)
        for answer in (stranger.get(link), stranger.post(link, data={"full_name": "x", "password": PASSWORD})):
            assert answer.status_code == 404
        assert stranger.post(f"{link}/new-link").status_code == 404
        assert browser.get("/export.zip").url.path == "/login"


def test_whatever_is_read_first_nothing_stays(wallet: Wallet) -> None:
    for number in range(10):
        badge = badge_of_theirs(FORMER)
        newer = replace(corrected(badge, email=OWN, family_name=NAME), holder=badge.holder)
        events: list[Event] = [
            badge,
            newer,
            moved(badge),
            anchored(badge.assertion_id),
            rendered(badge.assertion_id),
            replace(revoked(newer.assertion_id), erased=True),
            replace(begun(badge), recovery_id=f"recovery-{number}"),
            replace(settled(badge), recovery_id=f"recovery-{number}"),
            replace(erased(badge), decision_id=f"erase-{number}"),
            replace(credentials_erased(badge, newer), decision_id=f"erase-{number}"),
        ]
        order = random.Random(number).sample(events, len(events))
        half = len(order) // 2
        wallet.consume(*order[:half])
        with wallet.browser() as browser:
            join(browser, wallet, badge.assertion_id, TYPED)
        wallet.consume(*order[half:])
        assert holds(wallet, badge, newer) == {}, order
        assert accounts(wallet) == 0, order


def test_what_was_noted_late_of_a_badge_that_was_never_known_is_gone_with_its_credential(wallet: Wallet) -> None:
    badge, other = badge_of_theirs(), anybody(OTHER)
    wallet.consume(erased(badge), anchored(badge.assertion_id), rendered(other.assertion_id))
    wallet.consume(badge)
    assert {*holds(wallet, badge)} == {"progress"}
    wallet.consume(credentials_erased(badge), rendered(badge.assertion_id))
    assert holds(wallet, badge) == {}
    assert len(rows(wallet, "progress")["progress"]) == 1


# ── accounts that are shared, or stand apart ────────────────────────────────────────────────────────────


def test_an_account_that_received_somebody_elses_badge_too_stays_with_all_that_is_not_of_the_erased(
    wallet: Wallet,
) -> None:
    theirs, other = badge_of_theirs(), anybody(OTHER)
    with wallet.browser() as browser:
        wallet.consume(other)
        join(browser, wallet, other.assertion_id, "見本 花子")
        browser.post(add_address(browser, wallet, OWN))
        before = rows(wallet, "accounts", "addresses", "badges", "devices", "mail_links")
        wallet.consume(theirs)
        browser.post(f"/badges/{theirs.assertion_id}/receive")
        wallet.finish(theirs.assertion_id)
        browser.post(f"/badges/{theirs.assertion_id}/offer")
        browser.post(f"/badges/{theirs.assertion_id}/paper", data={**ADDRESS, "item": "card"})
        wallet.consume(erased(theirs))
        assert {*holds(wallet, theirs)} <= {"addresses", "mail_links"}, "an address that another holder has proven"
        assert rows(wallet, *before) == before
        [told] = [each.detail for each in wallet.announced() if isinstance(each, DecisionSettled)]
        assert told == "1 accounts stay: they have badges of others", "the office answers the person"
        assert is_in(browser)
        assert browser.get(f"/badges/{theirs.assertion_id}").status_code == 404
        assert browser.post(f"/badges/{theirs.assertion_id}/offer").status_code == 404
        assert browser.get(f"/badges/{other.assertion_id}").status_code == 200
        assert theirs.assertion_id.encode() not in browser.get("/export.zip").content


def test_an_account_with_badges_of_several_registrations_of_the_erased_is_theirs(wallet: Wallet) -> None:
    first, second = badge_of_theirs(), badge_of_theirs(SECOND)
    with wallet.browser() as browser:
        wallet.consume(first, second)
        join(browser, wallet, first.assertion_id, TYPED)
        browser.post(add_address(browser, wallet, SECOND))
        browser.post(f"/badges/{second.assertion_id}/receive")
        wallet.consume(erased(first, second))
        assert accounts(wallet) == 0 and holds(wallet, first, second) == {}


@pytest.mark.parametrize("has_other", [False, True], ids=["with nothing else", "with somebody else's badge"])
def test_a_badge_that_nobody_received_ends_the_account_at_its_address_if_that_is_nobody_elses(
    wallet: Wallet, has_other: bool
) -> None:
    former, theirs = anybody(OWN, "P-OTHER"), badge_of_theirs()
    with wallet.browser() as browser:
        wallet.consume(former)
        join(browser, wallet, former.assertion_id, TYPED)
        account = account_of(wallet, OWN)
        if not has_other:  # as after a lost mailbox, when the badges moved to another account
            with wallet.ports.store.transaction() as tx:
                into = tx.accounts.create("見本", "hash", OTHER)
                assert into is not None
                tx.badges.give_persons("P-OTHER", into)
        wallet.consume(theirs, erased(theirs))
        with wallet.ports.store.transaction() as tx:
            assert (tx.accounts.get(account.account_id) is not None) == has_other
            kept = tx.badges.get(former.assertion_id)
        assert kept is not None and kept.account_id is not None
        assert is_in(browser) == has_other


# ── at the same moment ──────────────────────────────────────────────────────────────────────────────────

FORMS = {
    "/account/addresses": {"current": PASSWORD, "email": "new@example.jp"},
    "/account/passkeys/options": {},
    "/account/password": {"current": PASSWORD, "password": "yaki-imo 43 enpitsu"},
    "/badges/{badge}/details": {"details": "hidden"},
    "/badges/{badge}/offer": {},
    "/badges/{badge}/paper": {**ADDRESS, "item": "card"},
    "/badges/{waiting}/receive": {},
    "/login": {"email": OWN, "password": PASSWORD},
    "{link}": {"password": PASSWORD},
}


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_was_sent_before_is_answered_as_for_a_deleted_account_and_leaves_nothing(
    wallet: Wallet, path: str
) -> None:
    badge, waiting = badge_of_theirs(), badge_of_theirs()
    with wallet.browser() as browser:
        wallet.consume(badge, waiting)
        join(browser, wallet, badge.assertion_id, TYPED)
        wallet.finish(badge.assertion_id)
        if path == "{link}":
            browser.post("/logout")
        to = path.format(badge=badge.assertion_id, waiting=waiting.assertion_id, link=wallet.link(waiting.assertion_id))
        event = erased(badge, waiting)
        answer = meanwhile(
            wallet,
            lambda tx: _erase(tx, event),
            lambda: browser.post(to, data=FORMS[path], follow_redirects=False),
        )
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next="), answer.text
        assert holds(wallet, badge, waiting) == {} and accounts(wallet) == 0
        assert not is_in(browser)


def test_an_account_that_is_made_by_a_link_meanwhile_is_not_made(wallet: Wallet) -> None:
    badge = badge_of_theirs()
    wallet.consume(badge)
    with wallet.browser() as browser:
        answer = meanwhile(
            wallet, lambda tx: _erase(tx, erased(badge)), lambda: join(browser, wallet, badge.assertion_id, TYPED)
        )
    assert answer.status_code == 404
    assert accounts(wallet) == 0 and holds(wallet, badge) == {}


@pytest.mark.parametrize("what", ["an account is made", "a badge is received", "the office orders paper"])
def test_what_is_under_way_is_waited_for_and_erased(wallet: Wallet, what: str) -> None:
    badge, waiting = badge_of_theirs(), badge_of_theirs()
    with wallet.browser() as browser, ThreadPoolExecutor(2) as threads:
        wallet.consume(badge, waiting)
        if what != "an account is made":
            join(browser, wallet, badge.assertion_id, TYPED)
            wallet.finish(badge.assertion_id)
        acts: dict[str, Callable[[], object]] = {
            "an account is made": lambda: join(browser, wallet, badge.assertion_id, TYPED).raise_for_status(),
            "a badge is received": lambda: browser.post(f"/badges/{waiting.assertion_id}/receive"),
            "the office orders paper": lambda: _order(wallet, badge),
        }
        with wallet.ports.store.transaction() as tx:  # half way through each act
            tx.badges.lock_versions([badge.award.registration_id, waiting.award.registration_id])
            acting = threads.submit(acts[what])
            _until_waiting(wallet, 1)
            erasing = threads.submit(wallet.consume, erased(badge, waiting))
            _until_waiting(wallet, 2)
        acting.result(30)
        erasing.result(30)
        assert accounts(wallet) == 0 and holds(wallet, badge, waiting) == {}
        assert not is_in(browser)


def _until_waiting(wallet: Wallet, transactions: int) -> None:
    """Until so many wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    while rows_at(wallet.ports.store.url, waiting)[0][0] < transactions:
        pass


def _order(wallet: Wallet, badge: AssertionIssued) -> object:
    return paper.order_by_office(badge.assertion_id, ["card"], PostalAddress(**ADDRESS), wallet.ports)


@pytest.mark.parametrize("what", ["letter", "order of the office"])
def test_what_others_ask_for_meanwhile_leaves_nothing(wallet: Wallet, what: str) -> None:
    badge = badge_of_theirs()
    wallet.consume(badge)
    with wallet.browser() as browser:
        join(browser, wallet, badge.assertion_id, TYPED)
        wallet.finish(badge.assertion_id)
    with wallet.ports.store.transaction() as tx:
        tx.letters.ask("reset-password", OWN, None, "ja")
    wallet.relay()

    def act() -> None:
        if what == "letter":
            letters.write_asked(wallet.ports)
            return
        with pytest.raises(NotFound):
            _order(wallet, badge)

    meanwhile(wallet, lambda tx: _erase(tx, erased(badge)), act)
    assert holds(wallet, badge) == {}


def _erase(tx: WalletTransaction, event: PersonErased) -> None:
    for each in tx.claim_erasures([event]):
        found = tx.erase_rows(each.registration_ids, ())
        tx.erase(each.decision_id, [*each.registration_ids, *found.assertion_ids], found.addresses)


# ── cut off, and restored ───────────────────────────────────────────────────────────────────────────────


def test_an_erasure_that_is_cut_off_is_done_whole_the_next_time_and_once(wallet: Wallet) -> None:
    badge = badge_of_theirs(FORMER)
    with wallet.browser() as browser:
        live(wallet, browser, badge)
        with pytest.raises(ZeroDivisionError), wallet.ports.store.transaction() as tx:
            _erase(tx, erased(badge))
            raise ZeroDivisionError
        assert is_in(browser) and holds(wallet, badge)
        for _ in range(2):
            wallet.consume(erased(badge), credentials_erased(badge))
            assert holds(wallet, badge) == {}
    assert sum(isinstance(each, DecisionSettled) for each in wallet.announced()) == 1


@pytest.mark.parametrize("is_known", [True, False], ids=["the backup knows them", "the backup is empty"])
def test_a_restored_wallet_erases_again_and_takes_nothing_of_them_back(wallet: Wallet, is_known: bool) -> None:
    badge, other = badge_of_theirs(FORMER), anybody(OTHER)
    backup = back_up(wallet.ports.store)
    with wallet.browser() as browser:
        live(wallet, browser, badge)
        if is_known:
            backup = back_up(wallet.ports.store)
            browser.post(f"/badges/{badge.assertion_id}/details", data={"details": "shown"})
            browser.post(f"/badges/{badge.assertion_id}/paper", data={**ADDRESS, "item": "card"})
    facts = announced(wallet.ports.store)  # Kafka has them still
    wallet.consume(erased(badge), credentials_erased(badge))
    facts += [fact for fact in announced(wallet.ports.store) if fact.value and fact not in facts]
    recalls = build(config(wallet.ports.store.url, wallet.clock), wallet.ports)._recalls
    read_again: list[Event] = [
        badge,
        moved(badge),
        rendered(badge.assertion_id),
        anchored(badge.assertion_id),
        replace(revoked(badge.assertion_id), erased=True),
        erased(badge),
        credentials_erased(badge),
        other,
    ]
    for number in range(6):
        backup.restore()
        take_back(wallet.ports.store, recalls, facts)
        wallet.consume(*random.Random(number).sample(read_again, len(read_again)))
        assert accounts(wallet) == 0
        left = holds(wallet, badge)
        if not is_known:  # letters to addresses that only the lost account had, until they are forgotten as all are
            assert not {OWN, FORMER, *VALUES[4:9]} & set(left.pop("announced", []))
        assert left == {}
        assert [row[0] for row in rows(wallet, "badges")["badges"]] == [other.assertion_id]
        with wallet.browser() as browser:
            assert browser.get(wallet.link(badge.assertion_id)).status_code == 404
