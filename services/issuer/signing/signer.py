"""The issuer's key, who signs with it, and the document that names it. Pure but for reading the key's file.

Sources: PKCS #8 (RFC 5958) in PEM; W3C Decentralized Identifiers 1.0, section 5; Controlled Identifiers 1.0,
section 2.2.2 (Multikey); did:web. The service of type IssuerProfile is what Blockcerts verifiers look for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.issuer.domain.issuance import Assertion, Issuer, Shape, Values, document_of, values_of
from services.issuer.domain.soundness import refuse_unsound
from services.issuer.signing.statements import NeedsFullAlgorithm
from services.issuer.signing.template import Sealed, Template, placeholder
from shared.credentials.credential import proof_time, public_key_multibase, sign, sign_with_leaf
from shared.credentials.did import chain_key_of
from shared.errors import TryLater

_CHECKED = 0.01  # of what is signed by template
_MOST_TEMPLATES = 64  # shapes; a programme has four a badge class
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


class StopSigning(TryLater):
    """Template and full path made different credentials of one award: sign nothing more with this version of us.

    The batch waits, so that a mended version signs it: nothing is buried as a dead letter.
    """


class Signer:
    """Signs assertions by template, at thousands a second; memory stays flat, however many.

    The first of each shape and one in a hundred of the others, drawn, are signed a second time the long way
    (`SigningKey.sign_with_leaf`) and must agree byte for byte.
    """

    def __init__(self, issuer: Issuer, key: SigningKey, secret: bytes, random: Random) -> None:
        self._issuer = issuer
        self._key = key
        self._secret = secret
        self._random = random
        self._templates: OrderedDict[Shape, Template] = OrderedDict()  # the latest used last
        self.checked = 0
        self.in_full = 0  # those that no template can sign

    def sign(self, assertion: Assertion, created: datetime) -> Sealed:
        """The signed credential as JSON, and the hash that is anchored; the same for the same arguments.

        DoNotSign, naming the field, for what must not be signed; StopSigning when the two ways disagree. Nothing signed
        is given out then.
        """
        refuse_unsound(assertion, self._issuer.programme)
        shape = Shape.of(assertion)
        values = values_of(assertion, self._issuer, secret=self._secret)
        template = self._templates.get(shape)
        is_first = template is None
        if template is None:
            template = self._template_of(shape)
        else:
            self._templates.move_to_end(shape)
        try:
            texts = [text for text in values if text is not None]
            sealed = template.seal(texts, self._key.private, proof_time(created))
        except NeedsFullAlgorithm:
            self.in_full += 1
            return self._in_full(shape, values, created)
        if is_first or self._random.random() < _CHECKED:
            expected = self._in_full(shape, values, created)
            if sealed != expected:
                raise StopSigning(
                    f"{assertion.assertion_id}: got leaf {sealed.leaf} by the template of {shape}, "
                    f"expected {expected.leaf} as the full algorithm makes it; go back to the version before"
                )
            self.checked += 1
        if is_first:
            self._keep(shape, template)
        return sealed

    def _template_of(self, shape: Shape) -> Template:
        given = {"renewed": shape.is_renewal, "corrected": shape.is_correction}
        names = [name for name in Values._fields if given.get(name, True)]
        values = Values._make(placeholder(name) if name in names else None for name in Values._fields)
        document = document_of(shape, values, self._issuer)
        return Template(document, names, verification_method=self._key.verification_method)

    def _keep(self, shape: Shape, template: Template) -> None:
        self._templates[shape] = template
        if len(self._templates) > _MOST_TEMPLATES:
            self._templates.popitem(last=False)

    def _in_full(self, shape: Shape, values: Values, created: datetime) -> Sealed:
        document, leaf = self._key.sign_with_leaf(document_of(shape, values, self._issuer), created)
        return Sealed(msgspec.json.encode(document), leaf)


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
