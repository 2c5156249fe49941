"""A person's own account over HTTP: password, sessions, addresses, deletion; and what strangers can't do there.

Tests services/wallet: account, sessions, letters, web, store.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.wallet import handlers
from services.wallet.account import letters
from tests.worlds.authenticator import Authenticator
from tests.worlds.wallet import (
    PASSWORD,
    Wallet,
    add_address,
    address_id,
    is_in,
    join,
    log_in,
    notices,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)

NEW = "yaki-imo 43 enpitsu"


def passkey_options(browser: httpx.Client) -> dict[str, Any]:
    """For a new passkey of who is logged in."""
    options: dict[str, Any] = browser.post("/account/passkeys/options").json()
    return options


# ── change the password, sessions ───────────────────────────────────────────────────────────────────────


def test_a_changed_password_ends_all_other_sessions_and_is_told_by_a_letter(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, badge)
        log_in(other, "a@example.jp")
        former = browser.cookies["wallet"]
        for data, status in (
            ({"current": "not my password", "password": NEW}, 422),
            ({"current": PASSWORD, "password": "Password123!"}, 422),
            ({"current": PASSWORD, "password": "takahashi-1970"}, 422),
            ({"current": PASSWORD, "password": NEW}, 200),
        ):
            assert browser.post("/account/password", data=data).status_code == status, data
        assert is_in(browser) and browser.cookies["wallet"] != former
        assert not is_in(other)
        assert log_in(other, "a@example.jp").status_code == 422
        assert log_in(other, "a@example.jp", NEW).url.path == "/badges"
    assert notices(wallet) == [("password-changed", "a@example.jp")]


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_badge_issued_to_another_of_my_addresses_appears_once_it_is_proven(wallet: Wallet) -> None:
    mine, elsewhere = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as phone:
        join(browser, wallet, mine)
        link = add_address(browser, wallet, " B@example.jp ")
        assert browser.get(f"/badges/{elsewhere}").status_code == 404
        login = phone.get(link, follow_redirects=False)
        assert login.headers["location"].startswith("/login?next=%2Fverify"), "on another device: log in, and go on"
        data = {"email": "a@example.jp", "password": PASSWORD, "next": link}
        assert phone.post("/login", data=data).url.path == link
        assert browser.get(f"/badges/{elsewhere}").status_code == 404, "looking adds nothing"
        assert "追加しました" in phone.post(link).text
        assert browser.post(f"/badges/{elsewhere}/receive").url.path == f"/badges/{elsewhere}"
        for again in (phone.post(link), phone.get(link)):
            assert again.status_code == 410 and "追加してあります" in again.text and "もう一度追加" not in again.text
        assert log_in(phone, "b@example.jp").url.path == "/badges"
    assert notices(wallet) == [("address-added", "a@example.jp")]
    assert wallet.received(elsewhere) == 1


def test_the_link_to_an_address_is_for_the_account_that_asked_only(wallet: Wallet) -> None:
    mine, victims = wallet.issue("a@example.jp").assertion_id, wallet.issue("v@example.jp").assertion_id
    with wallet.browser() as stranger, wallet.browser() as victim:
        join(stranger, wallet, mine)
        link = add_address(stranger, wallet, "v2@example.jp")
        join(victim, wallet, victims)
        for answer in (victim.get(link), victim.post(link)):
            assert answer.status_code == 403 and "別のアカウント" in answer.text
        assert "v2@example.jp" not in stranger.get("/account").text


def test_an_address_with_an_account_is_not_given_away_and_nobody_learns_that_it_has_one(wallet: Wallet) -> None:
    mine, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, mine)
        join(other, wallet, others)
        answers = {
            browser.post("/account/addresses", data={"email": each, "current": PASSWORD}).text
            for each in ("b@example.jp", "nobody@example.jp")
        }
        assert len(answers) == 1
        link = wallet.letters("verify-address", "b@example.jp")[0].facts["link"].removeprefix(wallet.url)
        refused = browser.post(link)
        assert refused.status_code == 422 and "別のアカウントがあります" in refused.text
        assert browser.get(f"/badges/{others}").status_code == 404 and is_in(other)
    assert notices(wallet) == []


@pytest.mark.parametrize(
    "typed", ["", "no address", "a@b", "ａ＠例え.jp", "a@example.jp\r\nbcc: x@example.jp", "A@EXAMPLE.JP"]
)
def test_what_is_no_new_address_is_refused_and_gets_no_letter(wallet: Wallet, typed: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        assert browser.post("/account/addresses", data={"email": typed, "current": PASSWORD}).status_code == 422
        refused = browser.post("/account/addresses", data={"email": "b@example.jp", "current": "wrong"})
        assert refused.status_code == 422
    assert wallet.letters("verify-address") == []


def test_an_account_has_few_letters_sent_to_addresses(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        answers = [
            browser.post("/account/addresses", data={"email": f"{n}@example.jp", "current": PASSWORD}).status_code
            for n in range(6)
        ]
    assert answers == [200] * 5 + [429]
    assert len(wallet.letters("verify-address")) == 5


def test_the_primary_address_is_chosen_and_another_one_removed_with_the_password(wallet: Wallet) -> None:
    badge, second = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post(add_address(browser, wallet, "b@example.jp"))
        browser.post(f"/badges/{second}/receive")
        page = f"/account/addresses/{address_id(browser)}"
        assert browser.post(page, data={"act": "primary", "current": "wrong"}).status_code == 422
        assert browser.post(page, data={"act": "primary", "current": PASSWORD}).url.path == "/account"
        assert browser.post(page, data={"act": "remove", "current": PASSWORD}).status_code == 404, "notices go there"
        page = f"/account/addresses/{address_id(browser)}"
        assert "a@example.jp" in browser.get(page).text
        assert browser.post(page, data={"act": "remove", "current": "wrong"}).status_code == 422
        for _ in range(2):  # again where the first answer was lost
            removed = browser.post(page, data={"act": "remove", "current": PASSWORD})
            assert removed.url.path == "/account" and "メールアドレスを削除しました" in removed.text
        assert browser.get(f"/badges/{badge}").status_code == 200, "a received badge stays"
        assert log_in(browser, "a@example.jp").status_code == 422
        login = browser.get(wallet.link(badge), follow_redirects=False)
        assert login.headers["location"].endswith(badge)
    with wallet.browser() as elsewhere:  # letter 1's link leads to the login with an address that is still there
        login = elsewhere.get(wallet.link(badge))
        assert login.url.path == "/login"
        data = {"email": "b@example.jp", "password": PASSWORD, "next": f"/badges/{badge}"}
        assert elsewhere.post("/login", data=data).url.path == f"/badges/{badge}"
    assert notices(wallet)[-2:] == [("address-removed", "b@example.jp"), ("address-removed", "a@example.jp")]


def test_letters_that_are_asked_for_while_kafka_is_away_have_links_that_count_from_its_return(wallet: Wallet) -> None:
    badge, waiting = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.relay()
        browser.post("/account/addresses", data={"email": "c@example.jp", "current": PASSWORD})
        wallet.clock.now += timedelta(minutes=1)  # it is in the outbox still
        browser.post("/forgot", data={"email": "a@example.jp"})
        browser.post(f"{wallet.link(waiting)}/new-link")
        browser.post("/new-link", data={"email": "b@example.jp"})
        wallet.clock.now += timedelta(hours=3)
        assert letters.write_asked(wallet.ports) == 0
        [reset], new_links = wallet.letters("reset-password"), wallet.letters("new-link")
        assert reset.valid_until == wallet.clock.now + timedelta(hours=2)
        assert [each.valid_until for each in new_links] == [wallet.clock.now + timedelta(hours=24)] * 2
        assert letters.write_asked(wallet.ports) == 0, "each leaves once"


# ── deletion ────────────────────────────────────────────────────────────────────────────────────────────


def delete(browser: httpx.Client, word: str = "削除", password: str = PASSWORD) -> httpx.Response:
    return browser.post("/account/delete", data={"word": word, "current": password})


def test_a_deleted_account_leaves_its_badges_and_nothing_of_the_person(wallet: Wallet) -> None:
    badge, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, badge)
        join(other, wallet, others)
        wallet.finish(badge)
        wallet.finish(others)
        browser.post(f"/badges/{badge}/offer")
        browser.post("/account/passkeys", json=Authenticator(wallet.url).make(passkey_options(browser)))
        passkey_options(browser)
        browser.post("/forgot", data={"email": "a@example.jp"})
        reset = wallet.mailed_link("reset-password")
        for word, password in (("はい", PASSWORD), ("", PASSWORD), ("削除", "wrong")):
            assert delete(browser, word, password).status_code == 422
        assert "アカウントを削除しました" in delete(browser).text
        assert not is_in(browser) and log_in(browser, "a@example.jp").status_code == 422
        assert browser.get(reset).status_code == 404
        assert is_in(other) and other.get(f"/badges/{others}/certificate.pdf").status_code == 200
        link = browser.get(wallet.link(badge))
        assert link.status_code == 410 and "学会の記録に残り" in link.text
    with wallet.ports.store.transaction() as tx:
        tables = tx.cursor.execute(
            "select table_name from information_schema.columns"
            " where table_schema = current_schema() and column_name = 'account_id'"
        ).fetchall()
        left = {each: tx.fetch_value(f"select count(*) from {each} where account_id is not null") for (each,) in tables}
    others_own = {"accounts": 1, "addresses": 1, "sessions": 1, "devices": 1, "badges": 1}
    assert {each: rows for each, rows in left.items() if rows} == others_own
    assert {"passkeys", "challenges", "offers", "mail_links", "recoveries"} < left.keys()
    assert notices(wallet) == [("passkey-added", "a@example.jp"), ("account-deleted", "a@example.jp")]
    assert wallet.received(badge) == 1


def test_who_deleted_the_account_gets_the_badge_back_by_a_new_link(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        delete(browser, "DELETE")
        browser.post(f"{wallet.link(badge)}/new-link")
        link = wallet.mailed_link("new-link", "a@example.jp")
        assert browser.post(link, data={"full_name": "髙橋", "password": NEW}).url.path == f"/badges/{badge}"
        assert "1個" in browser.get("/badges").text
        assert browser.get(wallet.link(badge)).url.path == f"/badges/{badge}"
    assert wallet.received(badge) == 1


# ── strangers ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_page_of_an_account_asks_for_the_login_and_is_kept_by_no_cache(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as owner, wallet.browser() as stranger:
        join(owner, wallet, badge)
        wallet.finish(badge)
        owner.post(add_address(owner, wallet, "b@example.jp"))
        pages = ["/account", "/account/password", "/account/addresses", "/account/delete", "/badges"]
        pages += [f"/badges/{badge}", f"/account/addresses/{address_id(owner)}", "/account/sessions", "/export.zip"]
        pages += [f"/badges/{badge}/{each}" for each in ("share", "signature", "paper", "badge.png", "badge.svg")]
        pages += [f"/badges/{badge}/{each}" for each in ("certificate.pdf", "details.pdf", "credential.json")]
        for path in pages:
            mine = owner.get(path, follow_redirects=False)
            assert mine.status_code == 200 and "no-store" in mine.headers["cache-control"], path
            assert stranger.get(path, follow_redirects=False).headers["location"].startswith("/login?next="), path
        for path in ("/account/password", "/account/addresses", "/account/sessions", "/account/delete"):
            assert stranger.post(path, follow_redirects=False).headers["location"].startswith("/login"), path


def test_another_persons_address_session_and_passkey_are_answered_as_none(wallet: Wallet) -> None:
    mine, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, mine)
        join(other, wallet, others)
        other.post(add_address(other, wallet, "b2@example.jp"))
        path = f"/account/addresses/{address_id(other)}"
        assert browser.get(path).status_code == 404
        assert browser.post(path, data={"act": "primary", "current": PASSWORD}).status_code == 404
        answer = browser.post(path, data={"act": "remove", "current": PASSWORD})
        assert answer.url.params["done"] == "removed", "as if it had been removed before"
        with wallet.ports.store.transaction() as tx:
            session = tx.fetch_value("select max(session_id) from sessions")
        answer = browser.post("/account/sessions", data={"session": session, "current": PASSWORD})
        assert answer.url.params["done"] == "sessions", "as if it had ended before"
        assert is_in(other) and other.get(path).status_code == 200
        device = Authenticator(wallet.url)
        assert other.post("/account/passkeys", json=device.make(passkey_options(other))).status_code == 200
        credential = base64.urlsafe_b64encode(device.id).rstrip(b"=").decode()
        for asked, left in ((browser, 1), (other, 0)):
            asked.post("/account/passkeys/remove", data={"passkey": credential})
            with wallet.ports.store.transaction() as tx:
                assert tx.fetch_value("select count(*) from passkeys") == left


@pytest.mark.parametrize(
    "path",
    [
        "/account/password",
        "/account/addresses",
        "/account/sessions",
        "/account/delete",
        "/account/passkeys/remove",
        "/passkeys/options",
        "/forgot",
        "/new-link",
        "/logout",
    ],
)
def test_a_form_of_another_site_is_refused(wallet: Wallet, path: str) -> None:
    with wallet.browser() as browser:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert browser.post(path, data={"email": "a@example.jp"}, headers=headers).status_code == 403


def test_a_session_planted_in_a_browser_is_not_the_one_after_the_login(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as attacker, wallet.browser() as victim:
        join(attacker, wallet, badge)
        planted = attacker.cookies["wallet"]
        own = wallet.issue("b@example.jp").assertion_id
        victim.cookies.set("wallet", planted)
        victim.cookies.set("device", attacker.cookies["device"])
        victim.get(wallet.link(own))
        join(victim, wallet, own)
        assert victim.cookies.get("wallet", domain="localhost.local") != planted
        assert not is_in(attacker), "the planted one ended"


@pytest.mark.parametrize(
    "next",
    [
        "//evil.example",
        "https://evil.example/badges",
        "/\\evil.example",
        "/account/../../x",
        "/verify/a/b",
        "javascript:1",
        "/account?x=//evil.example",
        "/badges/%2F%2Fevil.example",
        "/logout",
        "/account/addresses/1/../../x",
    ],
)
def test_the_login_leads_to_our_own_pages_only(wallet: Wallet, next: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post("/logout")
        data = {"email": "a@example.jp", "password": PASSWORD, "next": next}
        answer = browser.post("/login", data=data, follow_redirects=False)
        assert answer.headers["location"] in ("/badges", "/account")


def test_what_has_ended_is_forgotten(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        add_address(browser, wallet, "b@example.jp")
        log_in(browser, "nobody@example.jp", "wrong")
        browser.post("/passkeys/options")
    wallet.clock.now += timedelta(days=401)
    assert handlers.forget(wallet.ports) > 0
    assert handlers.forget(wallet.ports) == 0
    with wallet.ports.store.transaction() as tx:
        for table in ("sessions", "devices", "mail_links", "login_attempts", "challenges"):
            assert tx.fetch_value(f"select count(*) from {table}") == 0, table
