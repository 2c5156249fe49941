"""The issuer's signing key, and the DID document that lists the public keys. Pure.

Sources: W3C Decentralized Identifiers 1.0, section 5; Controlled Identifiers 1.0,
section 2.2.2 (Multikey); did:web. The service of type IssuerProfile is what Blockcerts verifiers look for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shared import object_keys
from shared.credentials.chain_key import ChainKey
from shared.credentials.credential import (
    DoNotTrust,
    first_proof,
    public_key_multibase,
    sign,
    sign_with_leaf,
    verify_proof,
)
from shared.credentials.did import chain_key_of
from shared.credentials.multibase import from_ed25519_multibase
from shared.errors import RefuseToStart


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key of the issuer. Its name in the DID document is the public key itself, so names are unique."""

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


def did_document(
    did: str, public_keys: Sequence[str], *, profile_url: str, chain_keys: Sequence[ChainKey] = ()
) -> dict[str, Any]:
    """`did.json`: every key that ever signed, so that what it signed stays verifiable; and the chain keys.

    `public_keys` are Multikeys. Only they are under `assertionMethod`: a chain key lies where transactions are sent,
    and what it signs besides must pass for the society's nowhere. Verifiers of merkle-proof-2019 find it by its id.
    """
    methods: list[dict[str, Any]] = [
        {"id": f"{did}#{key}", "type": "Multikey", "controller": did, "publicKeyMultibase": key} for key in public_keys
    ]
    signing = [method["id"] for method in methods]
    methods += [
        {"id": chain_key_of(did, key.kid), "type": "JsonWebKey", "controller": did, "publicKeyJwk": key.jwk}
        for key in chain_keys
    ]
    return {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
            "https://w3id.org/security/jwk/v1",
        ],
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": signing,
        "service": [{"id": f"{did}#issuer-profile", "type": "IssuerProfile", "serviceEndpoint": profile_url}],
    }


def issuing_addresses(chain_keys: Sequence[ChainKey]) -> list[dict[str, str]]:
    """`publicKey` of the issuer profile: the accounts that send, or sent, our transactions, as Blockcerts reads them.

    A transaction from before `created` isn't believed; without it, none is refused. Source: Blockcerts 3.0, issuer
    profile; parseIssuerKeys and ensureValidIssuingKey of @blockcerts/cert-verifier-js 6.35.
    """
    return [
        {
            "id": f"ecdsa-koblitz-pubkey:{key.address}",
            **({"created": datetime.fromtimestamp(key.iat, UTC).isoformat()} if key.iat is not None else {}),
        }
        for key in chain_keys
    ]


def keys_in(did_document: bytes) -> list[str]:
    """The Multikeys in a published `did.json`, in its order. RefuseToStart when it can't be read."""
    try:
        document: Any = msgspec.json.decode(did_document)
        methods = document["verificationMethod"]
        return [method["publicKeyMultibase"] for method in methods if method["type"] == "Multikey"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError) as error:
        raise RefuseToStart(
            f"object {object_keys.DID_DOCUMENT}: got {did_document[:40]!r}, expected a DID document "
            f"({type(error).__name__}); put the right one back: it says which keys may sign"
        ) from error


def refuse_unlisted(key: str, listed: Collection[str]) -> None:
    """RefuseToStart unless `key` is one of `listed`, or `listed` is empty.

    No verifier accepts what an unlisted key signs.
    """
    if listed and key not in listed:
        raise RefuseToStart(
            f"setting ISSUER_KEY_FILE: got the key {key}, expected one that the published did.json holds "
            f"({', '.join(listed)}); list it first, with the former key still set: "
            "akashi issuer publish --add-key FILE"
        )


def refuse_foreign(document: Mapping[str, Any], keys: Collection[str]) -> None:
    """DoNotTrust unless one of `keys` (Multikeys) signed the document; Unreadable without a proof.

    The DID is not compared: what was signed before our site moved is ours, too.
    """
    method = str(first_proof(document).get("verificationMethod"))
    key = method.rpartition("#")[2]
    if key not in keys:
        raise DoNotTrust(f"proof.verificationMethod: got {method[:200]!r}, expected one of our keys")
    verify_proof(document, Ed25519PublicKey.from_public_bytes(from_ed25519_multibase(key)))
