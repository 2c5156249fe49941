"""A wallet whose database is restored to before receipts and decisions that it announced.

Tests services/wallet: store, handlers, receive_link.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.wallet.app import build
from shared.events import AssertionIssued, BadgeReceived, BadgeVisibilityChanged, Event
from shared.letter_events import AccountLetterRequested
from tests.worlds.recalled import Backup, Fact, announced, back_up, take_back
from tests.worlds.wallet import (
    PASSWORD,
    START,
    Wallet,
    add_address,
    address_id,
    anchored,
    config,
    corrected,
    is_in,
    issued,
    join,
    log_in,
    rendered,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)

NEW = "plum wagon velvet ninety"


def restore(wallet: Wallet, backup: Backup) -> None:
    """Go back to `backup`, and start: own facts are taken back before anything else."""
    facts = announced(wallet.ports.store)
    backup.restore()
    start(wallet, facts)


def start(wallet: Wallet, facts: list[Fact]) -> int:
    process = build(config(wallet.ports.store.url, wallet.clock), wallet.ports)
    return take_back(wallet.ports.store, process._recalls, facts)


def badges(wallet: Wallet, columns: str = "*") -> list[Any]:
    with wallet.ports.store.transaction() as tx:
        return tx.cursor.execute(f"select {columns} from badges order by assertion_id").fetchall()


def outbox(wallet: Wallet, assertion_id: str) -> list[Event]:
    """What was announced after the restore: the backup was made when the outbox was empty."""
    return [event for event in wallet.announced() if event.key == assertion_id]


def published(wallet: Wallet) -> None:
    with wallet.ports.store.transaction() as tx:
        tx.cursor.execute("delete from outbox")


def hide(wallet: Wallet, browser: Any, assertion_id: str, details: str = "hidden") -> None:
    assert browser.post(f"/badges/{assertion_id}/details", data={"details": details}).status_code == 200


def details(wallet: Wallet, assertion_id: str) -> list[tuple[bool, int]]:
    return [
        (event.details_public, event.revision)
        for event in outbox(wallet, assertion_id)
        if isinstance(event, BadgeVisibilityChanged)
    ]


def all_events(badge: AssertionIssued) -> list[Event]:
    return [badge, rendered(badge.assertion_id), anchored(badge.assertion_id)]


@pytest.mark.parametrize("is_known", [True, False], ids=["badge in the backup", "badge only re-read"])
@pytest.mark.parametrize("backward", [False, True])
def test_who_makes_the_account_again_finds_the_badge_received_and_it_is_not_announced_again(
    wallet: Wallet, is_known: bool, backward: bool
) -> None:
    badge = issued("a@example.jp", "gishi", "髙橋")
    before = back_up(wallet.ports.store)
    wallet.consume(badge)
    published(wallet)
    if is_known:
        before = back_up(wallet.ports.store)
    with wallet.browser() as browser:
        join(browser, wallet, badge.assertion_id)
        wallet.finish(badge.assertion_id)
        hide(wallet, browser, badge.assertion_id)
        hide(wallet, browser, badge.assertion_id, "shown")
        hide(wallet, browser, badge.assertion_id)
    [row] = badges(wallet, "received_at, details_public, visibility_revision")

    wallet.clock.now = START + timedelta(hours=5)
    restore(wallet, before)
    events = all_events(badge)
    wallet.consume(*(reversed(events) if backward else events))

    assert badges(wallet, "received_at, details_public, visibility_revision") == [row]
    assert badges(wallet, "account_id") == [(None,)]
    with wallet.browser() as browser:
        assert "アカウントを" in browser.get(wallet.link(badge.assertion_id)).text
        page = join(browser, wallet, badge.assertion_id)
        assert page.url.path == f"/badges/{badge.assertion_id}"
        assert "有効</span>" in page.text
        assert "番号は公開していません" in page.text
        assert outbox(wallet, badge.assertion_id) == []
        hide(wallet, browser, badge.assertion_id, "shown")
        assert details(wallet, badge.assertion_id) == [(True, 4)]
        assert badges(wallet, "received_at") == [(row[0],)]


def test_a_receipt_taken_back_goes_to_the_account_that_the_backup_has(wallet: Wallet) -> None:
    first, second, third = (issued("a@example.jp", kind, "髙橋") for kind in ("gishi", "shindanshi", "shunin-gishi"))
    with wallet.browser() as browser:
        wallet.consume(first, second)
        join(browser, wallet, first.assertion_id)
        published(wallet)
        before = back_up(wallet.ports.store)
        wallet.consume(third)
        for badge in (second, third):
            browser.post(f"/badges/{badge.assertion_id}/receive")
            wallet.finish(badge.assertion_id)
        hide(wallet, browser, third.assertion_id)
        whole = badges(wallet)
        restore(wallet, before)
        wallet.consume(*all_events(third), *all_events(second))
        assert badges(wallet) == whole
        assert wallet.announced() == []
        assert browser.get(wallet.link(third.assertion_id)).url.path == f"/badges/{third.assertion_id}", "logged in"
        assert browser.post(f"/badges/{second.assertion_id}/receive").status_code == 200
        assert wallet.announced() == []


def test_all_that_was_received_at_the_address_comes_with_the_account_made_by_one_link(wallet: Wallet) -> None:
    first, second, late = (issued("a@example.jp", kind, "髙橋") for kind in ("gishi", "shindanshi", "shunin-gishi"))
    other = issued("b@example.jp", "gishi", "見本")
    before = back_up(wallet.ports.store)
    wallet.consume(first, second, late, other)
    with wallet.browser() as browser, wallet.browser() as stranger:
        join(browser, wallet, first.assertion_id)
        join(stranger, wallet, other.assertion_id)
        for badge in (second, late):
            browser.post(f"/badges/{badge.assertion_id}/receive")
    restore(wallet, before)
    wallet.consume(first, second, other)
    with wallet.browser() as browser:
        join(browser, wallet, first.assertion_id)
        wallet.consume(late)
        for badge in (second, late):
            wallet.finish(badge.assertion_id)
            hide(wallet, browser, badge.assertion_id)
            assert details(wallet, badge.assertion_id) == [(False, 1)]
        assert "3個" in browser.get("/badges").text
        assert browser.get(f"/badges/{other.assertion_id}").status_code == 404
    assert not [event for event in wallet.announced() if isinstance(event, BadgeReceived)]


def test_taking_back_twice_and_after_the_badge_was_read_changes_nothing(wallet: Wallet) -> None:
    badge = issued("a@example.jp", "gishi", "髙橋")
    empty = back_up(wallet.ports.store)
    wallet.consume(badge)
    with wallet.browser() as browser:
        join(browser, wallet, badge.assertion_id)
        wallet.finish(badge.assertion_id)
        for choice in ("hidden", "shown", "hidden"):
            hide(wallet, browser, badge.assertion_id, choice)
    facts = announced(wallet.ports.store)
    empty.restore()
    wallet.consume(badge)
    process = build(config(wallet.ports.store.url, wallet.clock), wallet.ports)

    def taken(facts: Sequence[Fact]) -> Any:
        with wallet.ports.store.transaction() as tx:
            for kind, recall in process._recalls.items():
                recall(tx, [fact.event for fact in facts if type(fact.event) is kind])
        return badges(wallet)

    once = taken(facts)
    assert taken([*facts, *facts]) == once  # each is on its topic twice
    assert taken(facts[:2]) == once  # an older decision does not replace a newer one
    assert start(wallet, facts) == 4
    assert start(wallet, facts) == 0
    assert badges(wallet) == once
    assert badges(wallet, "received_at, details_public, visibility_revision") == [(START, False, 3)]


@pytest.mark.parametrize("account_again", [False, True])
def test_a_correction_after_the_restore_finds_the_badge_received_and_its_numbers_hidden(
    wallet: Wallet, account_again: bool
) -> None:
    old = issued("a@example.jp", "gishi", "髙橋")
    before = back_up(wallet.ports.store)
    wallet.consume(old)
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        wallet.finish(old.assertion_id)
        hide(wallet, browser, old.assertion_id)
    restore(wallet, before)
    wallet.consume(old)
    new = corrected(old)
    with wallet.browser() as browser:
        if account_again:
            join(browser, wallet, old.assertion_id)
        for _ in range(2):
            wallet.consume(new, revoked(old.assertion_id, new.assertion_id))
        assert wallet.received(new.assertion_id) == 1
        assert details(wallet, new.assertion_id) == [(False, 1)]
        wallet.finish(new.assertion_id)
        if not account_again:
            page = browser.get(wallet.link(old.assertion_id))
            assert page.url.path == wallet.link(new.assertion_id)
            join(browser, wallet, new.assertion_id)
        assert "番号は公開していません" in browser.get(f"/badges/{new.assertion_id}").text
    assert wallet.received(new.assertion_id) == 1
    assert outbox(wallet, old.assertion_id) == []


@pytest.mark.parametrize("backward", [False, True])
def test_a_correction_before_the_restore_is_carried_over_once(wallet: Wallet, backward: bool) -> None:
    old = issued("a@example.jp", "gishi", "髙橋")
    new = corrected(old)
    before = back_up(wallet.ports.store)
    wallet.consume(old)
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        wallet.finish(old.assertion_id)
        hide(wallet, browser, old.assertion_id)
        wallet.consume(new)
    columns = "assertion_id, received_at, details_public, visibility_revision"
    whole = badges(wallet, columns)
    wallet.clock.now = START + timedelta(hours=5)
    restore(wallet, before)
    wallet.consume(*((new, old) if backward else (old, new)))
    assert badges(wallet, columns) == whole
    assert wallet.announced() == []
    with wallet.browser() as browser:
        join(browser, wallet, new.assertion_id)
        assert "1個" in browser.get("/badges").text
    assert wallet.announced() == []
    with wallet.browser() as browser:
        assert browser.post("/login", data={"email": "a@example.jp", "password": PASSWORD}).url.path == "/badges"


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────


def move(browser: httpx.Client, wallet: Wallet, address: str) -> None:
    """A second address, which becomes the primary one."""
    browser.post(add_address(browser, wallet, address))
    change = {"act": "primary", "current": PASSWORD}
    assert browser.post(f"/account/addresses/{address_id(browser)}", data=change).url.path == "/account"


def delete(browser: httpx.Client) -> None:
    assert browser.post("/account/delete", data={"word": "削除", "current": PASSWORD}).status_code == 200


@pytest.mark.parametrize("moved", [False, True], ids=["at its address", "at one that the backup lacks"])
def test_a_restore_brings_no_deleted_account_back(wallet: Wallet, moved: bool) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        before = back_up(wallet.ports.store)
        if moved:
            move(browser, wallet, "b@example.jp")
        delete(browser)
        restore(wallet, before)
        assert not is_in(browser)
        log_in(browser, "a@example.jp")
        assert not is_in(browser)
        browser.post(f"{wallet.link(badge)}/new-link")
        again = {"full_name": "髙橋", "password": PASSWORD}
        browser.post(wallet.mailed_link("new-link"), data=again)
        assert is_in(browser)
        assert start(wallet, announced(wallet.ports.store)) == 0
        assert is_in(browser), "an account that was made later is another one"


@pytest.mark.parametrize("moved", [False, True], ids=["at its address", "at one that the backup lacks"])
def test_after_a_restore_the_password_from_before_its_change_opens_nothing(wallet: Wallet, moved: bool) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        before = back_up(wallet.ports.store)
        if moved:
            move(browser, wallet, "b@example.jp")
        browser.post("/account/password", data={"current": PASSWORD, "password": NEW})
        restore(wallet, before)
        assert not is_in(browser)
        assert [log_in(browser, "a@example.jp", each).status_code for each in (PASSWORD, NEW)] == [422, 422]
        browser.post("/forgot", data={"email": "a@example.jp"})
        assert browser.post(wallet.mailed_link("reset-password"), data={"password": NEW}).url.path == "/badges"


def test_what_is_taken_back_is_of_the_account_that_was_told_and_not_of_who_had_its_address_before(
    wallet: Wallet,
) -> None:
    one, other = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as former:
        join(browser, wallet, one)
        join(former, wallet, other)
        former.post(add_address(former, wallet, "c@example.jp"))
        before = back_up(wallet.ports.store)
        former.post(f"/account/addresses/{address_id(former)}", data={"act": "remove", "current": PASSWORD})
        move(browser, wallet, "c@example.jp")
        delete(browser)
        restore(wallet, before)
        assert [is_in(browser), is_in(former)] == [False, True]


@pytest.mark.parametrize("is_numbered", [True, False], ids=["by its number", "of an earlier release, by its address"])
def test_a_notice_tells_of_no_account_that_was_made_since(wallet: Wallet, is_numbered: bool) -> None:
    """After a restore the numbers of accounts begin again: a later restore finds notices of others with them."""
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        for made_at, opens in ((START + timedelta(seconds=1), True), (START, False)):
            wallet.clock.now = made_at
            join(browser, wallet, badge)
            with wallet.ports.store.transaction() as tx:
                number = tx.fetch_value("update accounts set created_at = %s returning account_id", (made_at,))
                told = AccountLetterRequested(
                    letter_id="1",
                    letter="account-notice",
                    recipient="a@example.jp",
                    facts={"name": "髙橋", "what": "account-deleted", "at": "2026-04-01"},
                    requested_at=START,
                    account_id=number if is_numbered else None,
                )
                tx.take_back_letters([told])
            assert is_in(browser) is opens


def test_a_new_link_is_mailed_after_a_restore_whatever_was_asked_for_since_the_backup(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    published(wallet)
    before = back_up(wallet.ports.store)
    with wallet.browser() as browser:
        browser.post("/new-link", data={"email": "a@example.jp"})
        assert len(wallet.letters("new-link")) == 1
        restore(wallet, before)
        wallet.clock.now = START + timedelta(days=100)
        browser.post(f"{wallet.link(badge)}/new-link")
        page = browser.post(wallet.mailed_link("new-link"), data={"full_name": "髙橋", "password": PASSWORD})
        assert page.url.path == f"/badges/{badge}"
