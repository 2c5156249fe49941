from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from services.anchor.network.keystore import create_keystore, key_name, open_keystore
from shared.credentials.chain_key import read_chain_keys
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


def test_the_public_key_says_when_it_was_made_and_keeps_it(tmp_path: Path) -> None:
    create(tmp_path)
    first = (tmp_path / "public.json").read_bytes()
    assert json.loads(first)["iat"] > 1_700_000_000 and "kid" not in json.loads(first)
    create(tmp_path)
    assert (tmp_path / "public.json").read_bytes() == first


def test_a_former_key_keeps_its_name_behind_the_new_one(tmp_path: Path) -> None:
    former = create(tmp_path)
    (tmp_path / "key.json").rename(tmp_path / "former.json")
    address = create(tmp_path)
    new, old = read_chain_keys(tmp_path / "public.json")
    assert old.kid == "chain" and new.kid == f"chain-{address[2:10].lower()}" and former != address
    assert key_name(former, tmp_path / "public.json") == "chain"
    assert key_name(address.lower(), tmp_path / "public.json") == new.kid
    assert create(tmp_path) == address and read_chain_keys(tmp_path / "public.json") == (new, old)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": []}', '{"kty": "EC", "crv": "P-256", "x": "A", "y": "A"}'])
def test_an_account_that_its_file_does_not_list_is_refused(tmp_path: Path, text: str) -> None:
    address = create(tmp_path)
    (tmp_path / "public.json").write_text(text)
    with pytest.raises(RefuseToStart, match="CHAIN_PUBLIC_KEY_FILE"):
        key_name(address, tmp_path / "public.json")


def test_keystore_and_password_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    create(tmp_path)
    assert {(tmp_path / name).stat().st_mode & 0o077 for name in ("key.json", "word")} == {0}


def test_a_wrong_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "other").write_text("guess-0123456789")
    with pytest.raises(RefuseToStart, match="CHAIN_KEYSTORE_FILE") as refused:
        open_keystore(tmp_path / "key.json", tmp_path / "other")
    assert "guess" not in str(refused.value)
