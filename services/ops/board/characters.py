"""A character that no font of the certificate has, as the office needs it to ask the person; pure.

The page shows it as text, which the office's browser draws if its computer has a font for it, and says what it is, and
where its drawing can be looked up if it doesn't.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from shared.glyphs import clusters, is_variation_selector
from shared.programme import Bilingual

_LOOK_UP = "https://glyphwiki.org/wiki/{}"
"""Pictures of all Chinese characters of Unicode, and of most registered variants, by code point."""

# Blocks of CJK unified ideographs beyond the first: first, last, name. Source: Unicode 16, Blocks.txt.
_EXTENSIONS = (
    (0x3400, 0x4DBF, "A"),
    (0x20000, 0x2A6DF, "B"),
    (0x2A700, 0x2B73F, "C"),
    (0x2B740, 0x2B81F, "D"),
    (0x2B820, 0x2CEAF, "E"),
    (0x2CEB0, 0x2EBEF, "F"),
    (0x2EBF0, 0x2EE5F, "I"),
    (0x30000, 0x3134F, "G"),
    (0x31350, 0x323AF, "H"),
)
_COMPATIBILITY = ((0xF900, 0xFAFF), (0x2F800, 0x2FA1F))
_UNIFIED = (0x4E00, 0x9FFF)
_POINT = re.compile(r"U\+[0-9A-F]{4,6}")
_IVS = range(0xE0100, 0xE01F0)  # VS17 to VS256


@dataclass(frozen=True)
class NameCharacter:
    """A character of a name, or one with its variation selector. `missing`: no font has it.

    `kind` and `look_up` (a URL) of those that are missing only; no URL where no drawing is known.
    """

    text: str
    points: str
    missing: bool
    kind: Bilingual | None = None
    look_up: str | None = None


def name_characters(name: str, missing: str) -> list[NameCharacter]:
    """The characters of a name, and which of them no font has (`missing`, as the hold names them)."""
    lacked = {" ".join(_POINT.findall(part)) for part in missing.split(",")}
    found = []
    for character in clusters(name.replace(" ", "")):
        points = " ".join(f"U+{ord(each):04X}" for each in character)
        if points in lacked:
            found.append(NameCharacter(character, points, True, kind_of(character), look_up_of(character)))
        else:
            found.append(NameCharacter(character, points, False))
    return found


def kind_of(cluster: str) -> Bilingual:
    """What it is, in the words in which somebody asks the person for it."""
    base = cluster[0]
    if len(cluster) > 1 and is_variation_selector(cluster[1]):
        number = ord(cluster[1]) - 0xE0100 + 17 if ord(cluster[1]) in _IVS else ord(cluster[1]) - 0xFE00 + 1
        return Bilingual(f"「{base}」の字形ちがい（異体字セレクタ VS{number}）", f"a variant of {base} (VS{number})")
    point = ord(base)
    if unicodedata.category(base) == "Co":
        return Bilingual(
            "外字。入力したパソコンでだけ決めた字で、ほかでは形が分かりません。本人に書いてもらってください",
            "a private character: only the computer that wrote it knows its shape; ask the person",
        )
    if any(first <= point <= last for first, last in _COMPATIBILITY):
        plain = unicodedata.normalize("NFKC", base)
        if plain != base:
            return Bilingual(f"「{plain}」の字形ちがい（互換漢字）", f"a variant of {plain} (compatibility ideograph)")
        return Bilingual("互換漢字", "a compatibility ideograph")
    for first, last, letter in _EXTENSIONS:
        if first <= point <= last:
            return Bilingual(f"漢字（CJK統合漢字拡張{letter}）", f"a Chinese character (extension {letter})")
    if _UNIFIED[0] <= point <= _UNIFIED[1]:
        return Bilingual("漢字（CJK統合漢字）", "a Chinese character")
    name = unicodedata.name(base, "")
    return Bilingual(
        f"漢字ではない文字：{name}" if name else "名前のない文字", name.lower() or "a character without name"
    )


def look_up_of(cluster: str) -> str | None:
    """Where its drawing is: of Chinese characters and their registered variants."""
    point = ord(cluster[0])
    is_han = (
        _UNIFIED[0] <= point <= _UNIFIED[1]
        or any(first <= point <= last for first, last in _COMPATIBILITY)
        or any(first <= point <= last for first, last, _ in _EXTENSIONS)
    )
    if not is_han:
        return None
    return _LOOK_UP.format("-".join(f"u{ord(each):04x}" for each in cluster))
