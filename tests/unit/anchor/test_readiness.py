"""Anchor says whether the chain key's files are those that it sends with, and whether its key is listed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.anchor.domain.batching import BatchRules
from services.anchor.domain.costs import batches_of
from services.anchor.readiness import chain_key
from shared.object_keys import DID_DOCUMENT
from tests.worlds.objects import MemoryObjects

ADDRESS = "0x" + "ab" * 20
METHOD = "did:web:badges.example.jp#chain"


def ports(content: bytes | None = None, *, away: bool = False) -> Any:
    kept = {} if content is None else {DID_DOCUMENT: content}
    return SimpleNamespace(verification_method=METHOD, objects=MemoryObjects(kept, away=away))


def listing(*names: str) -> bytes:
    return json.dumps({"verificationMethod": [{"id": name} for name in names]}).encode()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    keystore, password = tmp_path / "keystore.json", tmp_path / "password"
    keystore.write_text(json.dumps({"address": "AB" * 20, "crypto": {}, "version": 3}))
    password.write_text("secret-word\n")
    return keystore, password


def codes(files: tuple[Path, Path], asked: Any) -> list[str | None]:
    report = chain_key(*files, ADDRESS, asked)
    assert "secret-word" not in repr(report)
    return [each.code for each in report.findings]


def test_files_of_our_account_with_a_listed_key_are_well(files: tuple[Path, Path]) -> None:
    assert codes(files, ports(listing("did:web:x#other", METHOD))) == [None, None]
    files[0].write_text('{"crypto": {}, "version": 3}')  # a keystore need not name its address
    assert codes(files, ports(listing(METHOD)))[0] is None


@pytest.mark.parametrize("content", ["", "no json", "[]", "null"])
def test_a_keystore_that_is_none_is_at_fault(files: tuple[Path, Path], content: str) -> None:
    files[0].write_text(content)
    assert codes(files, ports(listing(METHOD)))[0] == "key-unreadable"


def test_another_accounts_keystore_a_missing_file_and_an_empty_password_are_at_fault(files: tuple[Path, Path]) -> None:
    files[1].write_text("\n")
    assert codes(files, ports(listing(METHOD)))[0] == "key-unreadable"
    files[1].write_text("secret-word")
    files[0].write_text(json.dumps({"address": "cd" * 20}))
    assert codes(files, ports(listing(METHOD)))[0] == "key-replaced"
    files[0].unlink()
    assert codes(files, ports(listing(METHOD)))[0] == "key-unreadable"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "did-not-yet"),
        (listing("did:web:badges.example.jp#chain-2"), "did-lacks-key"),
        (b"{}", "did-unreadable"),
        (b"\xff", "did-unreadable"),
    ],
)
def test_a_key_that_verifiers_do_not_find_is_at_fault(
    files: tuple[Path, Path], content: bytes | None, code: str
) -> None:
    assert codes(files, ports(content))[1] == code
    assert codes(files, ports(away=True)) == [None, "storage-away"]


@pytest.mark.parametrize(("leaves", "batches"), [(0, 0), (1, 1), (20_000, 1), (20_001, 2), (100_000, 5)])
def test_a_cohort_fills_so_many_batches(leaves: int, batches: int) -> None:
    assert batches_of(leaves, BatchRules(size=20_000, age=timedelta(days=1))) == batches
