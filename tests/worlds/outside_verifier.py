"""Queries to a third-party verifier, @digitalbazaar/vc, offline: `tests/outside/*.mjs` in Node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from deploy.local.loopback import ask
from tests.worlds.node import TESTS, node_script

Answers = list[dict[str, Any]]
Change = tuple[int, str]
"""A position in a text, and the character that replaces the one there."""


def ask_outside_verifier(*requests: dict[str, Any]) -> Answers:
    """One answer per request of {credential, did, statusList, now}: {verified, error, status, canonical}."""
    answers: Answers = node_script("outside/verify.mjs").ask(requests)
    return answers


def published_at(site: str, credential: dict[str, Any]) -> dict[str, Any]:
    """The question about a credential, with what our site publishes now of its issuer and its status."""
    return {
        "credential": credential,
        "did": ask.get(f"{site}/.well-known/did.json").json(),
        "statusList": ask.get(credential["credentialStatus"]["statusListCredential"]).json(),
        "now": datetime.now(UTC).isoformat(),
    }


def ask_ajv(schemas: Sequence[object], questions: Sequence[tuple[str, Any]]) -> list[list[str]]:
    """What is wrong with each document, a question is ($id of a schema, document); [] where nothing is."""
    found: list[list[str]] = node_script("outside/ajv.mjs").ask({"schemas": schemas, "questions": questions})
    return found


def ask_about_changes(changes: Sequence[Change], **request: Any) -> list[str | None]:
    """Why each change of {text, did, statusList, now} is rejected, None for one that is accepted."""
    rejections: list[str | None] = ask_node("verify_changes.mjs", {**request, "changes": changes})
    return rejections


def ask_node(script: str, request: object) -> Any:
    """What a script of `tests/outside` that is run once answers, JSON both ways."""
    ran = subprocess.run(
        ["node", str(TESTS / "outside" / script)],
        input=json.dumps(request).encode(),
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return json.loads(ran.stdout)
