"""The wallet's pages in a real browser: axe-core finds nothing, nothing is wider than a phone, no script fails."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.issuer.art.badge_art import badge_png
from tests.worlds.wallet import (
    PROGRAMME,
    Wallet,
    anchored,
    corrected,
    join,
    renewed,
    revoked,
    running_wallet,
    wallet_database,
)

PICTURES = os.environ.get("AKASHI_PICTURES")  # a folder: to look at them
SCREENS = Path(__file__).with_name("screens.mjs")


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        for qualification in PROGRAMME.qualifications:
            art = badge_png(qualification, "2026", PROGRAMME, Path("node_modules/@expo-google-fonts"))
            for edition in ("2026", "2030"):
                wallet.objects.kept[f"badges/{qualification}/{edition}.png"] = art
        yield wallet


def _look(urls: Sequence[str], *options: str) -> dict[str, Any]:
    if PICTURES:
        urls = [f"{url}={PICTURES}/wallet-{uuid4().hex[:6]}-{options[-1][:5]}.png" for url in urls]
    seen = subprocess.run(["node", SCREENS, *options, *urls], capture_output=True, text=True, timeout=120)
    report: dict[str, Any] = json.loads(seen.stdout)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert len(report["pages"]) == len(urls)
    return report


PUBLIC = {
    "ja-JP": (
        "確認ページ：氏名、資格名、登録番号、",
        "合格番号は表示しません",
        "上の内容に加えて、合格番号も入っています",
    ),
    "en-US": (
        "The public page: name, qualification, registration number",
        "not the pass number",
        "and the pass number too",
    ),
}
HIDDEN = {
    "ja-JP": ("番号は公開していません", "登録番号も表示しません", "確認ページからは取得できません"),
    "en-US": ("Your numbers are not public", "Nor the registration number", "does not give them out"),
}


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_every_page_is_accessible_and_fits_a_phone(wallet: Wallet, width: str, lang: str) -> None:
    address = f"holder{width}@example.jp"
    done, pending, withdrawn, waiting = [wallet.issue(address).assertion_id for _ in range(4)]
    fresh = wallet.issue(f"fresh{width}@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, done, name="山田 花子")
        browser.post(wallet.link(pending))
        browser.post(wallet.link(withdrawn))
        cookie = browser.cookies["wallet"]
    wallet.finish(done)
    wallet.consume(anchored(pending), revoked(withdrawn, reason="error"))

    own = [f"/badges/{id}?received=1" for id in (done, pending, withdrawn, waiting)]
    signed_in = [wallet.url + path for path in ("/badges", *own, wallet.link(waiting))]
    seen = _look(signed_in, "--width", width, "--lang", lang, "--cookie", f"wallet={cookie}")["pages"]
    for sentence in PUBLIC[lang]:  # on the badge's page and before it is received
        assert sentence in seen[1]["text"] and sentence in seen[-1]["text"]
    strangers = [
        wallet.url + path for path in (wallet.link(fresh), wallet.link(waiting), "/login", "/receive/A/x", "/x")
    ]
    _look(strangers, "--width", width, "--lang", lang)


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_every_page_of_a_changed_badge_is_accessible_and_fits_a_phone(wallet: Wallet, width: str, lang: str) -> None:
    address = f"later{width}@example.jp"
    held, hidden, ended, moved = [wallet.issue(address) for _ in range(4)]
    with wallet.browser() as browser:
        join(browser, wallet, held.assertion_id, name="高橋 一郎")
        for badge in (hidden, ended, moved):
            browser.post(wallet.link(badge.assertion_id))
            wallet.finish(badge.assertion_id)
        browser.post(f"/badges/{hidden.assertion_id}/details", data={"details": "hidden"})
        cookie = browser.cookies["wallet"]
    fixed = corrected(held)
    later = renewed(fixed)
    wallet.consume(fixed, revoked(held.assertion_id, fixed.assertion_id, "訂正：氏名"), later)
    wallet.finish(fixed.assertion_id)
    elsewhere = corrected(moved, f"elsewhere{width}@example.jp")
    wallet.consume(elsewhere, revoked(moved.assertion_id, elsewhere.assertion_id), revoked(ended.assertion_id))

    ids = [badge.assertion_id for badge in (held, fixed, later, ended, moved)]
    paths = ["/badges", f"/badges/{hidden.assertion_id}?changed=1", *(f"/badges/{id}" for id in ids)]
    urls = [wallet.url + path for path in paths]
    seen = _look(urls, "--width", width, "--lang", lang, "--cookie", f"wallet={cookie}")["pages"]
    assert all(sentence in seen[1]["text"] for sentence in HIDDEN[lang])
    waiting = wallet.issue(f"stranger{width}@example.jp")
    wallet.consume(corrected(waiting, f"other{width}@example.jp"))
    _look([wallet.url + wallet.link(waiting.assertion_id)], "--width", width, "--lang", lang)


def test_a_refused_form_is_accessible_and_says_what_to_correct(wallet: Wallet) -> None:
    fresh = wallet.issue("refused@example.jp").assertion_id
    fill = ["--fill", "full_name=山田", "--fill", "password=short", "--click", "受領する"]
    report = _look([wallet.url + wallet.link(fresh)], *fill)
    assert report["pages"][0]["status"] == 422


ADDRESS = ("addressee=山田 花子", "postcode=１０２００８２", "prefecture=東京都", "line=千代田区一番町1-2 見本ビル3階")


def test_paper_is_ordered_on_a_phone_and_a_refused_order_says_what_to_correct(wallet: Wallet) -> None:
    done, other, pending = [wallet.issue("paper@example.jp").assertion_id for _ in range(3)]
    with wallet.browser() as browser:
        join(browser, wallet, done, name="高橋 一郎")
        for badge in (other, pending):
            browser.post(wallet.link(badge))
        cookie = browser.cookies["wallet"]
    for badge in (done, other):
        wallet.finish(badge)
    forms = [f"{wallet.url}/badges/{badge}/paper" for badge in (done, other, pending)]
    fill = [option for text in ADDRESS for option in ("--fill", text)]
    signed_in = ("--cookie", f"wallet={cookie}")
    ordered, again, form, none = _look([forms[0], *forms], *fill, "--click", "申し込む", *signed_in, "--width", "320")[
        "pages"
    ]
    assert "お申し込みを受け付けました" in ordered["text"] and "見本銀行" in ordered["text"]
    assert "お支払い待ち" in again["text"] and "送り先を入力し直す" in again["text"]
    assert "登録番号の入力はいりません" in form["text"]
    assert "発行が完了した" in none["text"]

    with wallet.ports.store.transaction() as tx:
        order_id = tx.fetch_value("select max(order_id) from paper_orders")
    urls = [forms[1], f"{forms[0]}/{order_id}/address", forms[0]]
    options = [*fill, "--fill", "postcode=12", "--click", "Order", *signed_in, "--lang", "en-US"]
    refused, address, state = _look(urls, *options)["pages"]
    assert refused["status"] == 422 and "Enter seven figures." in refused["text"]
    assert "Send it here" in address["text"] and "Awaiting payment" in state["text"]
