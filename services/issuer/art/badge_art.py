"""The pictures of badge classes and of the issuer: round seals. Pure: the same words give the same bytes.

From the outside: a milled gold edge; an ivory band with the English names of society and qualification; a field in the
qualification's colour with the society's short name and its Japanese one, the qualification's name in two lines, the
year of the edition. The issuer's own seal has the society's names alone, on ink.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import PIL

from services.issuer.art import badge_paint
from services.issuer.art.badge_paint import SIZE, Gradient, Painter, PixelPainter, Points, SvgPainter, advance, mix
from shared.glyphs import SERIF_BLACK, SERIF_BOLD
from shared.programme import Programme

_CENTRE = SIZE / 2
_IVORY = "#fdfaf1"
_LINK = 26
_INK, _GOLD = "#1d2636", "#d9b45b"


@lru_cache(maxsize=4)
def art_version(font_folder: Path) -> str:
    """A hash of what the pictures depend on besides their words: this code, the fonts and the imaging library."""
    files = (Path(__file__), Path(badge_paint.__file__), font_folder / SERIF_BOLD, font_folder / SERIF_BLACK)
    return sha256(
        b"".join([PIL.__version__.encode(), *(sha256(file.read_bytes()).digest() for file in files)])
    ).hexdigest()


def badge_png(qualification: str, edition: str, programme: Programme, font_folder: Path) -> bytes:
    """600 × 600 pixels with a palette, under 40 KB.

    ValueError: unknown qualification, or a name that the fonts can't draw.
    """
    painter = PixelPainter(edge=programme.qualification(qualification).accent)
    _draw(painter, qualification, edition, programme, font_folder)
    return painter.png()


def badge_svg(qualification: str, edition: str, programme: Programme, font_folder: Path) -> bytes:
    """The same picture as SVG; letters are outlines. ValueError as for `badge_png`."""
    name = programme.qualification(qualification).name.ja
    painter = SvgPainter(f"{programme.society.name.ja} {name} {edition}年度")
    _draw(painter, qualification, edition, programme, font_folder)
    return painter.svg()


def society_png(programme: Programme, font_folder: Path) -> bytes:
    """The issuer's picture, 600 × 600 pixels with a palette, under 40 KB. ValueError: a name that can't be drawn."""
    painter = PixelPainter(edge=_GOLD)
    _draw_society(painter, programme, font_folder)
    return painter.png()


def name_lines(name: str) -> tuple[str, ...]:
    """A qualification's name in one line or two, broken at a space, else where katakana ends, else in the middle.

    コンクリート主任技士 is コンクリート / 主任技士: the second line, drawn larger, distinguishes the qualifications.
    """
    if len(name) <= 5:
        return (name,)
    places = [at for at in range(1, len(name)) if name[at].isspace()] or [
        at for at in range(2, len(name) - 1) if _script(name[at - 1]) == "KATAKANA" and _script(name[at]) == "CJK"
    ]
    at = min(places, key=lambda place: abs(place - len(name) / 2)) if places else (len(name) + 1) // 2
    return (name[:at].strip(), name[at:].strip())


def _draw(painter: Painter, qualification: str, edition: str, programme: Programme, font_folder: Path) -> None:
    it, society = programme.qualification(qualification), programme.society
    bold, black = font_folder / SERIF_BOLD, font_folder / SERIF_BLACK
    colour, gold = it.colour, it.accent
    deep = mix(colour, "#000000", 0.35)

    _coin(painter, colour, gold)
    _around(painter, society.name.en.upper(), bold, 24, 247, top=True, colour=colour)
    _around(painter, it.name.en.upper(), bold, 24, 247, top=False, colour=colour)

    _straight(painter, society.short_name, bold, 40, 150, 190, gold, tracking=0.16)
    _straight(painter, society.name.ja, bold, 19, 187, 310, mix(gold, "#ffffff", 0.2), tracking=0.04)
    lines = name_lines(it.name.ja)
    if len(lines) == 1:
        _straight(painter, lines[0], black, 108, 342, 350, _IVORY, tracking=0.02)
    else:
        _straight(painter, lines[0], black, 62, 268, 366, _IVORY, tracking=0.01)
        _straight(painter, lines[1], black, 97, 372, 372, _IVORY, tracking=0.03)
    painter.area(_pill(_CENTRE, 430, 178, 46), gold)
    painter.line(_pill(_CENTRE, 430, 170, 38), mix(gold, "#fff6d8", 0.7), 1.0)
    _straight(painter, f"{edition}年度", bold, 30, 441, 156, mix(deep, "#000000", 0.3), tracking=0.04)


def _draw_society(painter: Painter, programme: Programme, font_folder: Path) -> None:
    society, bold, black = programme.society, font_folder / SERIF_BOLD, font_folder / SERIF_BLACK
    _coin(painter, _INK, _GOLD)
    _around(painter, society.name.en.upper(), bold, 26, 247, top=True, colour=_INK)
    _around(painter, society.name.ja, bold, 27, 247, top=False, colour=_INK)
    _straight(painter, society.short_name, black, 150, 352, 320, _GOLD, tracking=0.06)
    for y in (196, 400):
        painter.line([(_CENTRE - 104, y), (_CENTRE - 22, y)], _GOLD, 1.5)
        painter.line([(_CENTRE + 22, y), (_CENTRE + 104, y)], _GOLD, 1.5)
        painter.area(_star(_CENTRE, y, 13), _GOLD)


def _coin(painter: Painter, colour: str, gold: str) -> None:
    """The parts of both kinds of seal: the field with its pattern, the band, the milled edge."""
    dark, deep = mix(gold, "#3a2c08", 0.35), mix(colour, "#000000", 0.35)
    metal = Gradient(((0.0, mix(gold, "#fff6d8", 0.55)), (0.35, gold), (0.62, dark), (0.82, gold), (1.0, dark)))
    painter.area(_disc(280), colour)
    for x, y in _lattice():
        painter.circle(x, y, _LINK, mix(colour, "#ffffff", 0.12), 1)
    painter.circle(_CENTRE, _CENTRE, 208, gold, 1.5)
    painter.area(_band(214, 210), deep)
    painter.area(_band(222, 214), gold)
    painter.area(_band(272, 222), _IVORY)
    painter.circle(_CENTRE, _CENTRE, 227, gold, 1)
    painter.circle(_CENTRE, _CENTRE, 267, gold, 1)
    painter.area(_band(275, 272), dark)
    painter.area([*_scallop(292, 5, 48), *_hole(275)], metal)
    painter.line(_scallop(285, 4, 48), mix(gold, "#fff6d8", 0.7), 1)
    for side in (-1, 1):
        painter.area(_star(_CENTRE + side * 247, _CENTRE, 9), gold)


def _straight(
    painter: Painter, text: str, font: Path, size: float, base: float, room: float, colour: str, *, tracking: float
) -> None:
    """One centred line on the base line `base`, reduced to at most `room` in width."""
    widths = [advance(character, font) + tracking for character in text]
    total = sum(widths) - tracking
    size = min(size, room / total)
    x = _CENTRE - total * size / 2
    for character, width in zip(text, widths, strict=True):
        painter.letter(character, font, size, x, base, 0.0, colour)
        x += width * size


def _around(painter: Painter, text: str, font: Path, size: float, radius: float, *, top: bool, colour: str) -> None:
    """One line on a circle, read from outside at the top and from inside at the bottom; at most 160° of it."""
    tracking = 0.09
    widths = [advance(character, font) + tracking for character in text]
    total = sum(widths) - tracking
    size = min(size, math.radians(160) * radius / total)
    rise = size * 0.36  # half the height of a capital: the letters' middle lies on the circle
    foot = radius - rise if top else radius + rise
    turn = -total * size / radius / 2
    for character, width in zip(text, widths, strict=True):
        half = (width - tracking) * size / 2
        at = turn + half / radius  # the angle of the letter's middle, from the vertical
        along, away = (math.sin(at), -math.cos(at)) if top else (math.sin(at), math.cos(at))
        lean = at if top else -at
        x = _CENTRE + foot * along - half * math.cos(lean)
        y = _CENTRE + foot * away - half * math.sin(lean)
        painter.letter(character, font, size, x, y, lean, colour)
        turn += width * size / radius


def _lattice() -> list[tuple[float, float]]:
    """The centres of the circles of the pattern (七宝, interlocked circles), within the field.

    On whole pixels: the pattern repeats exactly, which keeps the PNG small.
    """
    steps = range(-11, 12)
    places = [(column * _LINK, row * _LINK) for row in steps for column in steps if (row + column) % 2 == 0]
    return [(_CENTRE + x, _CENTRE + y) for x, y in places if math.hypot(x, y) < 210 + _LINK]


def _band(outer: float, inner: float) -> Points:
    return [*_disc(outer), *_hole(inner)]


def _disc(radius: float) -> Points:
    points = _ring(lambda angle: radius, 144)
    return [*points, points[0]]


def _hole(radius: float) -> Points:
    return _disc(radius)[::-1]


def _scallop(radius: float, depth: float, teeth: int) -> Points:
    points = _ring(lambda angle: radius - depth + depth * abs(math.cos(angle * teeth / 2)) ** 0.7, teeth * 10)
    return [*points, points[0]]


def _ring(radius_at: Callable[[float], float], steps: int) -> Points:
    angles = [math.tau * step / steps for step in range(steps)]
    return [(_CENTRE + radius_at(a) * math.sin(a), _CENTRE - radius_at(a) * math.cos(a)) for a in angles]


def _star(x: float, y: float, radius: float) -> Points:
    """Four points."""
    corners = [(radius if step % 2 == 0 else radius * 0.36, math.tau * step / 8) for step in range(8)]
    return [(x + reach * math.sin(angle), y - reach * math.cos(angle)) for reach, angle in corners]


def _pill(x: float, y: float, width: float, height: float) -> Points:
    half, radius = width / 2 - height / 2, height / 2
    right = [(x + half + radius * math.sin(a), y - radius * math.cos(a)) for a in _arc(0)]
    left = [(x - half + radius * math.sin(a), y - radius * math.cos(a)) for a in _arc(math.pi)]
    return [*right, *left]


def _arc(start: float) -> list[float]:
    return [start + math.pi * step / 32 for step in range(33)]


def _script(character: str) -> str:
    """The first word of the character's Unicode name: KATAKANA (its long mark too), CJK, HIRAGANA, LATIN …"""
    return unicodedata.name(character, "").partition(" ")[0].partition("-")[0]
