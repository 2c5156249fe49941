"""What is checked in for the check in the browser is what its sources give, small, and may stand in an HTML file."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

from services.verifier.check.verdict import EXIT_CODES
from services.verifier.web import browser_words

VERIFIER = Path("services/verifier")
STATIC = VERIFIER / "static"


def test_the_words_in_the_browser_are_those_of_the_page() -> None:
    assert (VERIFIER / "browser" / "words.json").read_text(encoding="utf-8") == browser_words.as_text()


def test_every_verdict_has_words_in_the_browser() -> None:
    words = browser_words.words()
    for part in ("headings", "shapes", "sentences", "next"):
        assert set(words[part]) == {*EXIT_CODES, "empty", "unread", "other-issuer", "replaced", "erased"}
    waiting = words["sentences"]["waiting-for-receipt"]
    assert "{from}から{until}まで" in waiting["ja"] and "{from} to {until}" in waiting["en"]
    assert "{until}" in words["sentences"]["expired"]["en"] and "{society}" in words["sentences"]["valid"]["ja"]
    assert words["sentences"]["could-not-check"]["ja"].startswith("{sources}")
    assert words["and"] == {"ja": "と", "en": " and "}


def test_the_script_in_the_repository_is_built_from_its_sources() -> None:
    built = subprocess.run(
        ["node", "services/verifier/browser/build.mjs", "--check"], capture_output=True, text=True, timeout=60
    )
    assert built.returncode == 0, built.stderr


def test_the_page_is_small() -> None:
    script = (STATIC / "check.min.js").read_bytes()
    assert len(gzip.compress(script, 9)) < 300_000
    assert len(script) < 900_000


def test_the_script_does_not_close_the_element_that_holds_it() -> None:
    script = (STATIC / "check.min.js").read_text(encoding="utf-8").lower()
    assert "</script" not in script and "<!--" not in script
