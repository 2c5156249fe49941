from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from services.anchor.keystore import create_keystore, open_keystore
from shared.errors import RefuseToStart


def create(folder: Path) -> str:
    return create_keystore(folder / "key.json", folder / "word", folder / "public.json", rounds=2)


def test_an_existing_key_is_kept(tmp_path: Path) -> None:
    assert create(tmp_path) == create(tmp_path)


def test_the_public_key_is_the_one_of_the_address(tmp_path: Path) -> None:
    address = create(tmp_path)
    jwk = json.loads((tmp_path / "public.json").read_text())
    point = b"".join(base64.urlsafe_b64decode(jwk[axis] + "=") for axis in "xy")
    assert "0x" + keccak(point)[-20:].hex() == address.lower()
    assert (jwk["kty"], jwk["crv"]) == ("EC", "secp256k1")


def test_keystore_and_password_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    create(tmp_path)
    assert {(tmp_path / name).stat().st_mode & 0o077 for name in ("key.json", "word")} == {0}


def test_a_wrong_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "other").write_text("guess-0123456789")
    with pytest.raises(RefuseToStart, match="CHAIN_KEYSTORE_FILE") as refused:
        open_keystore(tmp_path / "key.json", tmp_path / "other")
    assert "guess" not in str(refused.value)
