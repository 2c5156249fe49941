"""Links that only their addressee can know. The mailer writes letter 1's, the wallet all others and reads them."""

from __future__ import annotations

import base64
import hashlib
import hmac


def receive_token(secret: bytes, assertion_id: str, number: int = 0) -> str:
    """The token of letter 1's link: 26 characters (130 bits) of lower-case base32 (RFC 4648).

    Repeatable, so a letter that is sent again carries the same link; not guessable without `secret`. `number`: of the
    links that its holder asked for when the first had ended.
    """
    return mail_token(secret, "receive", f"{assertion_id}/{number}" if number else assertion_id)


def is_receive_token(secret: bytes, assertion_id: str, token: str, number: int = 0) -> bool:
    """Whether `token` is that assertion's, whatever its case; takes the same time for every wrong one."""
    return _same(receive_token(secret, assertion_id, number), token)


def receive_url(wallet_url: str, secret: bytes, assertion_id: str, number: int = 0) -> str:
    """Where the button 受領手続きをはじめる leads."""
    return f"{wallet_url}/receive/{assertion_id}/{receive_token(secret, assertion_id, number)}"


def mail_token(secret: bytes, purpose: str, link_id: str) -> str:
    """The token of a link in a letter, of the same form as letter 1's. One purpose's opens nothing of another's."""
    digest = hmac.new(secret, f"{purpose}/{link_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_mail_token(secret: bytes, purpose: str, link_id: str, token: str) -> bool:
    return _same(mail_token(secret, purpose, link_id), token)


def _same(expected: str, token: str) -> bool:
    return hmac.compare_digest(expected.encode(), token.lower().encode("utf-8", "replace"))
