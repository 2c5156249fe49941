"""The wallet over HTTP, from letter 1's link to the PDF, and what it refuses.

Tests services/wallet: receive_link, sessions, badges, web, store.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from urllib.parse import quote, urlencode

import httpx
import pytest

from deploy.local.loopback import ask
from services.wallet import handlers
from services.wallet.badge import receive_link
from services.wallet.domain.badge import WalletBadge
from services.wallet.domain.device import Browser
from services.wallet.store import WalletTransaction
from services.wallet.web.site import web_app
from shared.links import receive_token
from tests.worlds.consumer import note
from tests.worlds.http_server import serving
from tests.worlds.meanwhile import is_waited_for
from tests.worlds.wallet import (
    PASSWORD,
    SECRET,
    Wallet,
    anchored,
    config,
    is_in,
    issued,
    join,
    rendered,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)


def test_a_scanner_that_asks_for_the_head_of_the_link_sees_what_a_reader_sees_and_receives_nothing(
    wallet: Wallet,
) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        for path in (wallet.link(badge), "/login", "/", "/badges", "/receive/x/y"):
            got, head = (browser.request(method, path, follow_redirects=False) for method in ("GET", "HEAD"))
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers.get("location") == got.headers.get("location")
            assert browser.options(path).status_code in (204, 404)
        join(browser, wallet, wallet.issue("a@example.jp").assertion_id)
        for path in ("/logout", f"/badges/{badge}/receive"):
            assert browser.head(path).status_code == browser.get(path).status_code == 200
        assert is_in(browser), "looking logs nobody out"
    assert wallet.received(badge) == 0


def test_from_the_link_of_the_letter_to_the_pdf(wallet: Wallet) -> None:
    badge = wallet.issue("Ichiro@Example.jp").assertion_id
    with wallet.browser() as browser:
        form = browser.get(wallet.link(badge))
        assert form.status_code == 200
        assert "アカウントを" in form.text
        assert "Ichiro@Example.jp" in form.text
        assert wallet.received(badge) == 0, "a mail scanner that follows links must not receive the badge"

        page = join(browser, wallet, badge)
        assert page.url.path == f"/badges/{badge}"
        assert "バッジを受領しました" in page.text
        assert "発行手続き中" in page.text
        assert "一郎 髙橋 さん" in page.text
        assert "髙橋 一郎" in page.text
        assert "異なります" not in page.text
        assert wallet.received(badge) == 1
        assert browser.get(f"/badges/{badge}/certificate.pdf").status_code == 404

        wallet.finish(badge)
        page = browser.get(f"/badges/{badge}")
        assert "有効" in page.text
        assert f"http://verifier.example/V/{badge}" in page.text
        pdf = browser.get(f"/badges/{badge}/pdf", params={"kind": "details"})
        assert pdf.content == b"%PDF-details%%EOF"
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.headers["cache-control"] == "private, no-store"
        assert "filename*=UTF-8''%E7%99%BB%E9%8C%B2" in pdf.headers["content-disposition"]
        assert browser.get(f"/badges/{badge}/certificate.pdf").content == b"%PDF-certificate%%EOF"
        assert browser.get(f"/badges/{badge}/badge.png").content.startswith(b"\x89PNG")
        assert "1個" in browser.get("/").text
        english = browser.get(f"/badges/{badge}?lang=en").text
        assert "Authorized Concrete Engineer" in english
        assert not re.search("[ぁ-ん]", re.sub(r'lang="ja"[^<]*<', "", english)), (
            "an English page with Japanese left in it"
        )


def test_receiving_twice_announces_one_receipt(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        assert browser.get(wallet.link(badge)).url.path == f"/badges/{badge}"
        assert browser.post(wallet.link(badge)).url.path == f"/badges/{badge}"
        assert browser.post(f"/badges/{badge}/receive").status_code == 200
    with wallet.browser() as other:
        assert join(other, wallet, badge).url.path == f"/badges/{badge}"
    assert wallet.received(badge) == 1


def test_events_may_come_twice_and_in_any_order(wallet: Wallet) -> None:
    event = issued("a@example.jp", "gishi", "髙橋")
    note(wallet.ports.store, WalletTransaction.note_rendered, [rendered(event.assertion_id)] * 2)
    note(wallet.ports.store, WalletTransaction.note_anchored, [anchored(event.assertion_id)] * 2)
    handlers.note_issued([event, event], wallet.ports)
    handlers.note_issued([event], wallet.ports)
    with wallet.browser() as browser:
        page = join(browser, wallet, event.assertion_id)
        assert "発行手続き中" not in page.text, "what was anchored and rendered before the receipt is finished at once"
        handlers.note_issued([event], wallet.ports)
        assert "1個" in browser.get("/badges").text


@pytest.mark.parametrize(
    "junk", ["。", "」", ").", "!", "…", ">", "\u200b", "\u00ad", "\u3000を開く", "%E3%80%82", "\n"]
)
def test_letter_1s_link_works_with_whatever_a_program_took_behind_it(wallet: Wallet, junk: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    link = wallet.link(badge)
    with wallet.browser() as browser:
        first = browser.get(link + quote(junk, safe="%"), follow_redirects=False)
        assert first.status_code == 308 and first.headers["location"] == link
        upper, _, token = link.rpartition("/")
        assert browser.get(f"{upper.replace(badge, badge.lower())}/{token.upper()}").status_code == 200


@pytest.mark.parametrize("junk", ["。", ").", "」を見る", "\u200b"])
def test_a_badges_page_is_found_again_after_the_login_whatever_stood_behind_its_address(
    wallet: Wallet, junk: str
) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        login = browser.get(f"/badges/{badge}{quote(junk)}", follow_redirects=False)
        assert login.status_code == 303 and login.headers["location"] == "/login?" + urlencode(
            {"next": f"/badges/{badge}"}
        )
        join(browser, wallet, badge)
        again = browser.get(f"/badges/{badge}{quote(junk)}", follow_redirects=False)
        assert again.status_code == 308 and again.headers["location"] == f"/badges/{badge}"


def test_a_wrong_token_opens_nothing(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        for token in (
            "x",
            receive_token(SECRET, badge)[:-1],
            receive_token(b"another secret of ours", badge),
            "トークン",
        ):
            assert browser.get(f"/receive/{badge}/{token}").status_code == 404
            assert browser.post(f"/receive/{badge}/{token}", data={"password": PASSWORD}).status_code == 404
        assert "このリンクでは" in browser.get(f"/receive/{badge}/x").text
    assert wallet.received(badge) == 0


def test_a_right_link_whose_badge_is_on_its_way_says_so(wallet: Wallet) -> None:
    answer = ask.get(wallet.url + wallet.link("A" * 26))
    assert answer.status_code == 503
    assert "リンクは正しい" in answer.text


def test_another_persons_badge_is_answered_as_one_that_does_not_exist(wallet: Wallet) -> None:
    mine, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, mine)
        join(other, wallet, others)
        wallet.finish(others)
        assert other.get(f"/badges/{others}/certificate.pdf").status_code == 200
        files = ("certificate.pdf", "details.pdf", "badge.png", "badge.svg", "credential.json", "pdf?kind=certificate")
        for path in ("", *(f"/{each}" for each in files), "/share", "/signature", "/paper", "/paper/1/address"):
            assert browser.get(f"/badges/{others}{path}").status_code == 404, path
        for path in ("receive", "details", "offer", "paper", "paper/1/address"):
            assert browser.post(f"/badges/{others}/{path}", data={"details": "hidden"}).status_code == 404, path
        assert browser.get(f"/badges/{'B' * 26}").status_code == 404


def test_a_visitor_who_is_not_logged_in_logs_in_and_comes_back_to_the_page(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        assert browser.post("/logout").url.path == "/login"
        page = browser.get(f"/badges/{badge}")
        assert page.url.path == "/login"
        data = {"email": " Ａ@EXAMPLE.jp ", "password": PASSWORD, "next": f"/badges/{badge}"}
        assert browser.post("/login", data=data).url.path == f"/badges/{badge}"
        browser.post("/logout")
        evil = browser.post("/login", data={**data, "next": "https://evil.example/"})
        assert evil.url.path == "/badges"


def test_the_second_badge_of_a_person_goes_into_the_same_wallet(wallet: Wallet) -> None:
    first = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, first)
        second = wallet.issue("A@example.jp", qualification="shindanshi").assertion_id
        assert "受領待ち" in browser.get("/badges").text
        page = browser.get(wallet.link(second))
        assert "受領する" in page.text
        assert 'type="password"' not in page.text
        assert browser.post(wallet.link(second)).url.path == f"/badges/{second}"
    third = wallet.issue("a@example.jp", qualification="shunin-gishi").assertion_id
    with wallet.browser() as elsewhere:
        page = elsewhere.get(wallet.link(third))
        assert "ログインして<wbr>受領する" in page.text
        assert elsewhere.post(wallet.link(third), data={"password": "a wrong password"}).status_code == 422
        assert wallet.received(third) == 0
        assert elsewhere.post(wallet.link(third), data={"password": PASSWORD}).url.path == f"/badges/{third}"
        assert "3個" in elsewhere.get("/badges").text


def test_a_post_from_another_site_is_refused(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        data = {"full_name": "x", "password": PASSWORD}
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert browser.post(wallet.link(badge), data=data, headers=headers).status_code == 403
    assert wallet.received(badge) == 0


def test_a_session_ends_after_a_day_and_is_forgotten(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        for _ in range(12):  # used all day
            wallet.clock.now += timedelta(hours=1, minutes=59)
            assert browser.get("/badges").url.path == "/badges"
        wallet.clock.now += timedelta(minutes=12)
        assert browser.get("/badges").url.path == "/login"
    assert handlers.forget(wallet.ports) == 1
    assert handlers.forget(wallet.ports) == 0


def test_a_session_that_nobody_uses_ends_after_two_hours_and_is_forgotten(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.clock.now += timedelta(hours=1, minutes=59)
        assert browser.get("/badges").url.path == "/badges"
        wallet.clock.now += timedelta(hours=2)
        for _ in range(2):  # the first request does not bring it back
            assert browser.get("/badges").url.path == "/login"
    assert handlers.forget(wallet.ports) == 1


def test_tokens_and_passwords_are_kept_as_hashes_only(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        answer = browser.post(
            wallet.link(badge), data={"full_name": "高橋一郎", "password": PASSWORD}, follow_redirects=False
        )
        cookies = answer.headers.get_list("set-cookie")
        assert [each.partition("=")[0] for each in cookies] == ["wallet", "device"]
        for cookie in cookies:
            assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
        tokens = [browser.cookies[name] for name in ("wallet", "device")]
    with wallet.ports.store.transaction() as tx:
        kept = [
            bytes(hashed)
            for table in ("sessions", "devices")
            for (hashed,) in tx.cursor.execute(f"select token_sha256 from {table}").fetchall()
        ]
        hashes = tx.cursor.execute("select password_hash from accounts").fetchall()
    assert kept == [hashlib.sha256(token.encode()).digest() for token in tokens]
    assert hashes[0][0].startswith("$argon2id$")


def test_behind_https_the_cookie_is_secure_and_of_this_host_only(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    behind_https = config(wallet.ports.store.url, wallet.clock, "https://wallet.example.jp")
    with serving(web_app(behind_https, wallet.ports)) as url, httpx.Client(base_url=url, trust_env=False) as browser:
        answer = browser.post(wallet.link(badge), data={"full_name": "高橋一郎", "password": PASSWORD})
    cookies = answer.headers.get_list("set-cookie")
    assert [each.partition("=")[0] for each in cookies] == ["__Host-wallet", "__Host-device"]
    assert all("Secure" in each and "Path=/" in each and "Domain" not in each for each in cookies)


def test_ten_wrong_passwords_block_an_address_for_a_quarter_of_an_hour(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post("/logout")
        for address in ("a@example.jp", "nobody@example.jp"):
            data = {"email": address, "password": "a wrong password"}
            answers = [browser.post("/login", data=data) for _ in range(11)]
            assert [answer.status_code for answer in answers] == [422] * 10 + [429], "the two must not be told apart"
        right = {"email": "a@example.jp", "password": PASSWORD}
        assert browser.post("/login", data=right).status_code == 429
        wallet.clock.now += timedelta(minutes=15)
        assert browser.post("/login", data=right).url.path == "/badges"
        assert browser.get("/badges").url.path == "/badges"


def test_a_refused_form_keeps_the_name_and_shows_no_password(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        short = browser.post(wallet.link(badge), data={"full_name": "高橋一郎", "password": "short-one"})
        assert short.status_code == 422
        assert "短すぎます" in short.text
        assert 'value="高橋一郎"' in short.text
        assert "short-one" not in short.text
        assert "氏名を入力して" in browser.post(wallet.link(badge), data={"password": PASSWORD}).text
    assert wallet.received(badge) == 0


def test_another_name_is_accepted_and_told_what_the_certificate_shows(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        page = join(browser, wallet, badge, name="<b>山田 花子")
        assert "異なります" in page.text
        assert "<b>山田" not in page.text
    assert wallet.received(badge) == 1


def test_a_revoked_badge_is_not_received_and_gives_no_pdf(wallet: Wallet) -> None:
    held, waiting = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, held)
        wallet.finish(held)
        events = [revoked(id, reason="error") for id in (held, waiting)]
        note(wallet.ports.store, WalletTransaction.note_revoked, events)
        assert "取り消された" in browser.get(f"/badges/{held}").text
        assert browser.get(f"/badges/{held}/certificate.pdf").status_code == 404
    with wallet.browser() as other:
        answer = join(other, wallet, waiting)
        assert answer.status_code == 410
        assert "取り消されました" in answer.text
    assert wallet.received(waiting) == 0


def test_an_expired_badge_keeps_its_pdf_and_says_so(wallet: Wallet) -> None:
    badge, unreceived, pending = (wallet.issue("a@example.jp").assertion_id for _ in range(3))
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        browser.post(wallet.link(pending))
        wallet.clock.now = datetime(2030, 3, 31, 15, 0, tzinfo=UTC)  # midnight of April 1 in Japan
        browser.post("/login", data={"email": "a@example.jp", "password": PASSWORD})
        assert "満了" in browser.get(f"/badges/{badge}").text
        assert browser.get(f"/badges/{badge}/certificate.pdf").status_code == 200
        for unfinished in (unreceived, pending):
            page = browser.get(f"/badges/{unfinished}").text
            assert "満了" in page and 'data-step="receive"' not in page
            for part in ("ダウンロード", "/share", "/signature", "/badge.png", "/details", "/offer"):
                assert part not in page, "no button leads to a page that is not found"


def test_two_windows_at_once_make_one_account(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    password_hash = wallet.ports.passwords.hash(PASSWORD)
    with wallet.ports.store.transaction() as tx:
        assert tx.accounts.create("一郎", password_hash, "A@example.jp") is not None
        assert tx.accounts.create("一郎", password_hash, "a@example.jp") is None
    result = receive_link.create_account(
        _badge(wallet, badge), "一郎", PASSWORD, Browser(), replace(wallet.ports, new_token=lambda: "token")
    )
    assert isinstance(result, receive_link.SignedIn), "the window that was slower signs in to what the faster one made"
    assert wallet.received(badge) == 1


@pytest.mark.parametrize("commits", [True, False])
def test_who_makes_an_account_waits_for_who_is_making_one_at_the_address(wallet: Wallet, commits: bool) -> None:
    made: list[int | None] = []

    def make() -> None:
        with wallet.ports.store.transaction() as tx:
            made.append(tx.accounts.create("一郎", "hash", "a@example.jp"))

    slower = Thread(target=make)
    with wallet.ports.store.transaction() as tx:
        assert tx.accounts.create("一郎", "hash", "a@example.jp") is not None
        slower.start()
        while not is_waited_for(wallet.ports.store):
            assert made == []
        if not commits:
            tx.connection.rollback()
    slower.join()
    assert (made == [None]) is commits
    with wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select count(*) from accounts") == 1, "the slower one leaves nothing of its account"


def _badge(wallet: Wallet, assertion_id: str) -> WalletBadge:
    with wallet.ports.store.transaction() as tx:
        badge = tx.badges.get(assertion_id)
    assert badge is not None
    return badge
