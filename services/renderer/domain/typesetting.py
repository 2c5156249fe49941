"""Lines of text on a page: measured, made to fit, broken, never cut. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Literal

import msgspec
from budoux import load_default_japanese_parser
from budoux.parser import Parser
from msgspec.structs import replace

from services.renderer.pdf.layer import Sheet
from services.renderer.pdf.ornament import Colour
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import Face, Spaced
from shared.glyphs import clusters

BLACK: Colour = (0.09, 0.09, 0.10)
GREY: Colour = (0.36, 0.37, 0.40)
MM = 72 / 25.4
A4 = (210 * MM, 297 * MM)

_EAST_ASIAN = "\u2e80"
_EM = 1000


@dataclass(frozen=True)
class Fonts:
    serif: Face
    serif_bold: Face
    sans: Face
    sans_medium: Face


class Line(msgspec.Struct, frozen=True):
    """One line. `size` is in points; `tracking` is the space between characters as a fraction of the size, and `gap`
    the same for what a space (U+0020) is wider than in the font."""

    text: str
    font: Face
    size: float
    colour: Colour = BLACK
    tracking: float = 0.0
    gap: float = 0.0

    @property
    def width(self) -> float:
        """In points. MissingGlyph when the font lacks a character."""
        return self.width_of(self.text)

    def width_of(self, text: str) -> float:
        """The width of another text that is set like this one."""
        gaps = self.gap * self.size * text.count(" ")
        return self.font.width(text, self.size, self._tracking * self.size / _EM) + gaps

    def glyphs(self) -> list[Spaced]:
        """The line's glyphs, each with the space after it. MissingGlyph when the font lacks a character."""
        tracking, drawn = self._tracking, self.font.drawn(self.text)
        if not self.gap:
            return list(zip(drawn, repeat(tracking), strict=False))
        wide = tracking + round(self.gap * _EM)
        return [(each, wide if each.characters == " " else tracking) for each in drawn]

    @property
    def _tracking(self) -> int:
        """In thousandths of an em, as the widths in a PDF are."""
        return round(self.tracking * _EM)


def fitted(line: Line, room: float) -> Line:
    """The line, made smaller until it is no wider than `room` points."""
    width = line.width
    return line if width <= room else replace(line, size=line.size * room / width)


def fitted_lines(line: Line, room: float, least: float) -> tuple[Line, ...]:
    """The line made to fit; where it would be smaller than `least`, two lines of one size."""
    one = fitted(line, room)
    if one.size >= least or len(clusters(line.text)) < 2:
        return (one,)
    halves = [
        fitted(replace(line, text=half, size=min(line.size, least * 1.15)), room) for half in halves_of(line.text)
    ]
    size = min(half.size for half in halves)
    return tuple(replace(half, size=size) for half in halves)


def halves_of(text: str) -> tuple[str, str]:
    """A text of two or more glyphs split at the space nearest to its middle, else in the middle.

    Never between a character and its variation selector.
    """
    middle = len(text) / 2
    spaces = [at for at in range(1, len(text) - 1) if text[at].isspace()]
    if spaces:
        at = min(spaces, key=lambda place: abs(place - middle))
        return text[:at], text[at + 1 :]
    parts = clusters(text)
    before = min(range(1, len(parts)), key=lambda count: abs(len("".join(parts[:count])) - middle))
    return "".join(parts[:before]), "".join(parts[before:])


def wrapped(line: Line, room: float) -> tuple[Line, ...]:
    """The line on as many lines as it needs at its size: Japanese text is broken between phrases, other text at spaces.

    A phrase that is wider than `room` is made smaller, with all lines.
    """
    return _filled(line, _phrases(line.text), room)


def wrapped_address(line: Line, room: float) -> tuple[Line, ...]:
    """A URL on as many lines as it needs at its size: broken after a slash, else after any character."""
    parts = re.findall("[^/]*/+|[^/]+", line.text)
    pieces = [piece for part in parts for piece in ([part] if line.width_of(part) <= room else part)]
    return _filled(line, pieces, room)


def _filled(line: Line, pieces: Iterable[str], room: float) -> tuple[Line, ...]:
    if line.width <= room:
        return (line,)
    texts, width, between = [""], 0.0, line.tracking * line.size
    for piece in pieces:
        whole = line.width_of(piece)
        shown = line.width_of(piece.rstrip()) if piece[-1:].isspace() else whole
        if texts[-1] and width + shown > room:
            texts.append("")
            width = 0.0
        texts[-1] += piece
        width += whole + between
    lines = [fitted(replace(line, text=text.strip()), room) for text in texts]
    size = min(each.size for each in lines)
    return tuple(replace(each, size=size) for each in lines)


def _phrases(text: str) -> Sequence[str]:
    """Pieces between which a line may end. BudouX leaves punctuation at the end of its phrase (禁則処理)."""
    if all(character < _EAST_ASIAN for character in text):
        return [f"{word} " for word in text.split()]
    return _parser().parse(text)


@cache
def _parser() -> Parser:
    return load_default_japanese_parser()


def set_line(
    sheet: Sheet, tag: Tag, line: Line, x: float, y: float, align: Literal["left", "centre", "right"] = "left"
) -> None:
    """Draw a line on the base line y from x, centred on x or up to x. MissingGlyph when the font lacks a character."""
    if align != "left":
        x -= line.width / 2 if align == "centre" else line.width
    sheet.text(tag, line.glyphs(), line.size, line.colour, x, y)


def name_line(name: str, font: Face, size: float) -> Line:
    """A name set large. Of a name in kanji or kana the characters stand a little apart, and the shorter it is the wider
    is the space between 氏 and 名, as on Japanese certificates (一　一); Latin letters stand as they are."""
    if any(character.isalpha() and character < _EAST_ASIAN for character in name):
        return Line(name, font, size, tracking=0.01, gap=0.0 if name.isascii() else 0.08)
    characters = len(clusters(name)) - name.count(" ")
    gap = {1: 0.9, 2: 0.9, 3: 0.75, 4: 0.45, 5: 0.25}.get(characters, 0.1)
    return Line(name, font, size, tracking=0.1, gap=gap)
