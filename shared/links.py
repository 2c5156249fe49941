"""Links that only their addressee can know. The mailer writes letter 1's, the wallet all others and reads them."""

from __future__ import annotations

import base64
import hashlib
import hmac


def receive_token(secret: bytes, assertion_id: str) -> str:
    """The token of letter 1's link: 26 characters (130 bits) of lower-case base32 (RFC 4648).

    Repeatable, so a letter that is sent again carries the same link; not guessable without `secret`.
    """
    digest = hmac.new(secret, f"receive/{assertion_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_receive_token(secret: bytes, assertion_id: str, token: str) -> bool:
    """Whether `token` is that assertion's, whatever its case; takes the same time for every wrong one."""
    expected = receive_token(secret, assertion_id).encode()
    return hmac.compare_digest(expected, token.lower().encode("utf-8", "replace"))


def receive_url(wallet_url: str, secret: bytes, assertion_id: str) -> str:
    """Where the button 受領手続きをはじめる leads."""
    return f"{wallet_url}/receive/{assertion_id}/{receive_token(secret, assertion_id)}"


def mail_token(secret: bytes, purpose: str, link_id: str) -> str:
    """The token of another link in a letter, of the same form. One purpose's opens nothing of another's."""
    digest = hmac.new(secret, f"{purpose}/{link_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_mail_token(secret: bytes, purpose: str, link_id: str, token: str) -> bool:
    """As `is_receive_token`."""
    return hmac.compare_digest(mail_token(secret, purpose, link_id).encode(), token.lower().encode("utf-8", "replace"))
