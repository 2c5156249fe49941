"""Asking the check of the browser, run in Node from its sources: `tests/browser/verdicts.mjs`."""

from __future__ import annotations

import base64
from collections.abc import Callable
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


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "one character of the name": lambda d: d["credentialSubject"]["identifier"][1].update(identityHash="高橋 一郎"),
    "a number": lambda d: d["credentialSubject"].update(licenseNumber="99-99999"),
    "the end": lambda d: d.update(validUntil="2099-03-31T23:59:59+09:00"),
    "a property of no context": lambda d: d.update(unsigned="something"),
    "a property deep down": lambda d: d["credentialSubject"]["achievement"].update(note="something"),
    "the bit": lambda d: d["credentialStatus"].update(statusListIndex="1"),
    "the order of the proofs": lambda d: d["proof"].reverse(),
    "the suite": lambda d: d["proof"][0].update(cryptosuite="merkle-proof-2019"),
    "the proof's day": lambda d: d["proof"][0].update(created="2026-04-01T00:00:13Z"),
    "the proof's purpose": lambda d: d["proof"][0].update(proofPurpose="authentication"),
    "a word in the proof": lambda d: d["proof"][0].update(nonsense="x"),
    "contexts": lambda d: d.update({"@context": d["@context"][:1]}),
    "a context of his own": lambda d: d["@context"].append({"note": "https://example.org/note"}),
    "a context elsewhere": lambda d: d["@context"].append("https://forger.example/context.json"),
    "a keyword": lambda d: d["credentialSubject"].update({"@nest": {}}),
    "null": lambda d: d["credentialSubject"].update(licenseNumber=None),
    "a broken number": lambda d: d.update(name=1.5),
    "no proof": lambda d: d.pop("proof"),
    "no end": lambda d: d.pop("validUntil"),
    "a day for a moment": lambda d: d.update(validFrom="2026-04-01"),
    "a moment with a space": lambda d: d.update(validFrom="2026-04-01 00:00:00+09:00"),
    "an offset without its colon": lambda d: d.update(validUntil="2030-03-31T23:59:59+0900"),
    "an end beyond the calendar": lambda d: d.update(validUntil="9999-12-31T23:59:59Z"),
    "a beginning before it": lambda d: d.update(validFrom="0001-01-01T00:00:00+12:00"),
    "no entry for revocation": lambda d: d["credentialStatus"].update(type="StatusList2021Entry"),
    "two bits": lambda d: d["credentialStatus"].update(statusSize=2),
    "another kind": lambda d: d.update(type=["VerifiableCredential"]),
    "a list of subjects": lambda d: d.update(credentialSubject=[d["credentialSubject"]]),
    "a half proof": lambda d: d["proof"][1].update(proofValue=d["proof"][1]["proofValue"][:-4]),
    "no base58": lambda d: d["proof"][1].update(proofValue="z0OIl"),
    "a signature cut off": lambda d: d["proof"][0].update(proofValue=d["proof"][0]["proofValue"][:-1]),
}
"""Changes of a good badge after which it is not valid, by name."""
