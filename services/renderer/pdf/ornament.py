"""Ornaments as PDF path operators: guilloche frame, rosette, rules, seal. Lengths in points. Each is computed once.

Strands are sines with evenly spread phases, so they interlace; each is a cubic Hermite curve through a few points a
wave. A side is one tile repeated and a rosette one sector turned: repeated text deflates well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont

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


def stroke(colour: Colour, width: float) -> str:
    return f"{colour[0]:.3f} {colour[1]:.3f} {colour[2]:.3f} RG {width:.2f} w"


def fill(colour: Colour) -> str:
    return f"{colour[0]:.3f} {colour[1]:.3f} {colour[2]:.3f} rg"


@lru_cache(maxsize=32)
def guilloche_frame(
    size: tuple[float, float], inset: float, corner: float, depth: float, colours: tuple[Colour, ...]
) -> str:
    """A band of strands round the page: its middle `inset` from the edges, corners rounded by `corner`, `depth` a side.

    Each colour is a family of strands; families are shifted against each other.
    """
    arc = corner * math.pi / 2
    tile = arc / 2  # a corner is two tiles; the sides take the whole number of tiles that comes nearest
    width, height = size[0] - 2 * (inset + corner), size[1] - 2 * (inset + corner)
    parts: list[str] = []
    for family, colour in enumerate(colours):
        parts.append(stroke(colour, 0.27))
        for turn, length, x, y in (
            (0, width, inset + corner, inset),
            (1, height, size[0] - inset, inset + corner),
            (2, width, size[0] - inset - corner, size[1] - inset),
            (3, height, inset, size[1] - inset - corner),
        ):
            count = max(1, round(length / tile))
            step = length / count
            side = "\n".join(_path(_straight_strand(step, depth, family, strand)) for strand in range(_STRANDS))
            bend = "\n".join(
                _path(_bent_strand(corner, depth, family, strand), 2 * _STEPS) for strand in range(_STRANDS)
            )
            cosine, sine = round(math.cos(turn * math.pi / 2)), round(math.sin(turn * math.pi / 2))
            parts.append(f"q {cosine} {sine} {-sine} {cosine} {x:.2f} {y:.2f} cm")
            parts.extend(f"{side}\nS\n1 0 0 1 {step:.3f} 0 cm" for _ in range(count))
            parts.append(f"{bend}\nS\nQ")
    return "\n".join(parts)


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


@lru_cache(maxsize=32)
def rosette(
    x: float, y: float, radius: float, lobes: int, rings: tuple[tuple[float, float], ...], colour: Colour
) -> str:
    """A round guilloche. Each ring is (its middle, its amplitude) as fractions of `radius`."""
    strands = 8
    sector = math.tau / lobes

    def strand(middle: float, swing: float, phase: float) -> Curve:
        def at(place: float) -> tuple[float, float]:
            reach = radius * (middle + swing * math.cos(math.tau * (place + phase)))
            return reach * math.cos(place * sector), reach * math.sin(place * sector)

        return at

    one = "\n".join(_path(strand(*ring, number / strands)) for ring in rings for number in range(strands))
    turn = f"{math.cos(sector):.6f} {math.sin(sector):.6f} {-math.sin(sector):.6f} {math.cos(sector):.6f} 0 0 cm"
    turns = "\n".join(f"{one}\nS\n{turn}" for _ in range(lobes))
    return f"q {stroke(colour, 0.3)} 1 0 0 1 {x:.2f} {y:.2f} cm\n{turns}\nQ"


def notched_frame(size: tuple[float, float], inset: float, notch: float, colour: Colour, width: float) -> str:
    """A line round the page with quarter circles cut out of its corners."""
    left, bottom, right, top = inset, inset, size[0] - inset, size[1] - inset
    pull = notch * 0.5523  # a quarter circle as one Bézier curve
    points = (  # counter-clockwise from the lower left notch: a side, then a notch
        ((left + notch, bottom), (right - notch, bottom)),
        ((right - notch, bottom + pull), (right - pull, bottom + notch), (right, bottom + notch)),
        ((right, top - notch),),
        ((right - pull, top - notch), (right - notch, top - pull), (right - notch, top)),
        ((left + notch, top),),
        ((left + notch, top - pull), (left + pull, top - notch), (left, top - notch)),
        ((left, bottom + notch),),
        ((left + pull, bottom + notch), (left + notch, bottom + pull), (left + notch, bottom)),
    )
    start, *others = points
    parts = [f"{_numbers(start[0])} m {_numbers(start[1])} l"]
    parts += [f"{_numbers(*each)} {'c' if len(each) == 3 else 'l'}" for each in others]
    return "\n".join((stroke(colour, width), *parts, "h S"))


def _numbers(*points: tuple[float, float]) -> str:
    return " ".join(f"{x:.2f} {y:.2f}" for x, y in points)


def diamond(x: float, y: float, radius: float, colour: Colour) -> str:
    """A star of four points."""
    corners = [(radius if step % 2 == 0 else radius * 0.34, math.tau * step / 8) for step in range(8)]
    points = [f"{x + reach * math.sin(angle):.2f} {y + reach * math.cos(angle):.2f}" for reach, angle in corners]
    return f"{fill(colour)} {points[0]} m {' '.join(f'{point} l' for point in points[1:])} h f"


def rule(x: float, y: float, half: float, colour: Colour) -> str:
    """A horizontal line with a star in its middle, tapering to both ends."""
    shape = [f"{x - half:.2f} {y:.2f} m", f"{x - 9:.2f} {y + 0.45:.2f} l {x - 9:.2f} {y - 0.45:.2f} l h"]
    shape += [f"{x + half:.2f} {y:.2f} m", f"{x + 9:.2f} {y + 0.45:.2f} l {x + 9:.2f} {y - 0.45:.2f} l h f"]
    return "\n".join((fill(colour), *shape, diamond(x, y, 4.2, colour)))


@lru_cache(maxsize=32)
def seal(name: str, font: Path, x: float, y: float, side: float, colour: Colour) -> str:
    """A square seal (角印) of a society's name, in columns from right to left.

    Drawn as outlines, so that its characters are not part of the page's text.
    """
    columns = seal_columns(name)
    frame, room = side * 0.045, side * 0.83
    parts = [
        fill(colour),
        _rounded(x, y, side, side * 0.07),
        _rounded(x + frame, y + frame, side - 2 * frame, side * 0.04) + " f*",
    ]
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
                parts.append(_stretched(glyphs, names.get(ord(character)), character, box))
    return "\n".join(parts)


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


class _OperatorPen(BasePen):  # type: ignore[misc] # fontTools has no types
    """Writes glyph outlines as PDF operators; quadratic curves become cubic ones."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.operators: list[str] = []
        self.points: list[tuple[float, float]] = []

    def _moveTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._write("m", point)

    def _lineTo(self, point: tuple[float, float]) -> None:  # noqa: N802
        self._write("l", point)

    def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
        self._write("c", *points)

    def _closePath(self) -> None:  # noqa: N802
        self.operators.append("h")

    def _write(self, operator: str, *points: tuple[float, float]) -> None:
        self.points.extend(points)
        self.operators.append(" ".join(f"{x:.2f} {y:.2f}" for x, y in points) + f" {operator}")


def _stretched(glyphs: Any, glyph: str | None, character: str, box: tuple[float, float, float, float]) -> str:
    """A glyph's filled outline, stretched into a box (left, low, width, height); a long vowel bar is set upright."""
    if glyph is None:
        return ""  # the seal is an ornament: the cell of a character that the font lacks stays empty
    upright = character in "ー－―〜～"
    measured = _OperatorPen(glyphs)
    turned = (0, -1, 1, 0, 0, 0) if upright else (1, 0, 0, 1, 0, 0)
    glyphs[glyph].draw(TransformPen(measured, turned))
    if not measured.points:
        return ""
    left, right = min(x for x, _ in measured.points), max(x for x, _ in measured.points)
    low, high = min(y for _, y in measured.points), max(y for _, y in measured.points)
    wide, tall = max(right - left, 1.0), max(high - low, 1.0)
    across, along = box[2] / max(wide, 620.0), box[3] / max(tall, 620.0)  # thin glyphs (一, ー) are not blown up
    placed = _OperatorPen(glyphs)
    shift_x = box[0] + (box[2] - wide * across) / 2 - left * across
    shift_y = box[1] + (box[3] - tall * along) / 2 - low * along
    a, b, c, d = turned[:4]
    glyphs[glyph].draw(
        TransformPen(placed, (a * across, b * along, c * across, d * along, shift_x, shift_y)),
    )
    return "\n".join([*placed.operators, "f"])


def _rounded(x: float, y: float, side: float, radius: float) -> str:
    end, pull = side - radius, radius * 0.4477
    return (
        f"{x + radius:.2f} {y:.2f} m {x + end:.2f} {y:.2f} l"
        f" {x + side - pull:.2f} {y:.2f} {x + side:.2f} {y + pull:.2f} {x + side:.2f} {y + radius:.2f} c"
        f" {x + side:.2f} {y + end:.2f} l"
        f" {x + side:.2f} {y + side - pull:.2f} {x + side - pull:.2f} {y + side:.2f} {x + end:.2f} {y + side:.2f} c"
        f" {x + radius:.2f} {y + side:.2f} l"
        f" {x + pull:.2f} {y + side:.2f} {x:.2f} {y + side - pull:.2f} {x:.2f} {y + end:.2f} c"
        f" {x:.2f} {y + radius:.2f} l"
        f" {x:.2f} {y + pull:.2f} {x + pull:.2f} {y:.2f} {x + radius:.2f} {y:.2f} c h"
    )


def _path(curve: Curve, pieces: int = _STEPS) -> str:
    """A curve as Bézier pieces: Hermite interpolation with slopes by central differences."""
    near = 1e-4
    parts: list[str] = []
    before: tuple[float, float, float, float] | None = None
    for step in range(pieces + 1):
        place = step / pieces
        (x, y), (x0, y0), (x1, y1) = curve(place), curve(place - near), curve(place + near)
        dx, dy = (x1 - x0) / (2 * near) / pieces / 3, (y1 - y0) / (2 * near) / pieces / 3
        if before is None:
            parts.append(f"{x:.2f} {y:.2f} m")
        else:
            px, py, pdx, pdy = before
            parts.append(f"{px + pdx:.2f} {py + pdy:.2f} {x - dx:.2f} {y - dy:.2f} {x:.2f} {y:.2f} c")
        before = (x, y, dx, dy)
    return "\n".join(parts)
