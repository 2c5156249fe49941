from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from services.issuer.signing import SigningKey, did_document, load_key
from shared.credential import key_of
from tests.issuing import DID, ISSUER, KEY, credential


def pem(
    folder: Path, *, mode: int = 0o600, key: object = KEY.private, encryption: KeySerializationEncryption | None = None
) -> Path:
    path = folder / "issuer.pem"
    assert hasattr(key, "private_bytes")
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_well_kept_key_is_used(tmp_path: Path, mode: int) -> None:
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


def test_what_a_former_key_signed_stays_verifiable() -> None:
    newer = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ISSUER.did)
    rotated = did_document(ISSUER.did, [KEY.public, newer.public], profile_url="https://badges.example.jp/issuer.json")
    assert key_of(credential(1), rotated) == KEY.private.public_key()
    assert newer.verification_method in rotated["assertionMethod"]


def test_the_chain_key_is_in_the_document() -> None:
    jwk = {"kty": "EC", "crv": "secp256k1", "x": "x", "y": "y"}
    document = did_document(ISSUER.did, [KEY.public], profile_url="https://a.example/issuer.json", chain_key=jwk)
    assert document["verificationMethod"][-1] == {
        "id": f"{ISSUER.did}#chain",
        "type": "JsonWebKey",
        "controller": ISSUER.did,
        "publicKeyJwk": jwk,
    }
    assert f"{ISSUER.did}#chain" in document["assertionMethod"]
    assert document["service"][0]["type"] == "IssuerProfile"
    assert len(DID["verificationMethod"]) == 1
