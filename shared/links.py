"""Links that only their addressee can know. The mailer writes them into letters, the wallet reads them; registration
makes and reads those that confirm an address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def link_token(secret: bytes, purpose: str, id: str) -> str:
    """The token of a link: 26 characters (130 bits) of lower-case base32 (RFC 4648).

    Repeatable, so what is sent again carries the same link; not guessable without `secret`.
    """
    digest = hmac.new(secret, f"{purpose}/{id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_link_token(secret: bytes, purpose: str, id: str, token: str) -> bool:
    """Whether `token` is that link's, whatever its case; takes the same time for every wrong one."""
    expected = link_token(secret, purpose, id).encode()
    return hmac.compare_digest(expected, token.lower().encode("utf-8", "replace"))


def receive_token(secret: bytes, assertion_id: str) -> str:
    """The token of letter 1's link."""
    return link_token(secret, "receive", assertion_id)


def is_receive_token(secret: bytes, assertion_id: str, token: str) -> bool:
    return is_link_token(secret, "receive", assertion_id, token)


def receive_url(wallet_url: str, secret: bytes, assertion_id: str) -> str:
    """Where the button 受領手続きをはじめる leads."""
    return f"{wallet_url}/receive/{assertion_id}/{receive_token(secret, assertion_id)}"
