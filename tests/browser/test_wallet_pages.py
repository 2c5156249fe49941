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
