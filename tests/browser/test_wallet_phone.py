"""What happens to a holder on a phone: large letters, a small screen, quick presses, a session that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.worlds.browser_walk import Walk, walking
from tests.worlds.wallet import PASSWORD, Wallet, join, renewed, revoked, running_wallet, wallet_database

NEW = "yaki-imo 43 enpitsu"
LONG = "長" * 64


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        yield wallet


@pytest.fixture(scope="module")
def walk(wallet: Wallet) -> Iterator[Walk]:
    with walking(wallet.url) as walk:
        yield walk


def finished(wallet: Wallet, address: str) -> str:
    """A badge that its holder has received, and that is issued."""
    badge = wallet.issue(address).assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
    wallet.finish(badge)
    return badge


def log_in(walk: Walk, address: str, button: str = "ログイン") -> None:
    walk.goto("/login")
    walk.fill(email=address, password=PASSWORD)
    assert walk.click(button) == "/badges"


@pytest.mark.parametrize(
    ("width", "lang", "letters"), [(390, "ja-JP", 2), (390, "ja-JP", 1.5), (320, "en-US", 1), (320, "ja-JP", 1)]
)
def test_every_state_fits_large_letters_and_small_screens(
    wallet: Wallet, walk: Walk, width: int, lang: str, letters: float
) -> None:
    address = f"large{width}{lang}{letters:g}@example.jp".lower().replace("-", "")
    first, pending, withdrawn = (wallet.issue(address) for _ in range(3))
    long = wallet.issue(f"long{address}", family_name=LONG)
    with wallet.browser() as browser:
        join(browser, wallet, first.assertion_id)
        for badge in (pending, withdrawn):
            browser.post(wallet.link(badge.assertion_id))
    wallet.finish(first.assertion_id)
    later = renewed(first)
    wallet.consume(later, revoked(withdrawn.assertion_id))

    walk.open(width=width, lang=lang, letters=letters)
    for path in (wallet.link(long.assertion_id), wallet.link(first.assertion_id), "/guide"):
        walk.goto(path)
        walk.see()
    log_in(walk, address, "ログイン" if lang == "ja-JP" else "Log in")
    list_text = walk.see()["text"]
    assert "2034年3月31日まで" in list_text or "until 31 March 2034" in list_text.replace("\n", " ")
    for badge in (first, pending, withdrawn, later):
        walk.goto(f"/badges/{badge.assertion_id}")
        walk.see()


def test_what_a_press_has_opened_is_on_the_screen(wallet: Wallet, walk: Walk) -> None:
    badge = finished(wallet, "choice@example.jp")
    walk.open()
    log_in(walk, "choice@example.jp")
    walk.goto(f"/badges/{badge}")
    walk.open_choice("PDF")
    assert walk.is_on_screen("ダウンロード")
    walk.goto(f"/badges/{badge}")
    walk.press("URLコピー")
    assert walk.is_on_screen("URLをコピーしました")


def test_two_quick_presses_are_one(wallet: Wallet, walk: Walk) -> None:
    address = "twice@example.jp"
    finished(wallet, address)
    walk.open()
    walk.goto("/forgot")
    walk.fill(email=address)
    assert walk.click_twice("送る") == "/forgot?sent=1"
    assert len(wallet.letters("reset-password", address)) == 1
    walk.goto(wallet.mailed_link("reset-password", address))
    walk.fill(password=NEW)
    assert walk.click_twice("設定してログインする") == "/badges?done=password"
    walk.goto("/account/delete")
    walk.fill(word="削除", current=NEW)
    assert walk.click_twice("アカウントを削除する") == "/login?deleted=1"


def test_who_presses_a_download_after_the_session_has_ended_is_asked_to_log_in(wallet: Wallet, walk: Walk) -> None:
    badge = finished(wallet, "ended@example.jp")
    walk.open()
    for path, press in ((f"/badges/{badge}", "画像"), ("/badges", "すべてのデータを書き出す")):
        log_in(walk, "ended@example.jp")
        walk.goto(path)
        walk.forget()
        assert walk.click(press) == f"/login?next={quote(path, safe='')}"


def test_who_adds_a_passkey_after_the_session_has_ended_is_asked_to_log_in(wallet: Wallet, walk: Walk) -> None:
    finished(wallet, "passkey@example.jp")
    walk.open(passkeys=True)
    log_in(walk, "passkey@example.jp")
    walk.goto("/account")
    walk.forget()
    assert walk.click("パスキーを追加する") == "/login?next=%2Faccount&unsent=1"
    assert "いまの操作は行われていません" in walk.see()["text"]


def test_the_stages_that_are_done_are_told_from_those_to_come_in_forced_colours(wallet: Wallet, walk: Walk) -> None:
    finished(wallet, "forced@example.jp")
    pending = wallet.issue("forced@example.jp").assertion_id
    walk.open(forced=True)
    log_in(walk, "forced@example.jp")
    walk.goto(f"/badges/{pending}")
    walk.click("受領する")
    assert walk.style(".steps .done svg", "color") != walk.style(".steps .done", "backgroundColor", "::before")


def test_nothing_to_press_is_printed(wallet: Wallet, walk: Walk) -> None:
    badge = finished(wallet, "print@example.jp")
    walk.open()
    log_in(walk, "print@example.jp")
    walk.goto(f"/badges/{badge}")
    walk.print()
    for button in ("main .choice", "#paper .btn", ".acts", ".menu"):
        assert walk.style(button, "display") == "none", button
