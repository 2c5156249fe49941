"""Links that only their addressee can know. Those about a badge: mailer; others: wallet and registration."""

from __future__ import annotations

import base64
import hashlib
import hmac


def receive_token(secret: bytes, assertion_id: str, address_revision: int = 0) -> str:
    """The token of the link in letters about a badge: 26 characters (130 bits) of lower-case base32 (RFC 4648).

    Repeatable, so a letter that is sent again carries the same link; not guessable without `secret`. Another one after
    each AddressCorrected, whose `revision` is `address_revision`: what lies in the former mailbox proves nothing.
    """
    subject = f"receive/{assertion_id}" + (f"/{address_revision}" if address_revision else "")
    digest = hmac.new(secret, subject.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_receive_token(secret: bytes, assertion_id: str, token: str, address_revision: int = 0) -> bool:
    """Whether `token` is that assertion's, whatever its case; takes the same time for every wrong one."""
    expected = receive_token(secret, assertion_id, address_revision).encode()
    return hmac.compare_digest(expected, token.lower().encode("utf-8", "replace"))


def receive_url(wallet_url: str, secret: bytes, assertion_id: str, address_revision: int = 0) -> str:
    """Where 受領手続きをはじめる and バッジを見る lead: to receive the badge; later to log in by password only."""
    return f"{wallet_url}/receive/{assertion_id}/{receive_token(secret, assertion_id, address_revision)}"


def mail_token(secret: bytes, purpose: str, link_id: str) -> str:
    """The token of another link in a letter, of the same form. One purpose's opens nothing of another's."""
    digest = hmac.new(secret, f"{purpose}/{link_id}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def is_mail_token(secret: bytes, purpose: str, link_id: str, token: str) -> bool:
    """As `is_receive_token`."""
    return hmac.compare_digest(mail_token(secret, purpose, link_id).encode(), token.lower().encode("utf-8", "replace"))
