"""Asking the check of the browser, run in Node from its sources: `tests/browser/verdicts.mjs`."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.worlds.node import node_script

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
    answers: list[Answer] = node_script("browser/verdicts.mjs").ask(request)
    assert len(answers) == len(cases)
    return answers
