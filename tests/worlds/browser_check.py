"""Asking the check of the browser, run in Node from its sources: `tests/browser/verdicts.mjs`."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

Answer = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A file, and the world it is checked in. `away`: beginnings of addresses that don't answer."""

    file: bytes
    now: datetime
    node: str = ""
    given: dict[str, Any] | None = None
    away: tuple[str, ...] = ()
    issuer: dict[str, Any] | None = None  # instead of the one for all


def ask_browser_check(issuer: dict[str, Any], *cases: Case) -> list[Answer]:
    """One answer a case, of the form that `verdicts.mjs` describes. `issuer` as the page's own configuration has it."""
    request = {
        "issuer": issuer,
        "cases": [
            {
                "file": base64.b64encode(case.file).decode(),
                "now": case.now.isoformat(),
                "nodeUrl": case.node,
                "given": case.given,
                "away": list(case.away),
                "issuer": case.issuer,
            }
            for case in cases
        ],
    }
    ran = subprocess.run(
        ["node", "--no-warnings", str(Path(__file__).parents[1] / "browser" / "verdicts.mjs")],
        input=json.dumps(request).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    answers: list[Answer] = json.loads(ran.stdout)
    assert len(answers) == len(cases)
    return answers
