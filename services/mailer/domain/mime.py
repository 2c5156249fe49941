"""The bytes of a letter as SMTP carries them; pure and deterministic: equal arguments give equal bytes.

Sources: RFC 5322 (message format), RFC 2045 (base64 bodies), RFC 2046 (multipart/alternative), RFC 2047 (encoded
words), RFC 3834 (Auto-Submitted). Text beyond ASCII is base64 of UTF-8, so no server on the way can
damage 髙, 﨑, ①, ㈱, 𠮷 or a variation selector, and no line can begin with a dot.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from shared.clock import JST

_CRLF = "\r\n"
_WORD_BYTES = 39  # 52 characters of base64; with "Subject: =?utf-8?b?" and "?=" a line of 73, at most 76 (RFC 2047, 2)
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True)
class Mail:
    """What a reader sees of a letter, and its `message_id`, with angle brackets."""

    message_id: str
    sender_name: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str


def compose(mail: Mail, date: datetime) -> bytes:
    """The whole message, CRLF lines of at most 76 characters. `date` is an aware moment, shown in Japan time."""
    boundary = f"={hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]}="  # '=' : can't occur in base64's middle
    headers = (
        ("From", f"{encoded(mail.sender_name)} <{quoted(mail.sender)}>"),
        ("To", quoted(mail.recipient)),
        ("Subject", encoded(mail.subject)),
        ("Date", format_datetime(date.astimezone(JST))),
        ("Message-ID", mail.message_id),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", "ja"),
        ("Content-Type", f'multipart/alternative;{_CRLF} boundary="{boundary}"'),
    )
    parts = (("plain", mail.text), ("html", mail.html))
    return "".join(
        (
            *(f"{name}: {value}{_CRLF}" for name, value in headers),
            *(f"{_CRLF}--{boundary}{_CRLF}{_part(kind, content)}" for kind, content in parts),
            f"{_CRLF}--{boundary}--{_CRLF}",
        )
    ).encode("ascii")


def encoded(text: str) -> str:
    """`text` as a header value: unchanged if plain ASCII, else folded encoded words, never cut within a character."""
    if text.isascii() and text.isprintable() and not any(special in text for special in '"(),:;<>@[\\]=?'):
        return text
    words: list[bytes] = [b""]
    for character in text:
        raw = character.encode()
        if len(words[-1]) + len(raw) > _WORD_BYTES:
            words.append(b"")
        words[-1] += raw
    return f"{_CRLF} ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)


def quoted(address: str) -> str:
    """The address as RFC 5321 writes it. Local parts like `a..b.@…`, which Japanese carriers gave out, are quoted.

    ValueError (without the address) for one that no mail server accepts.
    """
    if not (address.isascii() and address.isprintable()):
        raise ValueError(f"got an address with {len(address)} characters, not all of them printable ASCII; expected so")
    local, _, domain = address.rpartition("@")
    if _ATOM.fullmatch(local):
        return address
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"@{domain}'


def _part(kind: str, content: str) -> str:
    lines = base64.encodebytes(content.replace("\r\n", "\n").replace("\n", _CRLF).encode()).decode().splitlines()
    return _CRLF.join(
        (
            f"Content-Type: text/{kind}; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            *lines,
        )
    )
