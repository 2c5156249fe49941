"""The bytes of a letter as SMTP carries them; pure and deterministic: equal arguments give equal bytes.

Sources: RFC 5322 (message format), RFC 2045 (base64 bodies), RFC 2046 (multipart/alternative), RFC 2047 (encoded
words), RFC 3834 (Auto-Submitted). Text beyond ASCII is base64 of UTF-8, so no server on the way can
damage 髙, 﨑, ①, ㈱, 𠮷 or a variation selector, rewrites a body and breaks its signature, or finds a line that begins
with a dot. No value can begin a header line of its own: text is encoded, and everything else is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from shared.addresses import address_problem
from shared.clock import JST

_CRLF = "\r\n"
_WORD_BYTES = 39  # 52 characters of base64; with "Subject: =?utf-8?b?" and "?=" a line of 73, at most 76 (RFC 2047, 2)
_PLAIN = 60  # characters of a value that need no folding, whatever header it is of
_LINE = 76
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._-]{1,100}@[A-Za-z0-9.-]{1,255}>")
_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # of writing: a name has none
_JOINED = "\u200d"  # zero width joiner: what follows belongs to the same character


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
    language: str = "ja"
    reply_to: str | None = None


def compose(mail: Mail, date: datetime) -> bytes:
    """The whole message in ASCII, CRLF lines of at most 76 characters where the standard lets a line be folded.

    `date` is an aware moment, shown in Japan time. ValueError for an address or a Message-ID that is none.
    """
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise ValueError("got a Message-ID that is none, expected <letter.badge@domain>")
    boundary = f"={hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]}="  # '=' : can't occur in base64's middle
    headers = (
        ("From", _mailbox(mail.sender_name, mail.sender)),
        ("To", quoted(mail.recipient)),
        ("Subject", encoded(mail.subject)),
        ("Date", format_datetime(date.astimezone(JST))),
        ("Message-ID", mail.message_id),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Language", mail.language),
        *((("Reply-To", quoted(mail.reply_to)),) if mail.reply_to else ()),
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
    """`text` as a header value: unchanged if short plain ASCII, else folded encoded words, none cut in a character.

    A character is what a reader sees as one: with its variation selectors and combining marks. Control characters and
    line breaks become spaces.
    """
    text = "".join(" " if _breaks(character) else character for character in text)
    if (
        text.isascii()
        and len(text) <= _PLAIN
        and text.isprintable()
        and not any(special in text for special in '"(),:;<>@[\\]=?')
    ):
        return text
    words: list[bytes] = [b""]
    for character in _characters(text):
        for raw in _cut(character.encode()):
            if words[-1] and len(words[-1]) + len(raw) > _WORD_BYTES:
                words.append(b"")
            words[-1] += raw
    return f"{_CRLF} ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)


def one_line(text: str) -> str:
    """`text` without line breaks, control characters and those that turn the direction of writing; spaces once."""
    flat = "".join(" " if _breaks(each) else "" if each in _DIRECTIONS else each for each in text)
    return " ".join(word for word in flat.split(" ") if word)


def quoted(address: str) -> str:
    """The address as RFC 5321 writes it. Local parts like `a..b.@…`, which Japanese carriers gave out, are quoted.

    ValueError (without the address) for one that no mail server accepts.
    """
    if not (address.isascii() and address.isprintable() and " " not in address):
        raise ValueError(f"got an address with {len(address)} characters, not all of them printable ASCII; expected so")
    if problem := address_problem(address):
        raise ValueError(f"got an address with {len(address)} characters, expected {problem}")
    local, _, domain = address.rpartition("@")
    return address if _ATOM.fullmatch(local) else f'"{local}"@{domain}'


def _mailbox(name: str, address: str) -> str:
    written, angled = encoded(name), f"<{quoted(address)}>"
    last = written.rpartition(_CRLF)[2]
    fits = len("From: ") + len(last) + 1 + len(angled) <= _LINE
    return f"{written}{' ' if fits else _CRLF + ' '}{angled}"


def _breaks(character: str) -> bool:
    """A line break, a control character, or half of a surrogate pair, which UTF-8 doesn't have."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def _characters(text: str) -> Iterator[str]:
    """Base characters, each with the marks, selectors and joined characters that follow it."""
    character = ""
    for each in text:
        if character and not (unicodedata.category(each)[0] == "M" or each == _JOINED or character.endswith(_JOINED)):
            yield character
            character = ""
        character += each
    if character:
        yield character


def _cut(raw: bytes) -> Iterator[bytes]:
    """`raw` whole; by code points when it is longer than an encoded word can be."""
    if len(raw) <= _WORD_BYTES:
        yield raw
    else:
        yield from (point.encode() for point in raw.decode())


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
