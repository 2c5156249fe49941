"""A picture of shapes, read from the SVG of a badge class: PDF operators, sharp at any size.

Read is exactly what the issuer's SVG painter writes (`services/issuer/art/badge_paint.py`); anything else is refused.
Lengths are whole tenths of an SVG unit, as SVG has one decimal, and each shape is drawn from its own origin: numbers
are short, and equal shapes are equal text. The same SVG gives the same bytes.

All is filled, lines too: viewers draw a line at least a pixel wide, in its full colour, so that pale ones stand out.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from fontTools.pens.qu2cuPen import Qu2CuPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.svgLib.path import parse_path

from services.renderer.pdf.objects import SMALLEST
from services.renderer.pdf.ornament import colour_of

_FINE = 10  # our units to one of SVG
_NEAR = 0.1
"""SVG units, 7 µm on a 証書. A cubic curve that follows several quadratic ones takes half the text of one for each."""
_MANY, _ROUND = 60, 0.15  # corners of a polygon, all so near to a circle (SVG units): it is printed as the circle
_QUARTER = 0.5523  # of a circle as one Bézier curve
_LAP = 1.5  # SVG units, half of the thinnest ring
_MITER = 4  # times the width of a line, at most, for a corner (as in SVG)


@dataclass(frozen=True, eq=False)
class VectorPicture:
    """Operators, deflated once. The picture is a square of `side` from 0, 0, y downwards."""

    side: int
    operators: bytes
    shadings: str  # the entries of /Shading


def read_svg(svg: bytes) -> VectorPicture:
    """ValueError for what our painter doesn't write."""
    whole = _WHOLE.fullmatch(svg.decode())
    if whole is None:
        raise ValueError(f"SVG: got {len(svg)} bytes with other elements, expected what the issuer draws")
    shadings = {each["id"]: _shading(each["end"], each["stops"]) for each in _GRADIENT.finditer(whole["gradients"])}
    shapes = [_shape(found, shadings) for found in _SHAPE.finditer(whole["shapes"])]
    operators = _operators(_lapped([shape for shape in shapes if shape.contours]))  # a space has none
    entries = " ".join(f"/{name} {shading}" for name, shading in shadings.items())
    return VectorPicture(int(whole["side"]) * _FINE, zlib.compress(operators, SMALLEST), entries)


# ── what is read ───────────────────────────────────────────────────────────────────────────────────────

_NUMBER = r"-?[0-9]{1,4}(?:\.[0-9]{1,7})?"
_COLOUR = "#[0-9a-f]{6}"
_STOP = re.compile(f'<stop offset="(?P<place>{_NUMBER})" stop-color="(?P<colour>{_COLOUR})"/>')
_GRADIENT = re.compile(
    '<linearGradient id="(?P<id>g[0-9a-f]{8})" gradientUnits="userSpaceOnUse"'
    f' x1="0" y1="0" x2="0" y2="(?P<end>[0-9]{{1,4}})">(?P<stops>(?:{_STOP.pattern})+)</linearGradient>'
)
_STROKE = f'fill="none" stroke="(?P<%s>{_COLOUR})" stroke-width="(?P<%s>{_NUMBER})"'
_SHAPE = re.compile(
    rf'<path (?:fill="(?P<fill>{_COLOUR})"|fill="url\(#(?P<gradient>g[0-9a-f]{{8}})\)"|{_STROKE % ("line", "width")})'
    r' d="(?P<path>(?:M(?:[LHVQ. -]|[0-9]{1,4}(?![0-9]))+Z)*)"/>'
    rf'|<circle {_STROKE % ("circle", "thickness")} cx="(?P<x>{_NUMBER})" cy="(?P<y>{_NUMBER})" r="(?P<r>{_NUMBER})"/>'
)
_WHOLE = re.compile(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 (?P<side>[1-9][0-9]{0,3}) (?P=side)" width="(?P=side)"'
    ' height="(?P=side)" role="img"><title>[^<]*</title>'
    f"<defs>(?P<gradients>(?:{_GRADIENT.pattern})*)</defs>(?P<shapes>(?:{_SHAPE.pattern})*)</svg>\n"
)

Point = tuple[float, float]
Outline = Sequence[tuple[Point, ...]]
"""A closed line: its start, then for each piece one point, to which it is straight, or the three of a cubic curve."""


class Circle(NamedTuple):
    """Clockwise as it is seen, or the other way round, as the hole of a ring is, with a negative radius."""

    x: float
    y: float
    radius: float

    def turned(self) -> Circle:
        return self._replace(radius=-self.radius)

    def wider(self, by: float) -> Circle:
        return self._replace(radius=self.radius + by * math.copysign(1, self.radius))


Contour = Circle | Outline


class _Shape(NamedTuple):
    colour: str  # the operands of rg; empty with a gradient
    gradient: str  # its name, or empty
    contours: Sequence[Contour]


def _shape(found: re.Match[str], gradients: Collection[str]) -> _Shape:
    """ValueError: half a point, a curved line, or a gradient that there isn't."""
    if found["circle"]:
        circle = Circle(float(found["x"]), float(found["y"]), float(found["r"]))
        return _Shape(_rgb(found["circle"]), "", _line(circle, float(found["thickness"])))
    contours = _contours(found["path"])
    if found["line"]:
        both = [side for contour in contours for side in _line(contour, float(found["width"]))]
        return _Shape(_rgb(found["line"]), "", both)
    if found["fill"]:
        return _Shape(_rgb(found["fill"]), "", contours)
    if found["gradient"] not in gradients:
        raise ValueError(f"gradient: got {found['gradient']}, expected one of {', '.join(gradients)}")
    return _Shape("", found["gradient"], contours)


def _contours(path: str) -> list[Contour]:
    """ValueError: half a point."""
    drawn = RecordingPen()
    parse_path(path, Qu2CuPen(drawn, _NEAR, all_cubic=True) if "Q" in path else drawn)
    outlines = list[list[tuple[Point, ...]]]()
    for verb, points in drawn.value:
        if verb == "moveTo":
            outlines.append([points])
        elif verb != "closePath":
            outlines[-1].append(points)
    return [_rounded(part) for outline in outlines for part in _parted(outline)]


def _parted(outline: Outline) -> Iterator[Outline]:
    """A polygon that comes back to its start and goes on from there is two: our painter draws rings so."""
    while _is_polygon(outline) and outline[0] in outline[1:-1]:
        end = outline.index(outline[0], 1) + 1
        yield outline[:end]
        outline = outline[end:]
    yield outline


def _rounded(outline: Outline) -> Contour:
    """A polygon that is a circle, as the circle."""
    if len(outline) < _MANY or not _is_polygon(outline):
        return outline
    corners = _corners(outline)
    x, y = (round(sum(places) / len(corners), 1) for places in zip(*corners, strict=True))
    reaches = [math.hypot(across - x, down - y) for across, down in corners]
    radius = round(sum(reaches) / len(reaches), 1)
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]])) / 2
    is_round = max(abs(reach - radius) for reach in reaches) <= _ROUND and abs(area) > 3 * radius**2
    return Circle(x, y, math.copysign(radius, area)) if is_round else outline


def _line(contour: Contour, width: float) -> tuple[Contour, Contour]:
    """The two edges of a closed line, in opposite directions. ValueError: it is curved."""
    if isinstance(contour, Circle):
        return contour.wider(width / 2), contour.wider(-width / 2).turned()
    if not _is_polygon(contour):
        raise ValueError("line: got a curve, expected straight pieces")
    corners = _corners(contour)
    return _beside(corners, width / 2), _beside(corners[::-1], width / 2)


def _beside(corners: Sequence[Point], distance: float) -> Outline:
    """The polygon at its left, so far away."""
    moved = list[tuple[Point]]()
    for number, (x, y) in enumerate(corners):
        (x0, y0), (x1, y1) = corners[number - 1], corners[(number + 1) % len(corners)]
        before, after = math.atan2(y - y0, x - x0), math.atan2(y1 - y, x1 - x)
        middle, bend = (before + after) / 2, math.cos((after - before) / 2)
        reach = math.copysign(distance / max(abs(bend), 1 / _MITER), bend)
        moved.append(((x + reach * math.sin(middle), y - reach * math.cos(middle)),))
    return moved


def _is_polygon(outline: Outline) -> bool:
    return all(len(piece) == 1 for piece in outline)


def _corners(polygon: Outline) -> list[Point]:
    return list(dict.fromkeys(piece[-1] for piece in polygon))


# ── what is written ────────────────────────────────────────────────────────────────────────────────────


def _lapped(shapes: Sequence[_Shape]) -> Sequence[_Shape]:
    """A circle that is the hole of a later shape reaches under that shape: where edges only meet, viewers let through
    what is below both."""
    holes = set[Circle]()
    lapped = list[_Shape]()
    for shape in reversed(shapes):
        outer, *others = shape.contours
        if isinstance(outer, Circle) and outer.turned() in holes:
            outer = outer.wider(_LAP)
        holes.update(each for each in others if isinstance(each, Circle))
        lapped.append(shape._replace(contours=(outer, *others)))
    return lapped[::-1]


def _operators(shapes: Sequence[_Shape]) -> bytes:
    """Colour and origin are set where they change."""
    parts, known, origin = list[str](), "", (0, 0)
    for colour, gradient, contours in shapes:
        outlines = [_outline(contour) for contour in contours]
        x, y = map(_whole, outlines[0][0][0])
        parts.append(f"1 0 0 1 {x - origin[0]} {y - origin[1]} cm")
        origin = x, y
        if gradient:
            parts.append("q")
        elif colour != known:
            parts.append(f"{colour} rg")
            known = colour
        for outline in outlines:
            for number, piece in enumerate(outline):
                points = (f"{_whole(across) - x} {_whole(down) - y}" for across, down in piece)
                parts.append(" ".join((*points, "m" if number == 0 else "l" if len(piece) == 1 else "c")))
        parts.append(f"W n 1 0 0 1 {-x} {-y} cm /{gradient} sh Q" if gradient else "f")
    return "\n".join(parts).encode("ascii")


def _outline(contour: Contour) -> Outline:
    """A circle as four curves from its right."""
    if not isinstance(contour, Circle):
        return contour
    x, y, down = contour
    across = abs(down)
    pull, bend = down * _QUARTER, across * _QUARTER
    return (
        ((x + across, y),),
        ((x + across, y + pull), (x + bend, y + down), (x, y + down)),
        ((x - bend, y + down), (x - across, y + pull), (x - across, y)),
        ((x - across, y - pull), (x - bend, y - down), (x, y - down)),
        ((x + bend, y - down), (x + across, y - pull), (x + across, y)),
    )


def _shading(end: str, stops: str) -> str:
    """From 0 down to `end` (ISO 32000-1, 8.7.4.5.3), its colours interpolated between the stops (7.10.3 and 7.10.4).

    ValueError: no rising stops from 0 to 1.
    """
    found = [(each["place"], _rgb(each["colour"])) for each in _STOP.finditer(stops)]
    places = [float(place) for place, _ in found]
    if (places[0], places[-1]) != (0, 1) or any(after <= before for before, after in pairwise(places)):
        raise ValueError(f"gradient: got stops at {places}, expected rising ones from 0 to 1")
    pieces = " ".join(
        f"<< /FunctionType 2 /Domain [0 1] /N 1 /C0 [{first}] /C1 [{second}] >>"
        for (_, first), (_, second) in pairwise(found)
    )
    bounds = " ".join(place for place, _ in found[1:-1])
    return (
        f"<< /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 0 {int(end) * _FINE}] /Extend [true true] /Function"
        f" << /FunctionType 3 /Domain [0 1] /Functions [{pieces}] /Bounds [{bounds}]"
        f" /Encode [{' '.join(['0 1'] * (len(found) - 1))}] >> >>"
    )


def _rgb(colour: str) -> str:
    return " ".join(f"{part:.4g}" for part in colour_of(colour))


def _whole(length: float) -> int:
    return round(length * _FINE)
