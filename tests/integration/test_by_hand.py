"""The commands of docs/verification.md, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_port
from tests.corpus.forgeries import FORGERIES
from tests.worlds.anvil import anvil
from tests.worlds.postgres import postgres
from tests.worlds.verifier import VerifierWorld, verifier_world

ROOT = Path(__file__).parent.parent.parent
COMMANDS = "\n".join(re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs/verification.md").read_text(), re.S | re.M))


@pytest.fixture(scope="module")
def world() -> Iterator[VerifierWorld]:
    port = free_port()
    with postgres() as databases, anvil() as chain, verifier_world(chain, databases.fresh(), port) as made:
        made.moment = datetime.now(UTC)  # the commands use the real time
        made.revoke()
        yield made


@pytest.fixture(scope="module")
def badges(world: VerifierWorld) -> list[dict[str, Any]]:
    return world.anchor(*[world.issue(number) for number in range(1, 4)])


def by_hand(world: VerifierWorld, folder: Path, document: dict[str, Any]) -> tuple[bool, str]:
    """Whether all commands went through, and what they said."""
    (folder / "badge.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    shutil.copytree(ROOT / "shared" / "credentials" / "contexts", folder / "contexts")
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(ROOT / "node_modules"),
        "SITE": world.url,
        "NODE": world.chain.url,
        "REGISTRY": world.registry,
        "no_proxy": "*",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", COMMANDS], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_a_good_badge_is_valid_by_hand(world: VerifierWorld, badges: list[dict[str, Any]], tmp_path: Path) -> None:
    through, said = by_hand(world, tmp_path, badges[0])
    assert through, said
    assert said.count("Signature Verified Successfully") == 2
    for line in ("髙橋 一郎", "keys of did:web:", "now is within it", "the list is current", "revoked: no"):
        assert line in said
    assert re.search(r"root in block \d+, which is final\nsent by 0x", said)


@pytest.mark.parametrize(
    "name",
    ["another name", "the neighbour's path", "an inner node as leaf", "a root of its own", "a reverted transaction",
     "a foreign contract", "the issuer's name on another's key", "a path longer than any tree"],
)  # fmt: skip
def test_a_forgery_is_refused_by_hand(
    name: str, world: VerifierWorld, badges: list[dict[str, Any]], tmp_path: Path
) -> None:
    through, said = by_hand(world, tmp_path, FORGERIES[name](world, badges[0], badges[1]))
    assert not through and "which is final\nsent by" not in said


def test_a_revoked_badge_is_seen_by_hand(world: VerifierWorld, badges: list[dict[str, Any]], tmp_path: Path) -> None:
    world.revoke(int(badges[2]["credentialStatus"]["statusListIndex"]))
    through, said = by_hand(world, tmp_path, badges[2])
    world.revoke()
    assert through and "revoked: YES" in said
