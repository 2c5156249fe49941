"""Two painters for badge art, one for PNG and one for SVG. Both draw the same shapes and letters.

Units are those of a picture 600 wide and 600 high, y downwards. Colours are "#rrggbb".
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

SIZE = 600
_COLOURS = 44  # opaque ones; more would only add shades of anti-aliased edges
_FINE = 3  # the pixel painter draws at this scale, then shrinks: anti-aliasing

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Gradient:
    """Colours from the top to the bottom of the picture, as (place 0..1, colour)."""

    stops: tuple[tuple[float, str], ...]


Paint = str | Gradient


class Painter(Protocol):
    def area(self, points: Points, paint: Paint) -> None:
        """Fill a closed shape."""

    def line(self, points: Points, colour: str, width: float) -> None:
        """Draw a closed line."""

    def circle(self, x: float, y: float, radius: float, colour: str, width: float) -> None:
        """Draw a circle's line."""

    def letter(self, character: str, font: Path, size: float, x: float, y: float, turn: float, colour: str) -> None:
        """Draw a character, its origin (left end of its base line) at x, y, turned by `turn` radians clockwise."""


@lru_cache(maxsize=8)
def open_font(font: Path) -> tuple[Any, Any]:
    """The glyphs of a font file and its map from code points to their names."""
    file = TTFont(font, lazy=True)
    return file.getGlyphSet(), file.getBestCmap()


def close_fonts() -> None:
    """Forget what was kept while pictures were drawn: 60 MB. The next picture opens its fonts again."""
    for kept in (open_font, _face, _gradient):
        kept.cache_clear()


def advance(character: str, font: Path) -> float:
    """The width of a character at size 1. ValueError when the font has none."""
    glyphs, names = open_font(font)
    if ord(character) not in names:
        raise ValueError(f"badge text: got U+{ord(character):04X} {character}, which {font.name} can't draw")
    return float(glyphs[names[ord(character)]].width) / 1000


def mix(first: str, second: str, share: float) -> str:
    """The colour `share` of the way from the first to the second."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_rgb(first), _rgb(second), strict=True))


class PixelPainter:
    """Paints a PNG of 256 colours with smooth transparent edges."""

    def __init__(self, edge: str) -> None:
        """`edge` is the colour of the outermost shape: it fades into transparency."""
        side = SIZE * _FINE
        self._edge = edge
        self._image = Image.new("RGB", (side, side), edge)
        self._alpha = Image.new("L", (side, side), 0)
        self._draw = ImageDraw.Draw(self._image)

    def area(self, points: Points, paint: Paint) -> None:
        shape = [(x * _FINE, y * _FINE) for x, y in points]
        ImageDraw.Draw(self._alpha).polygon(shape, fill=255)
        if isinstance(paint, str):
            self._draw.polygon(shape, fill=paint)
        else:
            mask = Image.new("L", self._image.size, 0)
            ImageDraw.Draw(mask).polygon(shape, fill=255)
            self._image.paste(_gradient(paint), (0, 0), mask)

    def line(self, points: Points, colour: str, width: float) -> None:
        closed = [(x * _FINE, y * _FINE) for x, y in (*points, points[0])]
        self._draw.line(closed, fill=colour, width=max(1, round(width * _FINE)), joint="curve")

    def circle(self, x: float, y: float, radius: float, colour: str, width: float) -> None:
        reach = (radius + width / 2) * _FINE
        box = (x * _FINE - reach, y * _FINE - reach, x * _FINE + reach, y * _FINE + reach)
        self._draw.ellipse(box, outline=colour, width=round(width * _FINE))

    def letter(self, character: str, font: Path, size: float, x: float, y: float, turn: float, colour: str) -> None:
        face = _face(font, round(size * _FINE))
        if not turn:
            self._draw.text((x * _FINE, y * _FINE), character, font=face, fill=colour, anchor="ls")
            return
        half = math.ceil(size * _FINE * 1.5)  # the tile's centre is the letter's origin, about which it turns
        tile = Image.new("L", (2 * half, 2 * half), 0)
        ImageDraw.Draw(tile).text((half, half), character, font=face, fill=255, anchor="ls")
        tile = tile.rotate(-math.degrees(turn), resample=Image.Resampling.BICUBIC)
        self._image.paste(colour, (round(x * _FINE) - half, round(y * _FINE) - half), tile)

    def png(self) -> bytes:
        """The picture. The same shapes give the same bytes (of one version of Pillow)."""
        size = (SIZE, SIZE)
        image = self._image.resize(size, Image.Resampling.BOX)
        alpha = self._alpha.resize(size, Image.Resampling.BOX)
        # Pillow's palettes with transparency band visibly. So: opaque colours, and 16 grades of the edge's colour.
        picture = image.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
        palette = (picture.getpalette() or [])[: _COLOURS * 3]
        palette += [0] * (_COLOURS * 3 - len(palette)) + list(_rgb(self._edge)) * 16
        picture.putpalette(palette)
        fading = alpha.point([_COLOURS + value * 15 // 255 for value in range(256)])
        picture.paste(fading, (0, 0), alpha.point([255 if value < 255 else 0 for value in range(256)]))
        out = io.BytesIO()
        grades = bytes([255] * _COLOURS + [grade * 255 // 15 for grade in range(16)])
        picture.save(out, "PNG", compress_level=9, compress_type=zlib.Z_DEFAULT_STRATEGY, transparency=grades)
        return out.getvalue()


class SvgPainter:
    """Writes an SVG of shapes only: letters are outlines, so it needs no font. No script, no external resources."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._definitions: dict[str, str] = {}
        self._body: list[str] = []

    def area(self, points: Points, paint: Paint) -> None:
        self._body.append(f'<path fill="{self._fill(paint)}" d="{_path(points)}"/>')

    def line(self, points: Points, colour: str, width: float) -> None:
        self._body.append(f'<path fill="none" stroke="{colour}" stroke-width="{width:g}" d="{_path(points)}"/>')

    def circle(self, x: float, y: float, radius: float, colour: str, width: float) -> None:
        place = f'cx="{x:g}" cy="{y:g}" r="{radius:g}"'
        self._body.append(f'<circle fill="none" stroke="{colour}" stroke-width="{width:g}" {place}/>')

    def letter(self, character: str, font: Path, size: float, x: float, y: float, turn: float, colour: str) -> None:
        glyphs, names = open_font(font)
        scale, sine, cosine = size / 1000, math.sin(turn), math.cos(turn)
        pen = SVGPathPen(glyphs, ntos=lambda number: f"{number:.1f}".removesuffix(".0"))
        outline = TransformPen(pen, (scale * cosine, scale * sine, scale * sine, -scale * cosine, x, y))
        glyphs[names[ord(character)]].draw(outline)
        self._body.append(f'<path fill="{colour}" d="{pen.getCommands()}"/>')

    def svg(self) -> bytes:
        title = self._title.replace("&", "&amp;").replace("<", "&lt;")
        size = f'viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{title}</title>'
            f"<defs>{''.join(self._definitions.values())}</defs>{''.join(self._body)}</svg>\n"
        ).encode()

    def _fill(self, paint: Paint) -> str:
        if isinstance(paint, str):
            return paint
        name = f"g{zlib.crc32(repr(paint).encode()):08x}"
        stops = "".join(f'<stop offset="{place:g}" stop-color="{colour}"/>' for place, colour in paint.stops)
        self._definitions[name] = (
            f'<linearGradient id="{name}" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2="0" y2="{SIZE}">'
            f"{stops}</linearGradient>"
        )
        return f"url(#{name})"


def _path(points: Points) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}".replace(".0", "") for x, y in points) + "Z"


def _rgb(colour: str) -> tuple[int, int, int]:
    try:
        if len(colour) != 7 or colour[0] != "#":
            raise ValueError
        return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
    except ValueError:
        raise ValueError(f'colour: got {colour!r}, expected six hex digits like "#1f4e79"') from None


@lru_cache(maxsize=64)
def _face(font: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=8)
def _gradient(paint: Gradient) -> Image.Image:
    side = SIZE * _FINE
    ramp = Image.linear_gradient("L").resize((side, side), Image.Resampling.BICUBIC)
    channels = [
        ramp.point([round(_at(paint.stops, value / 255, channel)) for value in range(256)]) for channel in range(3)
    ]
    return Image.merge("RGB", channels)


def _at(stops: tuple[tuple[float, str], ...], place: float, channel: int) -> float:
    for (left, first), (right, second) in pairwise(stops):
        if place <= right:
            share = 0.0 if right == left else max(0.0, (place - left) / (right - left))
            return _rgb(first)[channel] + (_rgb(second)[channel] - _rgb(first)[channel]) * share
    return _rgb(stops[-1][1])[channel]
