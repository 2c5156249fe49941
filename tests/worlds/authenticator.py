"""A device that makes passkeys, in software, for tests that no browser would take part in: replays, other sites.

Source: Web Authentication Level 2, 6.1 (authenticator data), 6.5.4 (attestation "none"), 5.8.1 (client data).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

Answer = dict[str, Any]

PRESENT, VERIFIED, _HAS_KEY = 1, 4, 64


@dataclass
class Authenticator:
    """`origin`: what the browser says whose page asked. `flags`: whether somebody touched it and proved who it is."""

    origin: str
    site: str = "localhost"
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: Answer) -> Answer:
        """The answer to options for a new passkey."""
        numbers = self._key.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        data = self._data(_HAS_KEY) + bytes(16) + len(self.id).to_bytes(2) + self.id + key
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {"clientDataJSON": self._client("webauthn.create", options), "attestationObject": attestation}
        )

    def log_in(self, options: Answer) -> Answer:
        """The answer to options to log in."""
        self.counter += 1
        client, data = self._client("webauthn.get", options), self._data()
        signature = self._key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": client, "authenticatorData": data, "signature": signature})

    def _data(self, more: int = 0) -> bytes:
        return hashlib.sha256(self.site.encode()).digest() + bytes([self.flags | more]) + self.counter.to_bytes(4)

    def _client(self, kind: str, options: Answer) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _answer(self, response: dict[str, bytes]) -> Answer:
        id = _text(self.id)
        named = {name: _text(value) for name, value in response.items()}
        return {"id": id, "rawId": id, "type": "public-key", "response": named}


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
