"""What the issuer makes, compared with files. How to write them again: tests/golden/README.md."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.issuer.domain.credential import badge_document, profile_document
from services.issuer.signing.signer import Signer
from shared.credentials.credential import canonical_form, leaf_of
from shared.credentials.status_list import LENGTH, decoded, is_set
from tests.worlds.credentials import DID, ISSUER, KEY, NOW, SECRET, assertion, status_list

FOLDER = Path(__file__).resolve().parents[2] / "golden"
WRITE = bool(os.environ.get("AKASHI_WRITE_GOLDEN"))

_FORMER = assertion(2).assertion_id
_SHAPES: dict[str, dict[str, Any]] = {
    "new": {},
    "renewal": {"kind": "renewal", "previous_registration_id": "R-00002", "replaces": _FORMER},
    "corrected": {"family_name": "高橋", "version": 2, "corrects": assertion(1).assertion_id},
    "corrected-renewal": {
        "kind": "renewal",
        "previous_registration_id": "R-00002",
        "replaces": _FORMER,
        "version": 2,
        "corrects": assertion(1).assertion_id,
    },
    "later-edition": {"edition": "2026-2"},
    "latin-name": {"family_name_latin": "TAKAHASHI", "given_name_latin": "Ichiro"},
    "rare-characters": {"family_name": "𠮷野", "given_name": '辻󠄀"子\\', "pass_number": "合格 P25-0001（再）"},
}
_OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "profile": lambda: profile_document(ISSUER),
    "status-list": lambda: _readable(status_list(5, 131_071)),
    "did": lambda: DID,
    **{
        f"badge-class-{qualification}": lambda qualification=qualification: badge_document(  # type: ignore[misc]
            ISSUER, qualification, "2026"
        )
        for qualification in ISSUER.programme.qualifications
    },
}


def _readable(status: dict[str, Any]) -> dict[str, Any]:
    """The status list with its bits as numbers, without proof: not every zlib packs the same bits to the same bytes."""
    subject = status["credentialSubject"]
    bits = decoded(subject["encodedList"])
    found = [index for index in range(LENGTH) if is_set(bits, index)]
    readable = {**status, "credentialSubject": {**subject, "encodedList": found}}
    return {name: value for name, value in readable.items() if name != "proof"}


def same_as_golden(name: str, text: str) -> None:
    path = FOLDER / name
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("shape", sorted(_SHAPES))
def test_a_credential_equals_its_golden_file(shape: str) -> None:
    sealed = Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, **_SHAPES[shape]), NOW)
    document = json.loads(sealed.body)
    assert leaf_of(document) == sealed.leaf
    same_as_golden(f"credential-{shape}.json", pretty(document))
    same_as_golden(f"credential-{shape}.nq", canonical_form(document))


@pytest.mark.parametrize("name", sorted(_OTHERS))
def test_a_document_equals_its_golden_file(name: str) -> None:
    same_as_golden(f"{name}.json", pretty(_OTHERS[name]()))


def test_every_golden_file_is_compared() -> None:
    expected = {f"credential-{shape}.{form}" for shape in _SHAPES for form in ("json", "nq")}
    assert {path.name for path in FOLDER.iterdir()} == expected | {f"{name}.json" for name in _OTHERS} | {"README.md"}


def pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
