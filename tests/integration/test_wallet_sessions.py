"""Who is logged in where: the holder sees and ends own sessions, the office those of a person or of everybody.

Tests services/wallet: account/sessions, account/sessions_office, office_orders, web/account, store/sessions; and
web/form_paths.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from services.wallet import office_orders
from services.wallet.store import Account, WalletTransaction
from shared.events import AssertionIssued
from shared.office_events import Decision, DecisionSettled, OfficeDecided
from tests.worlds.paper import ADDRESS
from tests.worlds.wallet import (
    PASSWORD,
    Wallet,
    account_of,
    add_address,
    corrected,
    is_in,
    issued,
    join,
    log_in,
    meanwhile,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)


def test_sessions_are_listed_with_their_devices_and_ended_one_by_one_or_all_with_the_password(wallet: Wallet) -> None:
    agents = {
        "Safari（iPhone）": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
        "Edge（Windows）": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/130.0 Safari/537 Edg/130.0",
    }
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as phone, wallet.browser() as office:
        join(browser, wallet, badge)
        assert "ほかにログインしている端末はありません" in browser.get("/account/sessions").text
        for each, agent in zip((phone, office), agents.values(), strict=True):
            each.headers["user-agent"] = agent
            log_in(each, "a@example.jp")
        wallet.clock.now += timedelta(minutes=30)
        is_in(phone)
        page = browser.get("/account").text
        assert all(name in page for name in agents) and "この端末" in page
        seen = page.index("Safari（iPhone）"), page.index("Edge（Windows）")
        assert seen[0] < seen[1], "the one seen last stands first"
        page = browser.get("/account/sessions").text
        ids = [value for part in page.split('name="session" value="')[1:] if (value := part.split('"')[0])]
        assert len(ids) == 2, "its own is not among them"
        for data in ({"session": ids[0]}, {"session": ids[0], "current": "wrong"}, {"current": ""}, {"session": ""}):
            refused = browser.post("/account/sessions", data=data)
            assert refused.status_code == 422 and 'aria-invalid="true"' in refused.text
            assert is_in(phone) and is_in(office), "nothing ends without the password"
        browser.post("/account/sessions", data={"session": ids[0], "current": PASSWORD})
        assert not is_in(phone) and is_in(office)
        browser.post("/account/sessions", data={"session": "", "current": PASSWORD})
        assert not is_in(office) and is_in(browser)


def test_a_token_counts_for_nothing_after_the_logout(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as thief:
        join(browser, wallet, badge)
        thief.cookies.set("wallet", browser.cookies["wallet"])
        assert is_in(thief)
        browser.post("/logout")
        assert not is_in(thief)


def test_wrong_passwords_for_ending_sessions_are_counted_with_those_for_other_changes(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as phone:
        join(browser, wallet, badge)
        log_in(phone, "a@example.jp")
        for _ in range(10):
            browser.post("/account/sessions", data={"current": "wrong"})
        assert browser.post("/account/sessions", data={"current": PASSWORD}).status_code == 429
        assert is_in(phone)


# ── what is done while the account changes ──────────────────────────────────────────────────────────────

NEW = "yaki-imo 43 enpitsu"
FORMS = {
    "/account/password": {"current": PASSWORD, "password": NEW},
    "/account/addresses": {"current": PASSWORD, "email": "b@example.jp"},
    "/account/addresses/{address}": {"current": PASSWORD, "act": "primary"},
    "/account/sessions": {"current": PASSWORD},
    "/account/passkeys/options": {},
    "/account/delete": {"current": PASSWORD, "word": "削除"},
    "/badges/{waiting}/receive": {},
    "/badges/{badge}/details": {"details": "hidden"},
    "/badges/{badge}/offer": {},
    "/badges/{badge}/paper": {**ADDRESS, "item": "card"},
    "/badges/{badge}/paper/{order}/address": {**ADDRESS, "line": "千代田区二番町3-4"},
    "/account/passkeys/remove": {"passkey": "aWQ"},
    "/login": {"email": "a@example.jp", "password": PASSWORD},
    "{verify}": {},
    "{link}": {"password": PASSWORD},
}
"""What an account does, by its path, and what is typed."""


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("change", ["deleted", "another password"])
def test_a_form_that_was_sent_before_the_account_changed_does_nothing_after_it(
    wallet: Wallet, path: str, change: str
) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        waiting = wallet.issue("a@example.jp", qualification="shindanshi").assertion_id
        verify, account = add_address(browser, wallet, "c@example.jp"), account_of(wallet, "a@example.jp")
        ordered = browser.post(f"/badges/{badge}/paper", data={**ADDRESS, "item": "certificate"})
        with wallet.ports.store.transaction() as tx:
            tx.passkeys.add(b"id", account.account_id, b"", 0, "")
        to = path.format(
            waiting=waiting,
            badge=badge,
            verify=verify,
            link=wallet.link(waiting),
            address=number_of(wallet, account),
            order=ordered.url.params["ordered"],
        )
        if path == "{link}":
            browser.post("/logout")

        def do(tx: WalletTransaction) -> None:
            if change == "deleted":
                tx.delete_account(account.account_id)
            else:
                tx.accounts.set_password(account.account_id, wallet.ports.passwords.hash(NEW))
                tx.sessions.close_all(account.account_id)

        before = wallet.announced()
        answer = meanwhile(wallet, do, lambda: browser.post(to, data=FORMS[path], follow_redirects=False))
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next="), answer.text
        assert not is_in(browser) and wallet.announced() == before
        with wallet.ports.store.transaction() as tx:
            assert tx.fetch_value("select line from paper_orders") == ADDRESS["line"]
            assert change == "deleted" or tx.passkeys.all_of(account.account_id)
        assert log_in(browser, "a@example.jp").status_code == 422
        assert log_in(browser, "a@example.jp", NEW).status_code == (422 if change == "deleted" else 200)


def number_of(wallet: Wallet, account: Account) -> int:
    """Of its primary address."""
    with wallet.ports.store.transaction() as tx:
        return tx.accounts.addresses(account.account_id)[0].address_id


def test_a_badge_that_is_handed_over_while_its_account_is_deleted_says_so(wallet: Wallet) -> None:
    old = issue_to(wallet, "P1", "a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        new = corrected(old)

        def hand_over(tx: WalletTransaction) -> None:
            tx.badges.lock_versions([old.award.registration_id])
            tx.badges.save_issued([new])
            assert tx.badges.receive(new.assertion_id, account_of(wallet, "a@example.jp").account_id)

        data = {"current": PASSWORD, "word": "削除"}
        answer = meanwhile(wallet, hand_over, lambda: browser.post("/account/delete", data=data))
        assert answer.url.params.get("deleted") == "1"
    with wallet.ports.store.transaction() as tx:
        left = [tx.badges.get(each) for each in (old.assertion_id, new.assertion_id)]
    assert all(each is not None and each.account_id is None and each.account_deleted_at for each in left)


def test_a_hash_of_former_parameters_is_made_again_at_the_login_which_goes_on(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        account = account_of(wallet, "a@example.jp")
        weaker = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1).hash(PASSWORD)
        with wallet.ports.store.transaction() as tx:
            tx.accounts.set_password(account.account_id, weaker)
        browser.post("/logout")
        assert log_in(browser, "a@example.jp").status_code == 200 and is_in(browser)
        hashed = account_of(wallet, "a@example.jp").password_hash
        assert hashed != weaker and not wallet.ports.passwords.needs_rehash(hashed)


# ── what the office ends ────────────────────────────────────────────────────────────────────────────────


def order(wallet: Wallet, decision: Decision, subject: str) -> DecisionSettled:
    """Carried out twice, as after a crash; its only outcome."""
    event = OfficeDecided(
        decision_id=f"{decision}/{subject}",
        decision=decision,
        subject=subject,
        by="事務局",
        why="端末の紛失",
        decided_at=wallet.clock.now,
    )
    wallet.consume(event, event)
    (settled,) = [each for each in wallet.announced() if isinstance(each, DecisionSettled) and each.subject == subject]
    return settled


def issue_to(wallet: Wallet, person_id: str, email: str, qualification: str = "gishi") -> AssertionIssued:
    event = issued(email, qualification, "髙橋")
    event = replace(event, holder=replace(event.holder, person_id=person_id))
    wallet.consume(event)
    return event


def test_the_office_logs_one_person_out_of_all_devices_and_nobody_else(wallet: Wallet) -> None:
    mine, others = issue_to(wallet, "P1", "a@example.jp"), issue_to(wallet, "P2", "b@example.jp")
    with wallet.browser() as browser, wallet.browser() as phone, wallet.browser() as stranger:
        join(browser, wallet, mine.assertion_id)
        log_in(phone, "a@example.jp")
        join(stranger, wallet, others.assertion_id)
        settled = order(wallet, "end-sessions", mine.award.registration_id)
        assert (settled.service, settled.outcome, settled.detail) == ("wallet", "done", "2 sessions of 1 accounts")
        assert not is_in(browser) and not is_in(phone) and is_in(stranger)
        with wallet.ports.store.transaction() as tx:
            assert tx.fetch_value("select count(*) from devices") == 1, "its browsers are no longer known"
        log_in(phone, "a@example.jp")
        assert is_in(phone), "the password stays"


@pytest.mark.parametrize(
    ("person_id", "email"),
    [("P1", "a@example.jp"), ("P1", "elsewhere@example.jp"), ("P9", "A@example.jp")],
    ids=["the same badge holder", "another address of the person", "an address of the account"],
)
def test_the_account_is_found_by_any_badge_of_its_person_or_at_its_address(
    wallet: Wallet, person_id: str, email: str
) -> None:
    received = issue_to(wallet, "P1", "a@example.jp")
    waiting = issue_to(wallet, person_id, email, "shindanshi")
    with wallet.browser() as browser:
        join(browser, wallet, received.assertion_id)
        assert order(wallet, "end-sessions", waiting.award.registration_id).outcome == "done"
        assert not is_in(browser)


@pytest.mark.parametrize("subject", ["R-nobody", "", "wallet", "' or true --"])
def test_an_order_about_nobody_ends_nothing_and_says_so(wallet: Wallet, subject: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        assert order(wallet, "end-sessions", subject).outcome == "no-account"
        assert is_in(browser)


def test_the_office_logs_everybody_out_at_once(wallet: Wallet) -> None:
    badges = [issue_to(wallet, name, f"{name}@example.jp").assertion_id for name in "ab"]
    with wallet.browser() as one, wallet.browser() as two:
        for browser, badge in zip((one, two), badges, strict=True):
            join(browser, wallet, badge)
        settled = order(wallet, "end-all-sessions", "wallet")
        assert (settled.outcome, settled.detail) == ("done", "2 sessions")
        assert not is_in(one) and not is_in(two)
        assert one.get("/badges").url.path == "/login"


def test_sessions_that_the_office_and_their_holder_end_at_once_are_ended_by_both(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as phone:
        join(browser, wallet, badge)
        log_in(phone, "a@example.jp")
        wallet.clock.now += timedelta(minutes=10)
        assert is_in(browser)  # its row stands behind the phone's since
        with wallet.ports.store.reading() as tx:
            first, second = (row[0] for row in tx.cursor.execute("select session_id from sessions order by 1"))
        end = "select from sessions where session_id = %s for update"
        settled = meanwhile(
            wallet,
            lambda tx: tx.cursor.execute(end, (first,)),
            lambda: order(wallet, "end-all-sessions", "wallet"),
            lambda tx: tx.cursor.execute(end, (second,)),
        )
        assert settled.detail == "2 sessions" and not is_in(browser) and not is_in(phone)


def test_an_order_about_sessions_and_one_about_paper_are_carried_out_in_one_batch(wallet: Wallet) -> None:
    kinds: list[tuple[Decision, str]] = [("end-all-sessions", "wallet"), ("paper-paid", "paper"), ("hold", "R1")]
    orders = [
        OfficeDecided(
            decision_id=f"{n}", decision=kind, subject=to, by="事務局", why="理由", decided_at=wallet.clock.now
        )
        for n, (kind, to) in enumerate(kinds)
    ]
    with wallet.ports.store.reading_to({("office.decisions", 0): 3}):  # one transaction, as the consumer demands
        office_orders.carry_out(orders, wallet.ports)
    settled = {each.decision_id for each in wallet.announced() if isinstance(each, DecisionSettled)}
    assert settled == {"0", "1"}, "the third is another service's"


def test_the_path_of_each_form_opened_as_a_page_leads_to_a_page(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    texts = [path.read_text(encoding="utf-8") for path in Path("services/wallet/templates").glob("*.html")]
    forms = {path for text in texts for path in re.findall(r'method="post" action="([^"]+)"', text)}
    assert "/badges/{{ badge.assertion_id }}/offer" in forms
    given = {"{{ badge.assertion_id }}": badge, "{{ path }}": wallet.link(badge), "{{ changing }}": "12345678"}
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        for form in sorted(forms):
            path = re.sub(r"\{\{.*?\}\}", lambda name: given[name[0]], form)
            answer = browser.get(path, params={"lang": "en"})
            assert answer.status_code == 200 and '<html lang="en">' in answer.text, path


def test_a_form_that_is_sent_after_the_session_has_ended_is_said_to_be_unsent_and_leads_back_to_its_page(
    wallet: Wallet,
) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    page, paper = f"/badges/{badge}", f"/badges/{badge}/paper"
    forms = dict.fromkeys((f"{page}/receive", f"{page}/details", f"{page}/offer"), page)
    forms |= {path: path for path in (paper, f"{paper}/12345678/address", "/account/password", "/account/delete")}
    forms |= {"/account/passkeys/remove": "/account", "/account/passkeys/options": "/account"}
    downloads = {f"{page}/{file}": page for file in ("certificate.pdf", "pdf", "badge.png", "credential.json")}
    pages = {path: path for path in (f"{page}/share", f"{page}/signature", paper, "/account")}
    data = {"details": "hidden", "passkey": "x", "word": "削除", "kind": "details"}
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        browser.post("/logout")
        for path, back in (forms | downloads | pages | {"/export.zip": "/badges"}).items():
            sent = browser.post(path, data=data) if path in forms else browser.get(path, params=data)
            assert sent.url.path == "/login" and sent.url.params["next"] == back, path
            assert ("いまの操作は行われていません" in sent.text) == (path in forms), path
            ends_session = path in ("/account/password", "/account/delete")  # perhaps its answer was lost
            assert ("済んでいるときは、お知らせのメールが届きます" in sent.text) == ends_session, path
        for path, back in (forms | downloads).items():
            login = {"email": "a@example.jp", "password": PASSWORD, "next": path}
            assert browser.post("/login", data=login, follow_redirects=False).headers["location"] == back


def test_the_button_that_receives_by_the_link_asks_to_log_in_when_the_session_has_ended(wallet: Wallet) -> None:
    first, second = (wallet.issue("a@example.jp").assertion_id for _ in range(2))
    with wallet.browser() as browser:
        join(browser, wallet, first)
        button = re.search(r'<button[^>]* name="(\w+)" value="(\w+)">受領する', browser.get(wallet.link(second)).text)
        assert button is not None
        browser.post("/logout")
        page = browser.post(wallet.link(second), data={button[1]: button[2]})
        assert page.status_code == 200 and "パスワードが違います" not in page.text
        assert "いまの操作は行われていません" in page.text and "ログインして受領する" in page.text.replace("<wbr>", "")
        assert wallet.received(second) == 0
        assert browser.post(wallet.link(second), data={"password": PASSWORD}).url.path == f"/badges/{second}"
    assert wallet.received(second) == 1
