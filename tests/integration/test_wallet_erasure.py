"""A person is erased in the wallet: badges, orders, accounts, and what was shared; on a real PostgreSQL.

Tests services/wallet: erasure, store/erasure.
"""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from services.wallet.app import build
from shared.events import Event
from shared.office_events import DecisionSettled
from tests.worlds.paper import ADDRESS
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.wallet import (
    PASSWORD,
    Wallet,
    account_of,
    add_address,
    anchored,
    config,
    corrected,
    is_in,
    join,
    log_in,
    rendered,
    revoked,
)
from tests.worlds.wallet_erased import (
    FORMER,
    NAME,
    OTHER,
    OWN,
    SECOND,
    TYPED,
    VALUES,
    accounts,
    anybody,
    badge_of_theirs,
    begun,
    credentials_erased,
    erase,
    erased,
    holds,
    live,
    moved,
    rows,
    settled,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)


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


# ── cut off, and restored ───────────────────────────────────────────────────────────────────────────────


def test_an_erasure_that_is_cut_off_is_done_whole_the_next_time_and_once(wallet: Wallet) -> None:
    badge = badge_of_theirs(FORMER)
    with wallet.browser() as browser:
        live(wallet, browser, badge)
        with pytest.raises(ZeroDivisionError), wallet.ports.store.transaction() as tx:
            erase(tx, erased(badge))
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
