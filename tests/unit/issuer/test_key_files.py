from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from services.issuer.signing.key_files import create_key, load_key
from tests.worlds.credentials import KEY


def pem(
    folder: Path, *, mode: int = 0o600, key: object = KEY.private, encryption: KeySerializationEncryption | None = None
) -> Path:
    path = folder / "issuer.pem"
    assert hasattr(key, "private_bytes")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_that_only_owner_and_group_can_read_is_loaded(tmp_path: Path, mode: int) -> None:
    assert load_key(pem(tmp_path, mode=mode)).private_bytes_raw() == KEY.private.private_bytes_raw()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o601, 0o660, 0o666, 0o777])
def test_a_key_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match=f"{mode:04o}.*chmod 600"):
        load_key(pem(tmp_path, mode=mode))


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an Ed25519 key"):
        load_key(pem(tmp_path, key=generate_private_key(SECP256K1())))


def test_a_locked_or_broken_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unencrypted PKCS #8"):
        load_key(pem(tmp_path, encryption=BestAvailableEncryption(b"password")))
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="ascii")
    broken.chmod(0o600)
    with pytest.raises(ValueError, match="unencrypted PKCS #8"):
        load_key(broken)


def test_after_dying_while_a_key_is_made_there_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        create_key(tmp_path / "issuer.pem")
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_made_by_another_process_in_the_meantime_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, link = tmp_path / "issuer.pem", os.link

    def late(source: Any, target: Any) -> None:
        file.write_text("another's")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        create_key(file)
    assert file.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [file]
