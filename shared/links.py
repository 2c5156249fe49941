"""The links of letters: who holds one has read the mailbox it was sent to. Written by the mailer, checked by the wallet.

A link works as long as its badge: no date in it, nothing stored for it, the same link whenever the letter is built again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def receive_token(secret: bytes, assertion_id: str) -> str:
    """The token of letter 1: 26 lower-case base32 letters (130 bits) of HMAC-SHA256 over "receive/" and the id."""
    digest = hmac.new(secret, f"receive/{assertion_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_receive_token(secret: bytes, assertion_id: str, token: str) -> bool:
    """Whether `token` is that badge's, in a time that says nothing about it. Total: any text may come out of a URL."""
    return hmac.compare_digest(receive_token(secret, assertion_id).encode(), token.encode("utf-8", "surrogatepass"))


def receive_url(wallet_url: str, secret: bytes, assertion_id: str) -> str:
    """The whole link, as it stands in letter 1."""
    return f"{wallet_url}/receive/{assertion_id}/{receive_token(secret, assertion_id)}"
