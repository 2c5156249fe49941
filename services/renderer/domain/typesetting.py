"""Lines of text on a page: measured, made to fit, never cut. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reportlab.pdfgen.canvas import Canvas

from services.renderer.pdf.ornament import Colour
from services.renderer.pdf.page import PageFont
from shared.glyphs import is_variation_selector

BLACK: Colour = (0.09, 0.09, 0.10)
GREY: Colour = (0.36, 0.37, 0.40)


@dataclass(frozen=True)
class Fonts:
    serif: PageFont
    serif_bold: PageFont
    sans: PageFont
    sans_medium: PageFont

    @property
    def all(self) -> tuple[PageFont, ...]:
        return (self.serif, self.serif_bold, self.sans, self.sans_medium)


@dataclass(frozen=True)
class Line:
    """One line. `size` is in points; `tracking` is the space between characters as a fraction of the size."""

    text: str
    font: PageFont
    size: float
    colour: Colour = BLACK
    tracking: float = 0.0

    @property
    def width(self) -> float:
        """In points. MissingGlyph when the font lacks a character."""
        return self.font.typeface.width(self.text, self.size, self.tracking * self.size)


def fitted(line: Line, room: float) -> Line:
    """The line, made smaller until it is no wider than `room` points."""
    width = line.width
    return line if width <= room else replace(line, size=line.size * room / width)


def fitted_lines(line: Line, room: float, least: float) -> tuple[Line, ...]:
    """The line made to fit; where it would be smaller than `least`, two lines of one size."""
    one = fitted(line, room)
    if one.size >= least or len(line.font.typeface.glyphs(line.text)) < 2:
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
    at = round(middle)
    if is_variation_selector(text[at]):
        at -= 1
    return text[:at], text[at:]


def set_line(
    canvas: Canvas, line: Line, x: float, y: float, align: Literal["left", "centre", "right"] = "left"
) -> None:
    """Draw a line on the base line y from x, centred on x or up to x. MissingGlyph when the font lacks a character."""
    if align != "left":
        x -= line.width / 2 if align == "centre" else line.width
    text = canvas.beginText(x, y)
    text.setFont(line.font.fontName, line.size)
    text.setFillColorRGB(*line.colour)
    text.setCharSpace(line.tracking * line.size)
    text.textOut(line.text)
    canvas.drawText(text)


def name_tracking(name: str) -> float:
    """The tracking of a name set large: kanji and kana stand a little apart, Latin letters don't."""
    return 0.1 if any(character >= "\u2e80" for character in name) else 0.01
