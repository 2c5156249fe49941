"""Which characters our fonts can draw. Used by registration (refuses other names), renderer and issuer (draw).

A name is printed as it was registered, never normalised: 﨑, 髙, 𠮷 and variation sequences (辻󠄀 = U+8FBB U+E0100) stay
as they are.
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

PRINTED_FONTS = (SERIF, SANS, SANS_MEDIUM)
"""The fonts that names and numbers are set in: 証書 and 内容詳細."""


@dataclass(frozen=True)
class Coverage:
    """The characters of one font: glyph numbers by code point, and by (code point, variation selector)."""

    points: Mapping[int, int]
    sequences: Mapping[tuple[int, int], int]

    def glyphs(self, text: str) -> Iterator[tuple[str, int | None]]:
        """(characters, glyph number) in the order of the text; the glyph is None where the font has none.

        A base character and its variation selector are one glyph. A sequence that the font lacks is missing even where
        the font has the base character, because the name was registered with that form. Combining marks and invisible
        characters count as missing, too: a mark would be drawn beside its letter.
        """
        at = 0
        while at < len(text):
            point = ord(text[at])
            selector = text[at + 1 : at + 2]
            if is_variation_selector(selector):
                yield text[at : at + 2], self.sequences.get((point, ord(selector)))
                at += 2
            else:
                yield text[at], None if _has_no_shape(text[at]) else self.points.get(point)
                at += 1


@dataclass(frozen=True)
class Glyphs:
    """The characters that every one of these fonts has."""

    fonts: tuple[Coverage, ...]

    def missing(self, text: str) -> tuple[str, ...]:
        """The characters of `text` that can't be printed, each once, in order, as `name_of` writes them."""
        found: dict[str, None] = {}
        for font in self.fonts:
            found.update((characters, None) for characters, glyph in font.glyphs(text) if glyph is None)
        return tuple(name_of(characters) for characters in sorted(found, key=text.index))


def name_of(characters: str) -> str:
    """A character or variation sequence by code point: "U+20BB7 𠮷", "U+8FBB U+E0105 辻󠄅"; invisible ones "U+200B"."""
    numbers = " ".join(f"U+{ord(character):04X}" for character in characters)
    return numbers if _has_no_shape(characters[0]) else f"{numbers} {characters}"


@lru_cache(maxsize=16)
def load_coverage(font: Path) -> Coverage:
    """The character map of one font file, read once (0.1 s). OSError: no such file. ValueError: not a font."""
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
    """What the certificates' fonts can print of names and numbers. `font_folder` holds the folders of the families."""
    return Glyphs(tuple(load_coverage(font_folder / font) for font in PRINTED_FONTS))


def is_variation_selector(character: str) -> bool:
    """VS1 to VS16 and VS17 to VS256 (Unicode Standard, 23.4); false for no character."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _has_no_shape(character: str) -> bool:
    """Controls, format characters, surrogates, private use, unassigned, line ends, and marks that need a letter."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc")
