"""The public keys of the accounts that send, or sent, our transactions: a file that anchor writes and issuer reads.

One key is a JWK, several are a JWK Set, the one in use first. `kid` is its name in the DID document, which proofs
refer to, so a key keeps it for good; the first of all has none there, and is `chain`. `iat` is when it was made.

Sources: RFC 8812, section 3.1 (secp256k1); RFC 7517, section 5 (JWK Set); OpenID Federation 1.0 (`iat` in a JWK).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from eth_hash.auto import keccak  # eth_utils would load pydantic

FIRST = "chain"


class ChainKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A public key of curve secp256k1."""

    x: str
    y: str
    kid: str = FIRST
    iat: int | None = None  # None: not known
    kty: str = "EC"
    crv: str = "secp256k1"

    @property
    def jwk(self) -> dict[str, str]:
        return {"kty": self.kty, "crv": self.crv, "x": self.x, "y": self.y}

    @property
    def point(self) -> bytes:
        """Both coordinates, 64 bytes. ValueError when they are none."""
        axes = [base64.urlsafe_b64decode(axis + "=" * (-len(axis) % 4)) for axis in (self.x, self.y)]
        if [len(axis) for axis in axes] != [32, 32]:
            raise ValueError("x and y: expected 32 bytes each, as base64url")
        return b"".join(axes)

    @property
    def address(self) -> str:
        """The account's address, with its checksum. Sources: Ethereum Yellow Paper, appendix F; ERC-55."""
        address = keccak(self.point)[-20:].hex()
        checksum = keccak(address.encode()).hex()
        return "0x" + "".join(
            digit.upper() if int(check, 16) > 7 else digit for digit, check in zip(address, checksum, strict=False)
        )

    def is_same_as(self, other: ChainKey) -> bool:
        return (self.x, self.y) == (other.x, other.y)


class _Set(msgspec.Struct, frozen=True):
    keys: tuple[ChainKey, ...]


def read_chain_keys(file: Path) -> tuple[ChainKey, ...]:
    """The keys in a file, the one in use first. OSError; ValueError for other keys, or two of one name."""
    document = json.loads(file.read_text(encoding="utf-8"))
    try:
        if isinstance(document, Mapping) and "keys" in document:
            keys = msgspec.convert(document, _Set).keys
        else:
            keys = (msgspec.convert(document, ChainKey),)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a JWK of curve secp256k1, nor a set of them: {error}") from error
    if not keys or any(key.crv != "secp256k1" or not key.point for key in keys):
        raise ValueError("not a JWK of curve secp256k1, nor a set of them")
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError("two keys have the same kid; expected one for each")
    return keys


def chain_keys_text(keys: Sequence[ChainKey]) -> str:
    """What `read_chain_keys` reads."""
    written = [{**key.jwk, **msgspec.to_builtins(key)} for key in keys]
    return json.dumps(written[0] if len(written) == 1 else {"keys": written}, indent=1) + "\n"
