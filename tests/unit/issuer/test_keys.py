from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.keys import SigningKey, did_document, keys_in, refuse_unlisted
from shared.credentials.credential import key_of
from shared.errors import RefuseToStart
from tests.worlds.credentials import DID, ISSUER, KEY, credential


def test_what_a_former_key_signed_verifies() -> None:
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


def test_the_keys_of_a_did_document_are_read_without_the_chain_key() -> None:
    chained = {"id": "x#chain", "type": "JsonWebKey", "publicKeyJwk": {}}
    document = {**DID, "verificationMethod": [*DID["verificationMethod"], chained]}
    assert keys_in(json.dumps(document).encode()) == [KEY.public]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"verificationMethod": [{"type": "Multikey"}]}',
        b'{"id": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_did_document_without_keys_refuses_the_start(body: bytes) -> None:
    with pytest.raises(RefuseToStart, match=r"issuer/did\.json: got"):
        keys_in(body)


def test_an_unlisted_key_is_refused_unless_none_is_listed() -> None:
    refuse_unlisted("z6MkA", [])
    refuse_unlisted("z6MkA", ["z6MkB", "z6MkA"])
    with pytest.raises(RefuseToStart, match=r"got the key z6MkA, expected .*z6MkB"):
        refuse_unlisted("z6MkA", ["z6MkB"])
