"""Which encoding a CSV is in: UTF-8 or CP932, as declared, as its byte order mark says, or as its head shows. Pure.

An encoding is that of the whole delivery. A row in another one, pasted from elsewhere, costs that row only.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Literal

Charset = Literal["utf-8", "cp932"]

NAMES: dict[Charset, str] = {"utf-8": "UTF-8", "cp932": "CP932 (Shift_JIS of Windows)"}

LABELS: dict[Charset, str] = {"utf-8": "utf-8", "cp932": "windows-31j"}
"""The names that IANA has registered, for a Content-Type."""

UTF_8_MARK = codecs.BOM_UTF8

# UTF-32 first: its mark in little-endian begins with that of UTF-16.
_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_CODECS: dict[str, Charset] = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "cp932": "cp932"}
_CODECS["shift_jis"] = "cp932"  # what is called so is Windows' variant: WHATWG, Encoding
_CP932_LABELS = ("windows-31j", "cswindows31j", "x-sjis")  # unknown to Python
_UTF_16_ZEROS = 8  # at least, in the first bytes: those of the delimiters between the headers
_NEWLINE = re.compile(rb"\r\n|\n|\r")  # no character of UTF-8 or CP932 has these bytes in it

# EUC-JP: kanji of the first level, kana, ASCII. In CP932 these bytes are half-width katakana.
_EUC_CELL = re.compile(rb"(?=.*[\x80-\xff])(?:[\xb0-\xcf][\xa1-\xfe]|[\xa4\xa5][\xa1-\xf6]|[\x00-\x7f])+", re.DOTALL)


def charset_named(label: str) -> Charset | None:
    """The encoding that a Content-Type names; None if it is neither."""
    label = label.strip().lower()
    try:
        return "cp932" if label in _CP932_LABELS else _CODECS.get(codecs.lookup(label).name)
    except (LookupError, ValueError):
        return None


def wide_encoding(body: bytes) -> str | None:
    """The name of an encoding with units of 16 or 32 bits, by its byte order mark; None if there is none."""
    return next((name for mark, name in _WIDE if body.startswith(mark)), None)


def utf_8_of_utf_16(body: bytes) -> bytes | None:
    """A text in UTF-16 (Excel's "Unicode text") as UTF-8; None if it is none.

    By its byte order mark, or by the zero bytes of its ASCII. A broken unit stays broken: half a pair is no valid
    UTF-8, and a last byte that is alone becomes U+FFFD.
    """
    codec = _utf_16_codec(body)
    if codec is None:
        return None
    whole = len(body) - len(body) % 2
    text = body[:whole].decode(codec, "surrogatepass") + "\ufffd" * (len(body) - whole)
    return text.encode("utf-8", "surrogatepass")


def _utf_16_codec(body: bytes) -> str | None:
    if (wide := wide_encoding(body)) is not None:
        return "utf-16" if wide == "UTF-16" else None
    odd, even = body[1:512:2].count(0), body[0:512:2].count(0)
    if min(odd, even) > 0 or max(odd, even) < _UTF_16_ZEROS:
        return None
    return "utf-16-le" if odd else "utf-16-be"


def lines_of(body: bytes) -> list[bytes]:
    """The lines, without their line ends. str.splitlines breaks at eight more characters, some of which names hold."""
    return _NEWLINE.split(body)


def charset_of(body: bytes, head: bytes) -> Charset:
    """The encoding of a CSV whose first line with anything in it is `head`.

    Japanese heads in CP932 are never valid UTF-8: their first byte is a continuation byte there. Heads in ASCII say
    nothing; then it is that of most rows.
    """
    if body.startswith(UTF_8_MARK) or is_valid(body, "utf-8"):
        return "utf-8"
    if not head.isascii():
        return "utf-8" if is_valid(head, "utf-8") else "cp932"
    telling = [line for line in lines_of(body) if not line.isascii()]
    return "utf-8" if 2 * sum(is_valid(line, "utf-8") for line in telling) > len(telling) else "cp932"


def is_valid(content: bytes, charset: Charset) -> bool:
    try:
        content.decode(charset)
    except UnicodeDecodeError:
        return False
    return True


def is_euc_jp(cells: Sequence[bytes]) -> bool:
    """Whether a row that can be read as CP932 is really EUC-JP: all of its Japanese, in two cells or more."""
    japanese = [cell for cell in cells if not cell.isascii()]
    return len(japanese) > 1 and all(map(_EUC_CELL.fullmatch, japanese))


def is_in_japanese_standards(character: str) -> bool:
    """Whether Windows' character set or JIS X 0213 has it."""
    for standard in ("cp932", "euc_jis_2004"):
        try:
            character.encode(standard)
        except UnicodeEncodeError:
            continue
        return True
    return False
