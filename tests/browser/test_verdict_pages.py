"""The public pages in a real browser, one for each verdict: axe-core finds nothing, nothing is wider than a phone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_port
from services.verifier.store import VerifierTransaction
from shared.events import AssertionRevoked, BadgeVisibilityChanged
from tests.worlds.anvil import anvil
from tests.worlds.postgres import postgres
from tests.worlds.verifier import AT, VerifierWorld, verifier_world

SCREENS = Path(__file__).with_name("screens.mjs")


@pytest.fixture
def world() -> Iterator[VerifierWorld]:
    port = free_port()
    with postgres() as databases, anvil() as chain, verifier_world(chain, databases.fresh(), port) as made:
        yield made


def look(*targets: str, width: str = "390", lang: str = "ja-JP") -> dict[str, Any]:
    words = ["node", str(SCREENS), "--width", width, "--lang", lang, *targets]
    seen = subprocess.run(words, capture_output=True, text=True, timeout=180)
    report: dict[str, Any] = json.loads(seen.stdout)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    return report


def id_of(document: dict[str, Any]) -> str:
    return str(document["id"]).rpartition("/")[2].removesuffix(".json")


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_a_verdict_can_be_read_by_everybody(world: VerifierWorld, width: str, lang: str) -> None:
    pictures = os.environ.get("AKASHI_PICTURES")  # a folder: to look at them
    names = ("valid", "revoked", "replaced", "hidden", "forged")
    made = dict(zip(names, world.anchor(*[world.issue(n) for n in (1, 4, 7, 10, 13)]), strict=True))
    world.note(
        VerifierTransaction.note_revoked,
        AssertionRevoked(assertion_id=id_of(made["revoked"]), reason="本人の申し出", revoked_at=AT),
        AssertionRevoked(
            assertion_id=id_of(made["replaced"]), reason="訂正", revoked_at=AT, replaced_by=id_of(made["valid"])
        ),
    )
    hidden = BadgeVisibilityChanged(assertion_id=id_of(made["hidden"]), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hidden)
    world.put({**made["forged"], "name": "偽"})
    made["in-progress"] = world.issue(16)

    def target(name: str, path: str) -> str:
        return f"{world.url}{path}" + (f"={pictures}/{name}-{lang[:2]}-{width}.png" if pictures else "")

    pages = [target(name, f"/V/{id_of(document)}") for name, document in made.items()]
    look(*pages, target("front", "/"), width=width, lang=lang)
    node, world.node = world.node, "http://127.0.0.1:9"
    look(target("could-not-check", f"/V/{id_of(made['valid'])}"), width=width, lang=lang)
    world.node, world.moment = node, AT + timedelta(days=3650)
    look(target("expired", f"/V/{id_of(made['valid'])}"), width=width, lang=lang)
    world.moment = AT
