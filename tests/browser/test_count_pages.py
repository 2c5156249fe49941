"""The pages of the public count, and its check on the page that checks files, in a real browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_port
from shared import object_keys
from tests.worlds.anvil import anvil
from tests.worlds.count_site import show
from tests.worlds.counts import CountWorld, sound_world
from tests.worlds.postgres import Databases
from tests.worlds.verifier import VerifierWorld, verifier_world

_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def shown(databases: Databases) -> Iterator[tuple[VerifierWorld, CountWorld]]:
    port = free_port()
    with anvil() as chain, verifier_world(chain, databases.fresh(), port) as site:
        counts = sound_world(site.url)
        counts.anchor()
        show(site, counts)
        yield site, counts


def look(site: VerifierWorld, *paths: str, width: str, lang: str) -> list[dict[str, Any]]:
    """The pages as screens.mjs saw them: no finding of axe-core, no overflow, no target too small."""
    words = ["node", str(_HERE / "screens.mjs"), "--width", width, "--lang", lang, *(f"{site.url}{p}" for p in paths)]
    seen = subprocess.run(words, capture_output=True, text=True, timeout=180)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    pages: list[dict[str, Any]] = json.loads(seen.stdout)["pages"]
    assert not any(page["small"] for page in pages)
    return pages


@pytest.mark.parametrize("width, lang", [("390", "ja-JP"), ("320", "en-US")])
def test_the_pages_of_the_count_are_for_everybody(
    shown: tuple[VerifierWorld, CountWorld], width: str, lang: str
) -> None:
    site, _ = shown
    pages = look(site, "/statements", "/statements/2026", "/statements/2026/1", width=width, lang=lang)
    assert len(pages) == 3


def test_a_visitor_checks_a_statement_within_the_browser(
    shown: tuple[VerifierWorld, CountWorld], tmp_path: Path
) -> None:
    site, counts = shown
    true = counts.kept[object_keys.statement("2026", 3)]
    false = true.replace(b'"issued":65,"valid":62', b'"issued":66,"valid":63', 1)
    files = {"true": true, "false": false}
    for name, body in files.items():
        (tmp_path / f"{name}.json").write_bytes(body)
    steps = [
        {"page": f"{site.url}/check", "file": str(tmp_path / f"{name}.json"), "node": site.chain.url, "language": lang}
        for name, lang in (("true", "ja"), ("true", "en"), ("false", "ja"))
    ]
    ran = subprocess.run(
        ["node", str(_HERE / "check_page.mjs")],
        input=json.dumps({"now": counts.now.isoformat(), "steps": steps}).encode(),
        capture_output=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    right, english, wrong = json.loads(ran.stdout)
    for answer in (right, english, wrong):
        assert (answer["violations"], answer["overflow"], answer["before"], answer["broken"]) == ([], 0, [], [])
    assert right["heading"] == "集計は記録と一致しています" and right["checks"] == ["ok"] * 9
    assert "65" in right["facts"] and english["heading"] == "The count agrees with the records"
    assert wrong["heading"] == "集計は記録と一致しません" and wrong["facts"] == ""
    assert wrong["checks"][2] == "no"
