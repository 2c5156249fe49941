"""Bytes as text whose first character names its alphabet. Written by issuer (keys, signatures), read by verifier; pure.

Source: W3C Controlled Identifiers 1.0, section 2.4 (multibase `z` base58btc, `u` base64url without padding) and
section 2.2.2 (Multikey).
"""

from __future__ import annotations

import base64
import binascii
import re

from gmpy2 import mpz

from shared.errors import Unreadable

ED25519_PREFIX = b"\xed\x01"  # multicodec ed25519-pub as a varint

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GMP_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"  # how GMP writes base 58
_FROM_GMP = str.maketrans(_GMP_DIGITS, _ALPHABET)
_TO_GMP = str.maketrans(_ALPHABET, _GMP_DIGITS)
_KNOWN = frozenset(_ALPHABET)
_BASE64URL = re.compile(r"u[A-Za-z0-9_-]*")
_LONGEST = 512  # characters


def base58(data: bytes) -> str:
    """`z` and base58btc: for keys, signatures and proofs, up to some thousand bytes."""
    digits = data.lstrip(b"\0")
    text = mpz.from_bytes(digits, "big").digits(58).translate(_FROM_GMP) if digits else ""
    return "z" + "1" * (len(data) - len(digits)) + text


def from_base58(text: object, *, longest: int = _LONGEST) -> bytes:
    """The bytes of a `z…` text of at most `longest` characters. Unreadable for anything else."""
    if not isinstance(text, str) or not text.startswith("z") or len(text) > longest:
        raise Unreadable(f"got {str(text)[:40]!r}, expected z and base58btc, at most {longest} characters")
    for character in text[1:]:
        if character not in _KNOWN:
            raise Unreadable(f"got {character!r} in {text[:40]!r}, expected base58btc")
    digits = text[1:].lstrip("1")
    number = int(mpz(digits.translate(_TO_GMP), 58)) if digits else 0
    return b"\0" * (len(text) - 1 - len(digits)) + number.to_bytes((number.bit_length() + 7) // 8)


def base64url(data: bytes) -> str:
    """`u` and base64url without padding: for long values."""
    return "u" + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: object) -> bytes:
    """The bytes of a `u…` text. Unreadable for anything else."""
    if not isinstance(text, str) or _BASE64URL.fullmatch(text) is None:
        raise Unreadable(f"got {str(text)[:40]!r}, expected u and base64url without padding")
    digits = text[1:].replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error as error:
        raise Unreadable(f"got {text[:40]!r}, expected u and base64url without padding") from error


def ed25519_multibase(public_key: bytes) -> str:
    """A raw 32-byte Ed25519 public key as `publicKeyMultibase` of a Multikey."""
    return base58(ED25519_PREFIX + public_key)


def from_ed25519_multibase(text: object) -> bytes:
    """The raw 32 bytes. Unreadable when it is no Ed25519 Multikey."""
    data = from_base58(text)
    if not data.startswith(ED25519_PREFIX) or len(data) != 34:
        raise Unreadable(f"got a Multikey of {len(data)} bytes, {data[:2].hex()}…, expected ed01 and 32 bytes")
    return data[2:]
