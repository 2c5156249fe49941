"""Asking a verifier of somebody else's making, @digitalbazaar/vc, offline: `tests/outside/verify.mjs` in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

Answers = list[dict[str, Any]]


def ask_outside_verifier(*requests: dict[str, Any]) -> Answers:
    """One answer a request of {credential, did, statusList, now}: {verified, error, status, canonical}."""
    ran = subprocess.run(
        ["node", str(Path(__file__).parent / "outside" / "verify.mjs")],
        input=json.dumps(requests).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    answers: Answers = json.loads(ran.stdout)
    return answers
