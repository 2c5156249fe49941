"""DKIM keys of tests, and another implementation (dkimpy) that checks signatures of them."""

from __future__ import annotations

from collections.abc import Callable

import dkim
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from services.mailer.domain.dkim import DkimKey

DOMAIN = "jci.example.jp"
RSA = DkimKey("rsa-2026", rsa.generate_private_key(65537, 2048))
ED25519 = DkimKey("ed-2026", ed25519.Ed25519PrivateKey.generate())


def dns(*keys: DkimKey) -> Callable[..., bytes | None]:
    records = {f"{key.selector}._domainkey.{DOMAIN}.": key.record.encode() for key in keys}
    return lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)


def is_valid(message: bytes, key: DkimKey, number: int = 0) -> bool:
    """Whether the signature with this number, from the top, is valid under the key's DNS record."""
    return bool(dkim.DKIM(message).verify(idx=number, dnsfunc=dns(key)))
