"""The issuer's key and the document that names it. Pure but for reading the key's file.

Sources: PKCS #8 (RFC 5958) in PEM; W3C Decentralized Identifiers 1.0, section 5; Controlled Identifiers 1.0,
section 2.2.2 (Multikey); did:web. The service of type IssuerProfile is what Blockcerts verifiers look for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.credential import public_key_multibase, sign, sign_with_leaf
from shared.did import chain_key_of

_OTHERS = 0o027  # group may read (mounted secrets), nobody else anything


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key of the issuer. Its name in the DID document is the public key itself: no two share a name."""

    private: Ed25519PrivateKey
    did: str

    @property
    def public(self) -> str:
        """The public key as a Multikey: z6Mk…"""
        return public_key_multibase(self.private.public_key())

    @property
    def verification_method(self) -> str:
        return f"{self.did}#{self.public}"

    def sign(self, document: Mapping[str, Any], created: datetime) -> dict[str, Any]:
        """The document with its proof. DoNotSign for what must not be signed."""
        return sign(document, self.private, verification_method=self.verification_method, created=created)

    def sign_with_leaf(self, document: Mapping[str, Any], created: datetime) -> tuple[dict[str, Any], str]:
        """The same, and the hex hash that is anchored."""
        return sign_with_leaf(document, self.private, verification_method=self.verification_method, created=created)


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PKCS #8 PEM file. ValueError when others can read the file, or it holds another kind of key."""
    mode = path.stat().st_mode & 0o777
    if mode & _OTHERS:
        raise ValueError(f"the file's mode is {mode:04o}, expected 0600 or 0640; run chmod 600 on it")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("expected an unencrypted PKCS #8 key in PEM") from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError(f"got a {type(key).__name__.strip('_')}, expected an Ed25519 key")


def did_document(
    did: str, public_keys: Sequence[str], *, profile_url: str, chain_key: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """`did.json`: every key that ever signed, so what it signed stays verifiable; and the chain key if there is one.

    `public_keys` are Multikeys, `chain_key` is a JWK of curve secp256k1 (RFC 8812).
    """
    methods: list[dict[str, Any]] = [
        {"id": f"{did}#{key}", "type": "Multikey", "controller": did, "publicKeyMultibase": key} for key in public_keys
    ]
    if chain_key is not None:
        methods.append(
            {"id": chain_key_of(did), "type": "JsonWebKey", "controller": did, "publicKeyJwk": dict(chain_key)}
        )
    return {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
            "https://w3id.org/security/jwk/v1",
        ],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
        "service": [{"id": f"{did}#issuer-profile", "type": "IssuerProfile", "serviceEndpoint": profile_url}],
    }
