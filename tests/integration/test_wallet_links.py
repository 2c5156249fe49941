"""The links that end: letter 1's, those that are asked for, those to a new password; and how often one may ask and try.

Tests services/wallet: receive_link, letters, account, sessions, web, store.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
import structlog

from shared.links import mail_token
from tests.worlds.wallet import (
    PASSWORD,
    SECRET,
    Wallet,
    corrected,
    is_in,
    join,
    log_in,
    notices,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)

NEW = "yaki-imo 43 enpitsu"


# ── the link of letter 1 ────────────────────────────────────────────────────────────────────────────────


def test_the_registered_name_is_filled_in_and_may_be_sent_as_it_is(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        assert 'value="髙橋 一郎"' in browser.get(wallet.link(badge)).text
        assert "異なります" not in join(browser, wallet, badge, "髙橋 一郎").text
        assert "髙橋 一郎" in browser.get("/account").text


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("Password123!", "すぐに推測されます"),
        ("takahashi-ichiro", "人に推測されます"),
        ("コンクリート技士2026", "人に推測されます"),
        ("hanako-kensetsu-11", "人に推測されます"),
        ("short", "短すぎます"),
    ],
)
def test_a_password_that_is_guessed_makes_no_account(wallet: Wallet, password: str, sentence: str) -> None:
    badge = wallet.issue("hanako.kensetsu@example.jp").assertion_id
    with wallet.browser() as browser:
        data = {"full_name": "Takahashi Ichiro", "password": password}
        refused = browser.post(wallet.link(badge), data=data)
        assert refused.status_code == 422 and sentence in refused.text and password not in refused.text
        assert "Choose another" in refused.text or sentence in refused.text
    assert wallet.received(badge) == 0


def test_the_link_ends_and_its_holder_gets_a_new_one_at_the_registered_address(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    wallet.clock.now += timedelta(days=89, hours=23)
    with wallet.browser() as browser:
        assert browser.get(wallet.link(badge)).status_code == 200
        wallet.clock.now += timedelta(hours=2)
        ended = browser.get(wallet.link(badge))
        assert ended.status_code == 410 and "期限が過ぎました" in ended.text.replace("<wbr>", "")
        assert "a@example.jp" not in ended.text and "髙橋" not in ended.text
        assert join(browser, wallet, badge).status_code == 410
        looked = [browser.request(method, f"{wallet.link(badge)}/new-link") for method in ("HEAD", "GET")]
        assert [each.url.path for each in looked] == [wallet.link(badge)] * 2
        assert wallet.letters("new-link") == [], "looking asks for no letter"

        sent = browser.post(f"{wallet.link(badge)}/new-link")
        assert sent.url.path == "/new-link" and "受け付けました" in sent.text
        link = wallet.mailed_link("new-link", "a@example.jp")
        letter = wallet.letters("new-link")[0]
        assert letter.facts | {"link": ""} == {
            "name": "髙橋 一郎",
            "qualification": "gishi",
            "link": "",
            "hours": "24",
        }
        assert letter.valid_until == wallet.clock.now + timedelta(hours=24)
        assert browser.get(link).status_code == 200 and wallet.received(badge) == 0
        done = browser.post(link, data={"full_name": "髙橋 一郎", "password": PASSWORD})
        assert done.url.path == f"/badges/{badge}" and wallet.received(badge) == 1
        assert browser.get(wallet.link(badge)).url.path == f"/badges/{badge}", "who is logged in needs no link"
    with wallet.browser() as elsewhere:
        login = elsewhere.get(wallet.link(badge))
        assert login.url.path == "/login" and login.url.params["next"] == f"/badges/{badge}"


def test_letter_2s_link_asks_its_holder_for_the_password_only_and_tells_a_stranger_no_address(wallet: Wallet) -> None:
    """It is letter 1's, which proves the mailbox: nobody types the address again. Such letters are passed on."""
    badge = wallet.issue("kenichi.tekkin@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        assert browser.get(wallet.link(badge)).url.path == f"/badges/{badge}", "logged in as in letter 1"
    with wallet.browser() as later:
        for page in (later.get(wallet.link(badge)), later.post(wallet.link(badge), data={"password": "wrong"})):
            assert page.url.path == wallet.link(badge) and "k***@e***.jp" in page.text
            assert "kenichi" not in page.text and 'type="email"' not in page.text and "受け取る" not in page.text
        page = later.post(wallet.link(badge), data={"password": PASSWORD})
        assert page.url.path == f"/badges/{badge}" and not page.url.query
        assert "受領しました" not in page.text and "ダウンロード" in page.text
    assert wallet.received(badge) == 1


@pytest.mark.parametrize("what", ["wrong", "none"])
def test_letter_2s_link_opens_nothing_by_a_wrong_password(wallet: Wallet, what: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
    with wallet.browser() as stranger:
        page = stranger.post(wallet.link(badge), data={"password": "" if what == "none" else PASSWORD + "x"})
        assert page.status_code == 422 and not is_in(stranger)


def test_of_the_links_that_were_asked_for_the_last_one_opens_for_a_day(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        links = []
        for _ in range(2):
            browser.post("/new-link", data={"email": " A@Example.jp "})
            links.append(wallet.mailed_link("new-link"))
        assert [browser.get(link).status_code for link in (*links, wallet.link(badge))] == [410, 200, 200]
        wallet.clock.now += timedelta(hours=24)
        assert [browser.get(link).status_code for link in (*links, wallet.link(badge))] == [410, 410, 200]


def test_a_new_link_of_a_corrected_badge_is_for_its_newest_version(wallet: Wallet) -> None:
    old = wallet.issue("a@example.jp")
    wallet.clock.now += timedelta(days=100)
    new = corrected(old)
    wallet.consume(new, revoked(old.assertion_id, new.assertion_id))
    with wallet.browser() as browser:
        assert browser.post(f"{wallet.link(old.assertion_id)}/new-link").status_code == 200
        assert new.assertion_id in wallet.mailed_link("new-link", "a@example.jp")


@pytest.mark.parametrize(
    "address", ["nobody@example.jp", "received@example.jp", "no address at all", "revoked@example.jp"]
)
def test_who_has_nothing_to_receive_gets_the_same_answer_and_no_letter(wallet: Wallet, address: str) -> None:
    received = wallet.issue("received@example.jp").assertion_id
    wallet.consume(revoked(wallet.issue("revoked@example.jp").assertion_id))
    wallet.issue("waits@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, received)
    with wallet.browser() as stranger:
        answer, good = [stranger.post("/new-link", data={"email": each}) for each in (address, "waits@example.jp")]
        if address.count("@"):
            assert answer.text == good.text
        else:
            assert answer.status_code == 422 and "読み取れません" in answer.text
    assert wallet.letters("new-link", "waits@example.jp") and len(wallet.letters("new-link")) == 1


# ── a forgotten password ────────────────────────────────────────────────────────────────────────────────


def test_a_new_password_by_a_letters_link_which_works_once_and_ends_all_sessions(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, badge)
        other.post("/forgot", data={"email": "A@example.jp"})
        link = wallet.mailed_link("reset-password")
        for _ in range(2):
            assert "新しいパスワード" in other.get(link).text and other.head(link).status_code == 200
        assert is_in(browser), "looking at the link changes nothing"
        assert other.post(link, data={"password": "Password123!"}).status_code == 422
        done = other.post(link, data={"password": NEW})
        assert done.url.path == "/badges" and "変更しました" in done.text
        assert not is_in(browser)
        assert log_in(browser, "a@example.jp").status_code == 422
        assert log_in(browser, "a@example.jp", NEW).url.path == "/badges"
        for answer in (other.get(link), other.post(link, data={"password": f"{NEW} again"})):
            assert answer.status_code == 410
        assert log_in(browser, "a@example.jp", NEW).url.path == "/badges"
    assert notices(wallet) == [("password-changed", "a@example.jp")]


@pytest.mark.parametrize(
    "typed", ["TARO@example.jp", "taro@EXAMPLE.JP", "ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", " Taro@example.jp "]
)
def test_a_letter_goes_to_the_address_as_it_was_proven_however_it_is_typed(wallet: Wallet, typed: str) -> None:
    badge, waiting = wallet.issue("Taro@example.jp").assertion_id, wallet.issue("Taro@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as stranger:
        join(browser, wallet, badge)
        for page in ("/forgot", "/new-link"):
            assert stranger.post(page, data={"email": typed}).status_code == 200
    assert "/reset/" in wallet.mailed_link("reset-password", "Taro@example.jp")
    assert waiting in wallet.mailed_link("new-link", "Taro@example.jp")


def test_a_reset_link_ends_after_its_time_and_others_end_when_one_is_used(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        links = []
        for _ in range(3):
            browser.post("/forgot", data={"email": "a@example.jp"})
            links.append(wallet.mailed_link("reset-password"))
            wallet.clock.now += timedelta(minutes=50)
        assert [browser.get(link).status_code for link in links] == [410, 200, 200]
        assert browser.post(links[0], data={"password": NEW}).status_code == 410
        assert browser.post(links[2], data={"password": NEW}).url.path == "/badges"
        assert browser.get(links[1]).status_code == 410


def test_of_two_uses_of_a_reset_link_at_once_one_counts(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post("/forgot", data={"email": "a@example.jp"})
        link = wallet.mailed_link("reset-password")
    answers: list[int] = []
    together = Barrier(3)

    def use(number: int) -> None:
        with wallet.browser() as other:
            together.wait()
            answers.append(other.post(link, data={"password": f"{NEW} {number}"}).status_code)

    threads = [Thread(target=use, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 410, 410]
    assert len(notices(wallet)) == 1


def test_links_of_one_purpose_and_changed_ones_open_nothing(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post("/forgot", data={"email": "a@example.jp"})
        browser.post("/account/addresses", data={"email": "b@example.jp", "current": PASSWORD})
        _, _, reset, token = wallet.mailed_link("reset-password").split("/")
        _, _, verify, other = wallet.mailed_link("verify-address").split("/")
        for path in (
            f"/reset/{reset}/{token[:-1]}",
            f"/reset/{reset}/{mail_token(SECRET, 'verify', reset)}",
            f"/reset/{verify}/{other}",
            f"/reset/{verify}/{mail_token(SECRET, 'reset', verify)}",
            f"/verify/{reset}/{mail_token(SECRET, 'verify', reset)}",
            f"/reset/{reset}x/{token}",
        ):
            assert browser.get(path).status_code == 404, path
            assert browser.post(path, data={"password": NEW}).status_code == 404, path
        assert log_in(browser, "a@example.jp").url.path == "/badges"


@pytest.mark.parametrize(("page", "letter"), [("/forgot", "reset-password"), ("/new-link", "new-link")])
def test_whoever_asks_learns_nothing_and_can_ask_for_few_letters(wallet: Wallet, page: str, letter: str) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    if letter == "reset-password":
        with wallet.browser() as browser:
            join(browser, wallet, badge)
    with wallet.browser() as stranger:
        answers = {
            (answer.status_code, answer.text)
            for address in ("a@example.jp", "nobody@example.jp") * 5
            for answer in [stranger.post(page, data={"email": address})]
        }
        assert len(answers) == 1
    assert len(wallet.letters(letter)) == 3
    assert wallet.letters(letter, "nobody@example.jp") == []
    wallet.clock.now += timedelta(hours=1)
    with wallet.browser() as stranger:
        stranger.post(page, data={"email": "a@example.jp"})
    assert len(wallet.letters(letter)) == 4


def test_the_letter_speaks_the_language_of_the_page_where_it_was_asked_for(wallet: Wallet) -> None:
    wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        browser.post("/new-link?lang=en", data={"email": "a@example.jp"})
    letter = wallet.letters("new-link")[0]
    assert letter.language == "en"


# ── wrong tries ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_strangers_wrong_tries_keep_no_owner_out(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as owner, wallet.browser() as stranger, wallet.browser() as elsewhere:
        join(owner, wallet, badge)
        owner.post("/logout")
        for _ in range(3):  # in each window again
            tries = [log_in(stranger, "a@example.jp", "a wrong password").status_code for _ in range(12)]
            assert tries == [422] * 10 + [429] * 2
            assert log_in(stranger, "a@example.jp").status_code == 429, "even with the right password"
            assert log_in(owner, "a@example.jp").url.path == "/badges", "from a browser that is known"
            owner.post("/logout")
            wallet.clock.now += timedelta(minutes=15)
        for _ in range(11):
            log_in(stranger, "a@example.jp", "a wrong password")
        elsewhere.post("/forgot", data={"email": "a@example.jp"})
        link = wallet.mailed_link("reset-password")
        assert elsewhere.post(link, data={"password": NEW}).url.path == "/badges", "or by a letter, from any browser"


def test_a_browser_that_is_known_has_ten_tries_of_its_own(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        browser.post("/logout")
        assert [log_in(browser, "a@example.jp", "wrong").status_code for _ in range(11)] == [422] * 10 + [429]
        wallet.clock.now += timedelta(minutes=15)
        assert log_in(browser, "a@example.jp").url.path == "/badges"


def test_a_known_browser_of_one_account_is_a_stranger_to_another(wallet: Wallet) -> None:
    mine, others = wallet.issue("a@example.jp").assertion_id, wallet.issue("b@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, mine)
        join(other, wallet, others)
        assert [log_in(browser, "b@example.jp", "wrong").status_code for _ in range(11)] == [422] * 10 + [429]
        other.post("/logout")
        assert log_in(other, "b@example.jp").url.path == "/badges"


def test_one_source_has_a_hundred_tries_at_all_addresses_and_good_ones_are_not_counted(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
    for _ in range(3):
        with wallet.browser() as fresh:
            assert log_in(fresh, "a@example.jp").url.path == "/badges"
    limits = [f"{number}@example.jp" for number in range(101)]
    with wallet.browser() as stranger:
        answers = [log_in(stranger, address, "x").status_code for address in limits]
    assert answers == [422] * 100 + [429]


def test_the_present_password_can_be_tried_ten_times(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        data = {"current": "wrong", "password": NEW}
        answers = [browser.post("/account/password", data=data).status_code for _ in range(11)]
        assert answers == [422] * 10 + [429]
        assert browser.post("/account/password", data={**data, "current": PASSWORD}).status_code == 429


def test_the_log_tells_of_logins_and_changes_by_number_only(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with structlog.testing.capture_logs() as lines, wallet.browser() as browser:
        join(browser, wallet, badge)
        log_in(browser, "a@example.jp", "a wrong password")
        log_in(browser, "nobody@example.jp", "a wrong password")
        browser.post("/account/password", data={"current": PASSWORD, "password": NEW})
        browser.post("/forgot", data={"email": "a@example.jp"})
        link = wallet.mailed_link("reset-password")
        browser.get(link)
    told = [(line["event"], line.get("cause") or line.get("what")) for line in lines]
    assert told.count(("refused", "wrong-password")) == 2
    assert ("logged-in", None) in told and ("changed", "password-changed") in told
    for word in ("example.jp", "髙橋", "高橋", "password!", PASSWORD, NEW, "a wrong", link.rpartition("/")[2]):
        assert word not in str(lines)
