from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.keys import SigningKey, did_document, issuing_addresses, keys_in, refuse_unlisted
from shared.credentials.chain_key import ChainKey
from shared.credentials.credential import key_of
from shared.errors import RefuseToStart
from tests.worlds.credentials import DID, ISSUER, KEY, credential


def test_what_a_former_key_signed_verifies() -> None:
    newer = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ISSUER.did)
    rotated = did_document(ISSUER.did, [KEY.public, newer.public], profile_url="https://badges.example.jp/issuer.json")
    assert key_of(credential(1), rotated) == KEY.private.public_key()
    assert newer.verification_method in rotated["assertionMethod"]


def test_the_chain_key_is_in_the_document() -> None:
    keys = (ChainKey("n", "o", "chain-2"), ChainKey("x", "y", iat=7))
    document = did_document(ISSUER.did, [KEY.public], profile_url="https://a.example/issuer.json", chain_keys=keys)
    assert document["verificationMethod"][-2]["id"] == f"{ISSUER.did}#chain-2"
    assert document["verificationMethod"][-1] == {
        "id": f"{ISSUER.did}#chain",
        "type": "JsonWebKey",
        "controller": ISSUER.did,
        "publicKeyJwk": {"kty": "EC", "crv": "secp256k1", "x": "x", "y": "y"},
    }
    assert document["service"][0]["type"] == "IssuerProfile"
    assert len(DID["verificationMethod"]) == 1


@pytest.mark.parametrize("chain_keys", [(), (ChainKey("x", "y"),), (ChainKey("n", "o", "z6Mk"), ChainKey("x", "y"))])
def test_only_the_societys_own_keys_may_sign_in_its_name(chain_keys: tuple[ChainKey, ...]) -> None:
    document = did_document(ISSUER.did, [KEY.public], profile_url="https://a.example", chain_keys=chain_keys)
    assert document["assertionMethod"] == [KEY.verification_method]
    assert len(document["verificationMethod"]) == 1 + len(chain_keys)
    assert not {"authentication", "capabilityDelegation", "capabilityInvocation", "keyAgreement"} & set(document)


def test_the_profile_lists_every_account_that_ever_sent() -> None:
    """The account of the key 1 (secp256k1's generator), which is well known."""
    point = "79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798"
    other = "483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8"
    x, y = (base64.urlsafe_b64encode(bytes.fromhex(axis)).decode().rstrip("=") for axis in (point, other))
    assert issuing_addresses([ChainKey(x, y, iat=1_775_000_000), ChainKey(x, y, "former")]) == [
        {
            "id": "ecdsa-koblitz-pubkey:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
            "created": "2026-03-31T23:33:20+00:00",
        },
        {"id": "ecdsa-koblitz-pubkey:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"},
    ]


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
