"""An address that changed after the issue: the badge is received there, by a link that opens nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.wallet.store import WalletTransaction
from shared.events import AddressCorrected, AssertionIssued
from shared.links import receive_token
from tests.worlds.consumer import note
from tests.worlds.wallet import (
    PASSWORD,
    SECRET,
    START,
    Wallet,
    corrected,
    is_in,
    join,
    meanwhile,
    running_wallet,
    wallet_database,
)

NEW = "new@example.jp"


def moved(badge: AssertionIssued, to: str = NEW, revision: int = 1) -> AddressCorrected:
    return AddressCorrected(
        registration_id=badge.award.registration_id,
        cohort="2026",
        email=to,
        version=badge.version,
        revision=revision,
        corrected_at=START,
    )


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        yield wallet


def arrive(wallet: Wallet, *events: AddressCorrected) -> None:
    note(wallet.ports.store, WalletTransaction.note_addresses, events)


def link(badge: AssertionIssued, revision: int) -> str:
    return f"/receive/{badge.assertion_id}/{receive_token(SECRET, badge.assertion_id, revision)}"


def test_the_link_in_the_former_mailbox_opens_nothing_and_the_new_one_makes_the_account_of_the_new_address(
    wallet: Wallet,
) -> None:
    badge = wallet.issue("former@example.jp")
    arrive(wallet, moved(badge))
    with wallet.browser() as browser:
        for answer in (browser.get(link(badge, 0)), browser.post(link(badge, 0), data={"full_name": "x"})):
            assert answer.status_code == 410 and "former" not in answer.text and NEW not in answer.text
        assert wallet.received(badge.assertion_id) == 0
        assert browser.get(link(badge, 5)).status_code == 404
        page = browser.get(link(badge, 1))
        assert page.status_code == 200 and NEW in page.text and "former@example.jp" not in page.text


@pytest.mark.parametrize("state", ["account", "login", "receive"])
def test_an_address_that_changes_while_the_form_is_sent_takes_the_badge_with_it(wallet: Wallet, state: str) -> None:
    former = f"{state}@example.jp"
    with wallet.browser() as browser:
        if state != "account":
            join(browser, wallet, wallet.issue(former).assertion_id)
        if state == "login":
            browser.post("/logout")
        badge = wallet.issue(former)
        answer = meanwhile(
            wallet,
            lambda tx: tx.note_addresses([moved(badge, f"new-{former}")]),
            lambda: join(browser, wallet, badge.assertion_id),
        )
        assert answer.status_code == 410 and is_in(browser) is (state == "receive")
    with wallet.ports.store.transaction() as tx:
        at_badge = tx.badges.get(badge.assertion_id)
        assert (tx.accounts.by_address(former) is None) is (state == "account"), "no account is left of it"
    assert at_badge is not None and at_badge.account_id is None and wallet.received(badge.assertion_id) == 0


def test_a_letter_that_comes_before_the_event_waits_and_a_later_version_says_its_own_address(wallet: Wallet) -> None:
    badge = wallet.issue("early@example.jp")
    with wallet.browser() as browser:
        assert browser.get(link(badge, 1)).status_code == 503
        arrive(wallet, moved(badge, "late@example.jp"))
        assert browser.get(link(badge, 1)).status_code == 200
        later = corrected(badge, "third@example.jp")
        wallet.consume(later)
        assert "third@example.jp" in browser.get(link(later, 0)).text


def test_an_address_that_comes_before_its_badge_counts(wallet: Wallet) -> None:
    badge = corrected(wallet.issue("one@example.jp"))
    arrive(wallet, moved(badge, "two@example.jp"))
    wallet.consume(badge)
    with wallet.browser() as browser:
        assert "two@example.jp" in browser.get(link(badge, 1)).text and browser.get(link(badge, 0)).status_code == 410


def test_who_received_the_badge_is_led_to_it_by_the_link_of_a_letter_in_the_former_mailbox(wallet: Wallet) -> None:
    badge = wallet.issue("holder@example.jp")
    with wallet.browser() as browser, wallet.browser() as stranger:
        join(browser, wallet, badge.assertion_id)
        arrive(wallet, moved(badge, "holder.now@example.jp"))
        for number in (0, 1):
            assert browser.get(link(badge, number)).url.path == f"/badges/{badge.assertion_id}"
            page = stranger.get(link(badge, number))
            assert page.url.path == "/login" and page.url.params["next"] == f"/badges/{badge.assertion_id}"
            assert "holder" not in page.text
        answer = stranger.post(link(badge, 0), data={"password": PASSWORD})
        assert answer.url.path == "/login", "the address in the letter may be somebody else's by now"
