"""The wallet's pages in a real browser: axe-core finds nothing, nothing is wider than a phone, no script fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.issuer.badge_art import badge_png
from services.wallet import handlers
from shared.events import AssertionRevoked
from tests.wallet import PROGRAMME, START, Wallet, anchored, join, running_wallet, wallet_database

SCREENS = Path(__file__).with_name("screens.mjs")


@pytest.fixture(scope="module")
def wallet() -> Iterator[Wallet]:
    with wallet_database() as database, running_wallet(database) as wallet:
        for qualification in PROGRAMME.qualifications:
            art = badge_png(qualification, "2026", PROGRAMME, Path("node_modules/@expo-google-fonts"))
            wallet.objects.bodies[f"badges/{qualification}/2026.png"] = art
        yield wallet


def _look(urls: Sequence[str], *options: str) -> dict[str, Any]:
    seen = subprocess.run(["node", SCREENS, *options, *urls], capture_output=True, text=True, timeout=120)
    report: dict[str, Any] = json.loads(seen.stdout)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert len(report["pages"]) == len(urls)
    return report


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_a_page_can_not_be_used_by_everybody(wallet: Wallet, width: str, lang: str) -> None:
    address = f"holder{width}@example.jp"
    done, pending, revoked, waiting = [wallet.issue(address).assertion_id for _ in range(4)]
    fresh = wallet.issue(f"fresh{width}@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, done, name="山田 花子")
        browser.post(wallet.link(pending))
        browser.post(wallet.link(revoked))
        cookie = browser.cookies["wallet"]
    wallet.finish(done)
    handlers.note_anchored([anchored(pending)], wallet.ports)
    handlers.note_revoked([AssertionRevoked(assertion_id=revoked, reason="error", revoked_at=START)], wallet.ports)

    own = [f"/badges/{id}?received=1" for id in (done, pending, revoked, waiting)]
    signed_in = [wallet.url + path for path in ("/badges", *own, wallet.link(waiting))]
    _look(signed_in, "--width", width, "--lang", lang, "--cookie", f"wallet={cookie}")
    strangers = [
        wallet.url + path for path in (wallet.link(fresh), wallet.link(waiting), "/login", "/receive/A/x", "/x")
    ]
    _look(strangers, "--width", width, "--lang", lang)


def test_a_refused_form_does_not_say_where(wallet: Wallet) -> None:
    fresh = wallet.issue("refused@example.jp").assertion_id
    fill = ["--fill", "full_name=山田", "--fill", "password=short", "--click", "受領する"]
    report = _look([wallet.url + wallet.link(fresh)], *fill)
    assert report["pages"][0]["status"] == 422
