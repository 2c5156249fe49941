"""The issuer says whether its key can be read and is listed; never the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.issuer.readiness import signing_key
from services.issuer.signing.key_files import create_key, load_key
from services.issuer.signing.keys import SigningKey, did_document
from shared.object_keys import DID_DOCUMENT
from shared.readiness import Finding
from tests.worlds.objects import MemoryObjects

DID = "did:web:badges.example.jp"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    create_key(tmp_path / "issuer.pem")
    return tmp_path / "issuer.pem"


def published(*keys: str) -> MemoryObjects:
    document = did_document(DID, keys, profile_url="https://badges.example.jp/issuer")
    return MemoryObjects({DID_DOCUMENT: json.dumps(document).encode()})


def found(file: Path, key: SigningKey, objects: MemoryObjects) -> list[Finding]:
    report = signing_key(file, key, objects)
    secret = file.read_text().splitlines()[1] if file.exists() and file.stat().st_size else "-----"
    assert objects.puts == [] and (secret not in repr(report) or secret == "-----")
    return list(report.findings)


def test_a_key_that_is_readable_and_listed_is_well(file: Path) -> None:
    key = SigningKey(load_key(file), DID)
    assert [(each.state, each.code) for each in found(file, key, published("zOther", key.public))] == [("ok", None)] * 2


def test_a_key_that_did_json_lacks_is_at_fault_and_named_by_its_public_half(file: Path) -> None:
    key = SigningKey(load_key(file), DID)
    listed = found(file, key, published("zOther"))[1]
    assert (listed.code, listed.facts["key"]) == ("did-lacks-key", key.public)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "did-not-yet"), (b"{}", "did-unreadable"), (b"\xff", "did-unreadable"), (b"[" * 99_999, "did-unreadable")],
)
def test_a_did_json_that_is_none_is_told_from_one_that_is_not_there(
    file: Path, content: bytes | None, code: str
) -> None:
    objects = MemoryObjects({} if content is None else {DID_DOCUMENT: content})
    assert found(file, SigningKey(load_key(file), DID), objects)[1].code == code


def test_while_storage_is_away_the_file_is_looked_at_all_the_same(file: Path) -> None:
    objects = MemoryObjects(away=True)
    assert [each.code for each in found(file, SigningKey(load_key(file), DID), objects)] == [None, "storage-away"]


def test_a_key_file_that_is_gone_closed_open_to_all_empty_or_anothers_is_at_fault(file: Path, tmp_path: Path) -> None:
    key = SigningKey(load_key(file), DID)
    objects = published(key.public)
    file.chmod(0o644)
    assert found(file, key, objects)[0].code == "key-unreadable"
    file.unlink()
    assert found(file, key, objects)[0].code == "key-unreadable"
    file.touch(0o600)
    assert found(file, key, objects)[0].code == "key-unreadable"
    file.unlink()
    create_key(file)
    assert found(file, key, objects)[0].code == "key-replaced"
