"""Ornaments drawn by reportlab: guilloche frame, rosette, rules, seal. Lengths in points.

What is drawn on a `drawing()` becomes part of a page by `operators()`, as the content stream that reportlab writes.
Strands are sines with evenly spread phases, so they interlace; each is a cubic Hermite curve through a few points a
wave. A side is one tile repeated and a rosette one sector turned: repeated text deflates well, as do hundredths.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.qu2cuPen import Qu2CuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from reportlab.pdfgen.canvas import FILL_EVEN_ODD, FILL_NON_ZERO, Canvas  # type: ignore[attr-defined] # not in stubs
from reportlab.pdfgen.pathobject import PDFPathObject

Colour = tuple[float, float, float]
Curve = Callable[[float], tuple[float, float]]
"""The point (x, y) for each parameter from 0 to 1."""

_STEPS = 10  # pieces of a curve to a tile


def colour_of(text: str, *, paler: float = 0.0, darker: float = 0.0) -> Colour:
    """ "#1f4e79" as RGB from 0 to 1, mixed with white (`paler`) or black (`darker`). ValueError for anything else."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f'colour: got {text!r}, expected six hex digits like "#1f4e79"')
    red, green, blue = (int(text[at : at + 2], 16) / 255 * (1 - darker) for at in (1, 3, 5))
    return (red + (1 - red) * paler, green + (1 - green) * paler, blue + (1 - blue) * paler)


def drawing() -> Canvas:
    """A canvas to draw ornaments on. It is never saved."""
    return Canvas(io.BytesIO())


def operators(canvas: Canvas) -> str:
    """What was drawn, as PDF operators that leave the graphics state as they found it."""
    return f"q\n{canvas.getCurrentPageContent()}\nQ"


def use_stroke(canvas: Canvas, colour: Colour, width: float) -> None:
    canvas.setStrokeColorRGB(*(round(part, 3) for part in colour))
    canvas.setLineWidth(width)


def use_fill(canvas: Canvas, colour: Colour) -> None:
    canvas.setFillColorRGB(*(round(part, 3) for part in colour))


def fill_rectangle(canvas: Canvas, colour: Colour, x: float, y: float, width: float, height: float) -> None:
    use_fill(canvas, colour)
    x, y, width, height = _hundredths(x, y, width, height)
    canvas.rect(x, y, width, height, stroke=0, fill=1)


def stroke_square(canvas: Canvas, colour: Colour, width: float, x: float, y: float, side: float) -> None:
    use_stroke(canvas, colour, width)
    canvas.rect(*_hundredths(x, y, side, side))


def stroke_across(canvas: Canvas, colour: Colour, width: float, left: float, right: float, y: float) -> None:
    """A horizontal line."""
    use_stroke(canvas, colour, width)
    canvas.line(*_hundredths(left, y, right, y))


def guilloche_frame(
    canvas: Canvas, size: tuple[float, float], inset: float, corner: float, depth: float, colours: tuple[Colour, ...]
) -> None:
    """A band of strands round the page: its middle `inset` from the edges, corners rounded by `corner`, `depth` a side.

    Each colour is a family of strands; families are shifted against each other.
    """
    arc = corner * math.pi / 2
    tile = arc / 2  # a corner is two tiles; the sides take the whole number of tiles that comes nearest
    width, height = size[0] - 2 * (inset + corner), size[1] - 2 * (inset + corner)
    for family, colour in enumerate(colours):
        use_stroke(canvas, colour, 0.27)
        bend = canvas.beginPath()
        for strand in range(_STRANDS):
            _trace(bend, _bent_strand(corner, depth, family, strand), 2 * _STEPS)
        for turn, length, x, y in (
            (0, width, inset + corner, inset),
            (1, height, size[0] - inset, inset + corner),
            (2, width, size[0] - inset - corner, size[1] - inset),
            (3, height, inset, size[1] - inset - corner),
        ):
            count = max(1, round(length / tile))
            step = length / count
            side = canvas.beginPath()
            for strand in range(_STRANDS):
                _trace(side, _straight_strand(step, depth, family, strand))
            cosine, sine = round(math.cos(turn * math.pi / 2)), round(math.sin(turn * math.pi / 2))
            canvas.saveState()
            canvas.transform(cosine, sine, -sine, cosine, *_hundredths(x, y))
            for _ in range(count):
                canvas.drawPath(side)
                canvas.translate(round(step, 3), 0)
            canvas.drawPath(bend)
            canvas.restoreState()


_STRANDS = 6
_WAVES = 1.5  # of a strand to a tile: where one strand ends another begins, because half the strands is a whole number


def _swing(place: float, depth: float, family: int, strand: int) -> float:
    """The distance of a strand from the middle of the band; `place` is in tiles."""
    breath = 0.7 + 0.3 * math.cos(math.tau * (place + family / 2))
    return depth * breath * math.sin(math.tau * (_WAVES * place + (strand + family / 2) / _STRANDS))


def _straight_strand(step: float, depth: float, family: int, strand: int) -> Curve:
    return lambda place: (place * step, _swing(place, depth, family, strand))


def _bent_strand(corner: float, depth: float, family: int, strand: int) -> Curve:
    """Two tiles round a quarter circle that starts at the origin to the right and turns left."""

    def at(place: float) -> tuple[float, float]:
        reach = corner - _swing(2 * place, depth, family, strand)
        angle = place * math.pi / 2
        return reach * math.sin(angle), corner - reach * math.cos(angle)

    return at


def rosette(
    canvas: Canvas,
    x: float,
    y: float,
    radius: float,
    lobes: int,
    rings: tuple[tuple[float, float], ...],
    colour: Colour,
) -> None:
    """A round guilloche. Each ring is (its middle, its amplitude) as fractions of `radius`."""
    strands = 8
    sector = math.tau / lobes

    def strand(middle: float, swing: float, phase: float) -> Curve:
        def at(place: float) -> tuple[float, float]:
            reach = radius * (middle + swing * math.cos(math.tau * (place + phase)))
            return reach * math.cos(place * sector), reach * math.sin(place * sector)

        return at

    one = canvas.beginPath()
    for ring in rings:
        for number in range(strands):
            _trace(one, strand(*ring, number / strands))
    use_stroke(canvas, colour, 0.3)
    canvas.saveState()
    canvas.translate(*_hundredths(x, y))
    cosine, sine = math.cos(sector), math.sin(sector)
    for _ in range(lobes):
        canvas.drawPath(one)
        canvas.transform(cosine, sine, -sine, cosine, 0, 0)
    canvas.restoreState()


def notched_frame(
    canvas: Canvas, size: tuple[float, float], inset: float, notch: float, colour: Colour, width: float
) -> None:
    """A line round the page with quarter circles cut out of its corners."""
    left, bottom, right, top = inset, inset, size[0] - inset, size[1] - inset
    pull = notch * 0.5523  # a quarter circle as one Bézier curve
    path = canvas.beginPath()
    path.moveTo(*_hundredths(left + notch, bottom))
    for start, notched in (  # counter-clockwise from the lower left notch: the end of a side, then a notch
        (
            (right - notch, bottom),
            (right - notch, bottom + pull, right - pull, bottom + notch, right, bottom + notch),
        ),
        (
            (right, top - notch),
            (right - pull, top - notch, right - notch, top - pull, right - notch, top),
        ),
        (
            (left + notch, top),
            (left + notch, top - pull, left + pull, top - notch, left, top - notch),
        ),
        (
            (left, bottom + notch),
            (left + pull, bottom + notch, left + notch, bottom + pull, left + notch, bottom),
        ),
    ):
        path.lineTo(*_hundredths(*start))
        path.curveTo(*_hundredths(*notched))
    path.close()
    use_stroke(canvas, colour, width)
    canvas.drawPath(path)


def diamond(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    """A star of four points."""
    corners = [(radius if step % 2 == 0 else radius * 0.34, math.tau * step / 8) for step in range(8)]
    use_fill(canvas, colour)
    _fill_polygon(canvas, *((x + reach * math.sin(angle), y + reach * math.cos(angle)) for reach, angle in corners))


def rule(canvas: Canvas, x: float, y: float, half: float, colour: Colour) -> None:
    """A horizontal line with a star in its middle, tapering to both ends."""
    use_fill(canvas, colour)
    for side in (-1, 1):
        _fill_polygon(canvas, (x + side * half, y), (x + side * 9, y + 0.45), (x + side * 9, y - 0.45))
    diamond(canvas, x, y, 4.2, colour)


def _fill_polygon(canvas: Canvas, start: tuple[float, float], *others: tuple[float, float]) -> None:
    path = canvas.beginPath()
    path.moveTo(*_hundredths(*start))
    for point in others:
        path.lineTo(*_hundredths(*point))
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)


@lru_cache(maxsize=32)
def seal(name: str, font: Path, x: float, y: float, side: float, colour: Colour) -> str:
    """A square seal (角印) of a society's name, in columns from right to left, as PDF operators.

    Drawn as outlines, so that its characters are not part of the page's text.
    """
    columns = seal_columns(name)
    frame, room = side * 0.045, side * 0.83
    canvas = drawing()
    use_fill(canvas, colour)
    edge = canvas.beginPath()
    edge.roundRect(x, y, side, side, side * 0.07)
    edge.roundRect(x + frame, y + frame, side - 2 * frame, side - 2 * frame, side * 0.04)
    canvas.drawPath(edge, stroke=0, fill=1, fillMode=FILL_EVEN_ODD)
    margin = (side - room) / 2
    with TTFont(font, lazy=True) as file:
        glyphs, names = file.getGlyphSet(), file.getBestCmap()
        width = room / len(columns)
        for number, column in enumerate(columns):
            left = x + margin + room - width * (number + 1)
            height = room / len(column)
            for row, character in enumerate(column):
                low = y + margin + room - height * (row + 1)
                box = (left + width * 0.05, low + height * 0.05, width * 0.9, height * 0.9)
                _draw_stretched(canvas, glyphs, names.get(ord(character)), character, box)
    return operators(canvas)


def seal_columns(name: str) -> tuple[str, ...]:
    """The characters of a seal by column, ended by 印, 之印 or 之印章: the one that leaves fewest gaps."""
    characters = "".join(name.split())
    best: tuple[tuple[int, int], str, int] | None = None
    for order, ending in enumerate(("之印", "之印章", "印")):
        text = characters + ending
        for columns in range(2, len(text)):
            rows = math.ceil(len(text) / columns)
            if not 0 <= rows - columns <= 2:
                continue
            empty = rows * columns - len(text)
            if best is None or (empty, order) < best[0]:
                best = ((empty, order), text, columns)
    text, count = (best[1], best[2]) if best else (characters + "之印", 2)
    rows = math.ceil(len(text) / count)
    return tuple(text[at : at + rows] for at in range(0, len(text), rows))


class _PathPen(BasePen):  # type: ignore[misc] # fontTools has no types
    """Draws glyph outlines on a path."""

    def __init__(self, glyphs: Any, path: PDFPathObject) -> None:
        super().__init__(glyphs)
        self._outline = path

    def _moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._outline.moveTo(*_hundredths(*point))

    def _lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._outline.lineTo(*_hundredths(*point))

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._outline.curveTo(*_hundredths(*(each for point in points for each in point)))

    def _closePath(self) -> None:  # noqa: N802
        self._outline.close()


_NEAR = 1.0
"""Font units, a thousandth of an em: as near as the quadratic curves of a TrueType font are to the cubic ones that were
drawn. A cubic curve that follows several of them takes half the text of one for each."""


def _draw_stretched(
    canvas: Canvas, glyphs: Any, glyph: str | None, character: str, box: tuple[float, float, float, float]
) -> None:
    """A glyph's filled outline, stretched into a box (left, low, width, height); a long vowel bar is set upright."""
    if glyph is None:
        return  # the seal is an ornament: the cell of a character that the font lacks stays empty
    turned = (0, -1, 1, 0) if character in "ー－―〜～" else (1, 0, 0, 1)
    measured = BoundsPen(glyphs)
    glyphs[glyph].draw(TransformPen(measured, (*turned, 0, 0)))
    if measured.bounds is None:
        return
    left, low, right, high = measured.bounds
    wide, tall = max(right - left, 1.0), max(high - low, 1.0)
    across, along = box[2] / max(wide, 620.0), box[3] / max(tall, 620.0)  # thin glyphs (一, ー) are not blown up
    shift_x = box[0] + (box[2] - wide * across) / 2 - left * across
    shift_y = box[1] + (box[3] - tall * along) / 2 - low * along
    a, b, c, d = turned
    outline = canvas.beginPath()
    placed = (a * across, b * along, c * across, d * along, shift_x, shift_y)
    glyphs[glyph].draw(Qu2CuPen(TransformPen(_PathPen(glyphs, outline), placed), _NEAR, all_cubic=True))
    canvas.drawPath(outline, stroke=0, fill=1, fillMode=FILL_NON_ZERO)


def _trace(path: PDFPathObject, curve: Curve, pieces: int = _STEPS) -> None:
    """Add a curve as Bézier pieces: Hermite interpolation with slopes by central differences."""
    near = 1e-4
    before: tuple[float, float, float, float] | None = None
    for step in range(pieces + 1):
        place = step / pieces
        (x, y), (x0, y0), (x1, y1) = curve(place), curve(place - near), curve(place + near)
        dx, dy = (x1 - x0) / (2 * near) / pieces / 3, (y1 - y0) / (2 * near) / pieces / 3
        if before is None:
            path.moveTo(*_hundredths(x, y))
        else:
            px, py, pdx, pdy = before
            path.curveTo(*_hundredths(px + pdx, py + pdy, x - dx, y - dy, x, y))
        before = (x, y, dx, dy)


def _hundredths(*lengths: float) -> Iterator[float]:
    return (round(length, 2) for length in lengths)
