"""An address that changed after the issue: the badge is received there, by a link that opens nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from services.wallet.store import WalletTransaction
from shared.events import AddressCorrected, AssertionIssued
from shared.links import receive_token
from shared.recovery_events import AddressRecoverySettled
from tests.worlds.consumer import note
from tests.worlds.wallet import (
    PASSWORD,
    SECRET,
    START,
    Wallet,
    account_of,
    add_address,
    address_id,
    corrected,
    is_in,
    issued,
    join,
    log_in,
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


@pytest.mark.parametrize("first", ["address", "badge"])
def test_a_badge_and_its_new_address_that_are_noted_at_the_same_time_find_each_other(
    wallet: Wallet, first: str
) -> None:
    """As after a restore, when both topics are read again."""
    badge = issued(f"{first}-first@example.jp", "gishi", "髙橋")

    def note_badge(tx: WalletTransaction) -> None:  # as `handlers.note_issued`
        tx.badges.await_addresses()
        tx.badges.save_issued([badge])

    if first == "address":
        meanwhile(wallet, lambda tx: tx.note_addresses([moved(badge)]), lambda: wallet.consume(badge))
    else:
        meanwhile(wallet, note_badge, lambda: arrive(wallet, moved(badge)))
    with wallet.browser() as browser:
        assert browser.get(link(badge, 0)).status_code == 410
        assert NEW in browser.get(link(badge, 1)).text


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


# ── received, and without an account ────────────────────────────────────────────────────────────────────


def recovered(badge: AssertionIssued, to: str, former: str) -> AddressRecoverySettled:
    return AddressRecoverySettled(
        recovery_id=f"recovery/{badge.assertion_id}",
        person_id=badge.holder.person_id,
        registration_id=badge.award.registration_id,
        outcome="moved",
        email=to,
        former_email=former,
        begun_at=START,
        settled_at=START,
    )


@pytest.mark.parametrize("event", ["the badge moves", "the account moves", "the account goes"])
def test_a_received_badge_whose_account_was_deleted_is_of_the_account_that_has_its_address_and_obeys_it(
    wallet: Wallet, event: str
) -> None:
    gone, kept = f"gone{len(event)}@example.jp", f"kept{len(event)}@example.jp"
    person = f"P-{event}"
    badge, own = (replace(it, holder=replace(it.holder, person_id=person)) for it in (at(gone), at(kept)))
    wallet.consume(badge, own)
    with wallet.browser() as browser, wallet.browser() as holder:
        join(browser, wallet, badge.assertion_id)
        wallet.finish(badge.assertion_id)
        join(holder, wallet, own.assertion_id)
        if event == "the account goes":
            arrive(wallet, moved(badge, kept))  # while the other account still has it
        assert browser.post("/account/delete", data={"word": "削除", "current": PASSWORD}).url.params["deleted"] == "1"
        if event == "the badge moves":
            arrive(wallet, moved(badge, kept))
        elif event == "the account moves":
            wallet.consume(recovered(own, gone, kept))
            log_in(holder, gone)
        page = holder.get(f"/badges/{badge.assertion_id}")
        assert "番号を公開しない" in page.text.replace("<wbr>", "")
        page = holder.post(f"/badges/{badge.assertion_id}/details", data={"details": "hidden"})
        assert "変更しました" in page.text and "番号は公開していません" in page.text
    with wallet.ports.store.transaction() as tx:
        found, account = (
            tx.badges.get(badge.assertion_id),
            tx.accounts.by_address(gone if "account m" in event else kept),
        )
    assert found is not None and account is not None and wallet.received(badge.assertion_id) == 1
    assert (found.account_id, found.account_deleted_at, found.details_public) == (account.account_id, None, False)


def at(email: str) -> AssertionIssued:
    return issued(email, "gishi", "髙橋")


def test_an_account_that_is_made_at_an_address_and_one_that_moves_there_at_once_are_one(wallet: Wallet) -> None:
    former, fresh = "leaves@example.jp", "arrives@example.jp"
    own, other = (replace(it, holder=replace(it.holder, person_id="P-both")) for it in (at(former), at(fresh)))
    wallet.consume(own, other)
    made: list[int] = []

    def make(tx: WalletTransaction) -> None:
        account_id = tx.accounts.create("髙橋太郎", "a hash", fresh)
        assert account_id is not None
        made.append(account_id)

    with wallet.browser() as browser:
        join(browser, wallet, own.assertion_id)
        meanwhile(
            wallet,
            make,
            lambda: wallet.consume(recovered(own, fresh, former)),
            lambda tx: tx.badges.receive(other.assertion_id, made[0]),
        )
    with wallet.ports.store.transaction() as tx:
        found = [tx.badges.get(each.assertion_id) for each in (own, other)]
    assert [each and each.account_id for each in found] == made * 2


# ── a link to a new password ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("end", ["removed", "removed while the form is sent", "lost"])
def test_a_link_to_a_new_password_opens_nothing_once_its_address_is_not_the_accounts(wallet: Wallet, end: str) -> None:
    primary, further = f"{end[-4:]}1@example.jp", f"{end[-4:]}2@example.jp"
    badge = at(primary)
    wallet.consume(replace(badge, holder=replace(badge.holder, person_id=f"P-{end}")))
    with wallet.browser() as owner, wallet.browser() as reader:
        join(owner, wallet, badge.assertion_id)
        owner.post(add_address(owner, wallet, further))
        mailbox = primary if end == "lost" else further
        reader.post("/forgot", data={"email": mailbox})
        link, data = wallet.mailed_link("reset-password", mailbox), {"password": "plum wagon velvet ninety"}
        account = account_of(wallet, primary)
        if end == "removed while the form is sent":

            def remove(tx: WalletTransaction) -> None:
                tx.accounts.hold(account)
                assert tx.accounts.remove_address(account.account_id, int(address_id(owner)))

            assert meanwhile(wallet, remove, lambda: reader.post(link, data=data)).status_code == 410
        elif end == "removed":
            owner.post(f"/account/addresses/{address_id(owner)}", data={"act": "remove", "current": PASSWORD})
        else:
            wallet.consume(recovered(replace(badge, holder=replace(badge.holder, person_id=f"P-{end}")), NEW, primary))
        assert reader.get(link).status_code == reader.post(link, data=data).status_code == 410
        assert not is_in(reader) and is_in(owner)
