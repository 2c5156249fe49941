"""Which characters our fonts can draw. For registration (refuses a name that we can't print) and renderer (prints it).

A name is taken as it was registered, never normalised: 﨑, 髙, 𠮷 and variation sequences (辻󠄀 = U+8FBB U+E0100) stay
what they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

SERIF = "noto-serif-jp/500Medium/NotoSerifJP_500Medium.ttf"
SERIF_BOLD = "noto-serif-jp/700Bold/NotoSerifJP_700Bold.ttf"
SERIF_BLACK = "noto-serif-jp/900Black/NotoSerifJP_900Black.ttf"
SANS = "noto-sans-jp/400Regular/NotoSansJP_400Regular.ttf"
SANS_MEDIUM = "noto-sans-jp/500Medium/NotoSansJP_500Medium.ttf"

NAME_FONTS = (SERIF, SANS)
"""The fonts that a holder's name is set in: 証書 and 内容詳細."""


@dataclass(frozen=True)
class Coverage:
    """The characters of one font: glyph numbers by code point, and by (code point, variation selector)."""

    points: Mapping[int, int]
    sequences: Mapping[tuple[int, int], int]

    def glyphs(self, text: str) -> Iterator[tuple[str, int | None]]:
        """What is drawn one after the other: (its characters, its glyph), the glyph None where the font has none.

        A base character and its variation selector are drawn as one glyph; a sequence that the font doesn't know is
        missing, even where it knows the base character, because the holder asked for a certain form of it. Combining
        marks and invisible characters are missing too: a mark would be drawn beside its letter.
        """
        at = 0
        while at < len(text):
            point = ord(text[at])
            selector = ord(text[at + 1]) if at + 1 < len(text) else 0
            if _selects(selector):
                yield text[at : at + 2], self.sequences.get((point, selector))
                at += 2
            else:
                yield text[at], None if _has_no_shape(text[at]) else self.points.get(point)
                at += 1


@dataclass(frozen=True)
class Glyphs:
    """What can be printed: the characters that every one of these fonts has."""

    fonts: tuple[Coverage, ...]

    def missing(self, text: str) -> tuple[str, ...]:
        """What of `text` can't be printed, each once, in order, as "U+20BB7 𠮷"; control characters by number alone."""
        found: dict[str, None] = {}
        for font in self.fonts:
            found.update((characters, None) for characters, glyph in font.glyphs(text) if glyph is None)
        return tuple(name_of(characters) for characters in sorted(found, key=text.index))


def name_of(characters: str) -> str:
    """A character or a variation sequence as an office can look it up: "U+20BB7 𠮷", "U+8FBB U+E0105 辻󠄅", "U+200B"."""
    numbers = " ".join(f"U+{ord(character):04X}" for character in characters)
    return numbers if _has_no_shape(characters[0]) else f"{numbers} {characters}"


@lru_cache(maxsize=16)
def load_coverage(font: Path) -> Coverage:
    """The tables of one font file, read once (0.1 s). OSError when there is none, ValueError when it is no font."""
    try:
        with TTFont(font, lazy=True) as file:
            numbers = file.getReverseGlyphMap()
            points = {point: numbers[name] for point, name in file.getBestCmap().items()}
            sequences: dict[tuple[int, int], int] = {}
            for table in file["cmap"].tables:
                if table.format != 14:  # Unicode variation sequences: OpenType, cmap, format 14
                    continue
                for selector, entries in table.uvsDict.items():
                    for point, name in entries:
                        glyph = points.get(point) if name is None else numbers[name]
                        if glyph is not None:
                            sequences[point, selector] = glyph
    except (TTLibError, KeyError, TypeError, AssertionError) as error:
        raise ValueError(f"font {font}: expected a TrueType font with a Unicode map") from error
    return Coverage(points, sequences)


def load_glyphs(font_folder: Path) -> Glyphs:
    """What the certificates' fonts can print of a name. `font_folder` holds the folders of the families."""
    return Glyphs(tuple(load_coverage(font_folder / font) for font in NAME_FONTS))


def _selects(point: int) -> bool:
    return 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF


def _has_no_shape(character: str) -> bool:
    """Controls, format characters, surrogates, private use, unassigned, line ends, and marks that need a letter."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc")
