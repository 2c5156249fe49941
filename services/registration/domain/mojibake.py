"""Texts that were read in another encoding than they were written in. Pure.

佐藤 in UTF-8, read as CP932, is 菴占陸: characters that every font has, and nobody's name. A text is mojibake if the
bytes that one encoding makes of it are, in another encoding, a Japanese word, or letters with accents. For UTF-8, whose
bytes follow a pattern, that is certain; for other encodings only where nothing but Japanese comes of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from services.registration.domain.encoding import is_in_japanese_standards

_KANJI = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u30ff"
_HALF_WIDTH = "\uff61-\uff9f"
_SELECTORS = "\U000e0100-\U000e01ef"
_ACCENTED = "\u00c0-\u024f\u1e00-\u1eff"

_JAPANESE = re.compile(f"[{_KANJI}{_KANA}\u3000\uff01-\uff60 ]*")
_JAPANESE_OR_LATIN = re.compile(
    f"[ -~{_KANJI}{_SELECTORS}{_KANA}{_HALF_WIDTH}{_ACCENTED}\u3000\uff01-\uff60\u00a0\u2010-\u201f]*"
)
_JAPANESE_LETTER = re.compile(f"[{_KANJI}\u3041-\u30fa]")
_ASCII = re.compile(r"[\x00-\x7f]+")

# Half-width katakana beside a kanji: one or two of those that the bytes 0xA1 to 0xBF are, as the third byte of a kanji
# in UTF-8 becomes. Between kanji ｹ and ｶ are signs to read by: 三ｹ尻.
_NOISE = re.compile(
    f"[{_KANJI}](?![ｹｶ][{_KANJI}])[｡-ｿ]{{1,2}}(?![{_HALF_WIDTH}])"
    f"|(?<![{_HALF_WIDTH}{_KANJI}])[｡-ｿ]{{1,2}}[{_KANJI}]"
    f"|[A-Za-z{_ACCENTED}][{_HALF_WIDTH}]|[{_HALF_WIDTH}][A-Za-z{_ACCENTED}]"
    r"|[｡｢｣､]"
    r"|(?:^|[ \u3000･])[ｧｨｩｪｫｬｭｮｯｰﾞﾟ]"  # no word begins so
    r"|[^ｳｶ-ﾄﾊ-ﾎﾜｦ]ﾞ|[^ﾊ-ﾎ]ﾟ"  # and nothing else has a voiced form
)


class Misread(NamedTuple):
    """A text in the encoding `written`, decoded by way of `read`."""

    written: str
    read: str


_DOUBLE_BYTE = ("cp932", "euc_jp", "gbk")
_UTF8_READ_AS = (*_DOUBLE_BYTE, "cp1252", "latin-1")
_READ_AS_LATIN = ("cp932", "euc_jp")
_NAMES = {"cp932": "CP932", "cp1252": "Latin", "latin-1": "Latin", "euc_jp": "EUC-JP", "gbk": "GBK"}


def misread(text: str) -> Misread | None:
    """How `text` became mojibake; None if it is none, or can't be told from what people write."""
    if text.isascii():
        return None
    for read in _UTF8_READ_AS:
        was = _decoded(text, read, "utf-8")
        if was is not None and _is_what_was_written(was, text, read):
            return Misread("UTF-8", _NAMES[read])
    for written in _READ_AS_LATIN:
        for read in ("cp1252", "latin-1"):
            was = _decoded(text, read, written)
            if was is not None and _JAPANESE.fullmatch(was) and _JAPANESE_LETTER.search(was):
                return Misread(_NAMES[written], "Latin")
    return None


def is_noise(name: str) -> bool:
    """Whether half-width katakana stands in a name as in no word: the rest of a text that lost characters as well."""
    return _NOISE.search(name) is not None


def _decoded(text: str, read: str, written: str) -> str | None:
    """What the bytes of `text` are in the encoding `written`. Of a text that was cut, all but the broken end."""
    try:
        content = text.encode(read)
    except UnicodeEncodeError:
        return None
    try:
        was = content.decode(written)
    except UnicodeDecodeError as error:
        if read not in _DOUBLE_BYTE or written != "utf-8" or error.reason != "unexpected end of data":
            return None
        was = content[: error.start].decode(written)
        if len(was) < 2:
            return None
    return None if was == text else was


def _is_what_was_written(was: str, text: str, read: str) -> bool:
    """UTF-8 that was read as `read`: letters of people, the ASCII among them untouched."""
    if read in ("cp1252", "latin-1"):
        return True  # an accented capital and a sign, in pairs: no language writes so
    if _ASCII.findall(was) != _ASCII.findall(text) or not _JAPANESE_OR_LATIN.fullmatch(was):
        return False
    if not _JAPANESE_LETTER.search(was):
        return False  # half-width katakana gives Latin letters: ﾃｱ, ñ
    return all(
        "\U000e0100" <= character <= "\U000e01ef" or is_in_japanese_standards(character) for character in was
    )  # else it is chance: kanji that no Japanese standard has
