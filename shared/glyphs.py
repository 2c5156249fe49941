"""Which characters our fonts can draw, and which font draws which. Used by registration (holds other names), ops (names
them), renderer and issuer (draw).

A name is printed as it was registered, never normalised: 﨑, 髙, 𠮷 and variation sequences (辻󠄀 = U+8FBB U+E0100) stay
as they are. What no font holds is missing: it is never drawn as a box, nor as the base character of its sequence.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from shared.font_file import FontFile
from shared.plain_text import FILLERS

SERIF = "noto-serif-jp/500Medium/NotoSerifJP_500Medium.ttf"
SERIF_BOLD = "noto-serif-jp/700Bold/NotoSerifJP_700Bold.ttf"
SERIF_BLACK = "noto-serif-jp/900Black/NotoSerifJP_900Black.ttf"
SANS = "noto-sans-jp/400Regular/NotoSansJP_400Regular.ttf"
SANS_MEDIUM = "noto-sans-jp/500Medium/NotoSansJP_500Medium.ttf"

_AFTER = (("noto-{}", "Noto{}"), ("noto-{}-kr", "Noto{}KR"), ("noto-{}-sc", "Noto{}SC"), ("noto-{}-tc", "Noto{}TC"))
"""The families that are asked, in this order, for what Noto Serif / Sans JP lacks: Latin, Greek and Cyrillic; Hangul;
Han of China and Taiwan. The last three are Noto Serif / Sans JP for other regions: one hand, baseline and weight."""

_LIGHTER = {("serif", "500Medium"): "400Regular", ("serif", "700Bold"): "600SemiBold"}
"""Noto Serif by itself is darker than the Latin letters of Noto Serif JP: its weight for each of theirs."""

PRINTED_FONTS = (SERIF, SANS, SANS_MEDIUM)
"""The fonts that names and numbers are set in: 証書 and 内容詳細. Each is the first of a chain."""

"""Letters by their category, but drawn as nothing: the fillers of Hangul; the empty pattern of Braille."""


@dataclass(frozen=True)
class Coverage:
    """The characters of one font: glyph numbers by code point, and by (code point, variation selector)."""

    points: Mapping[int, int]
    sequences: Mapping[tuple[int, int], int]

    def glyph(self, characters: str) -> int | None:
        """The glyph of one of `clusters`, or None. None for a sequence that the font lacks even where it has the base
        character, because the name was registered with that form; None for what has no shape of its own."""
        point = ord(characters[0])
        if len(characters) > 1:
            return self.sequences.get((point, ord(characters[1]))) or None
        return None if _has_no_shape(characters) else self.points.get(point) or None

    def glyphs(self, text: str) -> Iterator[tuple[str, int | None]]:
        """(characters, glyph number) in the order of the text; the glyph is None where the font has none."""
        return ((characters, self.glyph(characters)) for characters in clusters(text))


@dataclass(frozen=True)
class Chain:
    """Fonts in the order in which they are asked for a character."""

    fonts: tuple[Coverage, ...]
    _found: dict[str, tuple[int, int | None]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def glyphs(self, text: str) -> list[tuple[str, int, int | None]]:
        """(characters, place of the font in the chain, glyph number), in order; the glyph is None where all lack it.

        All of a text that is not Han, kana or Hangul comes from the first font that has all of it, so that no letter of
        a Latin name stands out.
        """
        drawn = [(part, *self._first(part)) for part in clusters(text)]
        if any(place and part[0] < _EAST_ASIAN for part, place, _ in drawn):
            letters = {part for part, _, _ in drawn if part[0] < _EAST_ASIAN}
            for place, font in enumerate(self.fonts):
                if None not in (found := {part: font.glyph(part) for part in letters}).values():
                    return [(part, place, found[part]) if part in found else (part, at, it) for part, at, it in drawn]
        return drawn

    def has(self, part: str) -> bool:
        """Whether one of the fonts has this one of `clusters`."""
        return self._first(part)[1] is not None

    def _first(self, part: str) -> tuple[int, int | None]:
        found = self._found.get(part)
        if found is None:
            if len(self._found) >= _MOST_KNOWN:
                self._found.clear()
            glyphs = (font.glyph(part) for font in self.fonts)
            found = next(((place, glyph) for place, glyph in enumerate(glyphs) if glyph is not None), (0, None))
            self._found[part] = found
        return found


_MOST_KNOWN = 20_000  # characters whose font is kept in memory
_EAST_ASIAN = "\u2e80"  # the first code point of Han radicals; kana, Han and Hangul syllables come after it


@dataclass(frozen=True)
class Glyphs:
    """The characters that every one of these chains has."""

    chains: tuple[Chain, ...]
    _everywhere: set[str] = field(default_factory=set, init=False, repr=False, compare=False)  # single characters

    def missing(self, text: str) -> tuple[str, ...]:
        """The characters of `text` that can't be printed, each once, in order, as `name_of` writes them."""
        if self._everywhere.issuperset(text):  # fast path: nearly all texts; it never holds a variation selector
            return ()
        parts = clusters(text)
        lacked = [part for part in parts if not all(chain.has(part) for chain in self.chains)]
        if not lacked and len(self._everywhere) < _MOST_KNOWN:
            self._everywhere.update(part for part in parts if len(part) == 1 and not is_variation_selector(part))
        return tuple(map(name_of, dict.fromkeys(lacked)))


def clusters(text: str) -> list[str]:
    """The characters of a text, a base character and its variation selector as one."""
    found: list[str] = []
    for character in text:
        if is_variation_selector(character) and found and len(found[-1]) == 1:
            found[-1] += character
        else:
            found.append(character)
    return found


def name_of(characters: str) -> str:
    """A character or variation sequence by code point: "U+20BB7 𠮷", "U+8FBB U+E0105 辻󠄅"; invisible ones "U+200B"."""
    numbers = " ".join(f"U+{ord(character):04X}" for character in characters)
    return numbers if _has_no_shape(characters[0]) else f"{numbers} {characters}"


@lru_cache(maxsize=32)
def load_font(path: Path) -> FontFile:
    """Mapped once. OSError: no such file. ValueError: not a font."""
    return FontFile(path)


def load_coverage(path: Path) -> Coverage:
    """The character map of one font file. OSError: no such file. ValueError: not a font."""
    font = load_font(path)
    return Coverage(font.points, font.sequences)


def chain_files(font_folder: Path, font: str, extra: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The files of a chain: `font`, one of PRINTED_FONTS, those of the other families in its weight, the operator's."""
    family, weight, _ = font.split("/")
    kind = family.split("-")[1]
    lighter = _LIGHTER.get((kind, weight), weight)
    weights = (lighter, weight, weight, weight)
    others = (
        font_folder / folder.format(kind) / each / f"{name.format(kind.title())}_{each}.ttf"
        for (folder, name), each in zip(_AFTER, weights, strict=True)
    )
    return (font_folder / font, *others, *extra)


def load_glyphs(font_folder: Path, extra: Sequence[Path] = ()) -> Glyphs:
    """What the certificates' fonts can print of names and numbers. `font_folder` holds the folders of the families,
    `extra` names font files of the operator, asked last. OSError: a file is missing. ValueError: not a font."""
    return Glyphs(
        tuple(
            Chain(tuple(load_coverage(path) for path in chain_files(font_folder, font, extra)))
            for font in PRINTED_FONTS
        )
    )


def is_variation_selector(character: str) -> bool:
    """VS1 to VS16 and VS17 to VS256 (Unicode Standard, 23.4); false for no character."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _has_no_shape(character: str) -> bool:
    """Whether a character alone can't be drawn as what it means, whatever fonts there are.

    Controls, format characters, surrogates, private use, unassigned, line ends; marks that need a letter; fillers;
    letters that take their shape from their neighbours (right-to-left scripts, parts of Hangul syllables), because each
    character is drawn by itself, from left to right.
    """
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me", "Mc")
        or character in FILLERS
        or unicodedata.bidirectional(character) in ("R", "AL", "AN")
        or "\u1100" <= character <= "\u11ff"
        or "\ua960" <= character <= "\ua97f"
        or "\ud7b0" <= character <= "\ud7ff"
    )
