"""tests/schemas/fetch.py: what is unpacked has the hash that was expected."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.schemas.fetch import unpack

BODY = b'{"$id": "a schema"}'
DIGEST = sha256(BODY).hexdigest()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A source package with one schema in a folder of it."""
    path = tmp_path / "some-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        member = tarfile.TarInfo("some-1.0/fixtures/schema.json")
        member.size = len(BODY)
        opened.addfile(member, io.BytesIO(BODY))
    return path


def test_only_the_expected_files_are_unpacked(package: Path, tmp_path: Path) -> None:
    unpack(package, {"schema.json": DIGEST}, tmp_path / "schemas")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "schemas").iterdir()] == [("schema.json", BODY)]


def test_a_file_with_another_hash_is_named_with_both_hashes_and_nothing_is_written(
    package: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"schema\.json .*got SHA-256 {DIGEST}, expected {'0' * 64}"):
        unpack(package, {"schema.json": "0" * 64}, tmp_path / "schemas")
    assert not (tmp_path / "schemas").exists()


def test_a_missing_file_is_named(package: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"other\.json: not in some-1\.0\.tar\.gz"):
        unpack(package, {"other.json": DIGEST}, tmp_path / "schemas")
