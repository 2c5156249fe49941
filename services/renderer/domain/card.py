"""The card 登録者証 (85.6 × 54 mm, ISO/IEC 7810 ID-1), eight on a sheet of A4 with marks where they are cut. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.renderer.domain.facts import Certificate, japanese_date
from services.renderer.domain.typesetting import A4, GREY, MM, Fonts, Line, fitted, fitted_lines, name_line, set_line
from services.renderer.pdf.layer import Box, Sheet
from services.renderer.pdf.ornament import (
    colour_of,
    drawing,
    fill_rectangle,
    operators,
    rosette,
    stroke_across,
)
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.qr import qr_modules, qr_operators, qr_text
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import Spaced
from shared.programme import Programme

WIDTH, HEIGHT = 85.6 * MM, 54 * MM
EACH = 8  # cards of a sheet
_COLUMNS = 2
_GAP = 10 * MM  # between two cards: room for the marks of both
_BLEED = 1.5 * MM  # what is printed beyond the cut
_MARK = (2 * MM, 4.75 * MM)  # from a corner outwards: where a mark begins and ends
_BAND = 10.5 * MM
_LEFT, _RIGHT = 5 * MM, WIDTH - 4 * MM
_BADGE = (_LEFT, 22 * MM, 18 * MM)  # x, y, side
_BESIDE = _BADGE[0] + _BADGE[2] + 3.5 * MM
QR = (WIDTH - 21.5 * MM, 3 * MM, 18.5 * MM)
SEAL = (WIDTH - 32 * MM, 4 * MM, 8.5 * MM)
_PLAIN = Tag((1,), "P")


@dataclass(frozen=True)
class Card:
    """What is on one card. `number` is that of the order, printed beside the card and cut off."""

    number: str
    certificate: Certificate
    badge: Picture


@dataclass(frozen=True)
class Seal:
    """The society's seal (印章) as path operators for one place, or as a picture; neither: none."""

    drawn: str | None = None
    picture: Picture | None = None


def place_of(number: int) -> tuple[float, float]:
    """The lower left corner of the card with this number on its sheet, from 0 in the upper left corner."""
    row, column = divmod(number, _COLUMNS)
    rows = EACH // _COLUMNS
    left = (A4[0] - _COLUMNS * WIDTH - (_COLUMNS - 1) * _GAP) / 2
    foot = (A4[1] - rows * HEIGHT - (rows - 1) * _GAP) / 2
    return left + column * (WIDTH + _GAP), foot + (rows - 1 - row) * (HEIGHT + _GAP)


def draw_cards(sheet: Sheet, cards: Sequence[Card], programme: Programme, fonts: Fonts, seal: Seal) -> None:
    """At most EACH on one sheet. MissingGlyph as for `draw_card`."""
    for number, card in enumerate(cards):
        x, y = place_of(number)
        draw_card(MovedSheet(sheet, x, y), card, programme, fonts, seal)
        sheet.ornament(_marks(x, y))


def draw_card(sheet: Sheet, card: Card, programme: Programme, fonts: Fonts, seal: Seal) -> None:
    """One card, its lower left corner at the origin. MissingGlyph: a text holds a character that our fonts lack."""
    it, certificate, society = (
        programme.qualification(card.certificate.qualification),
        card.certificate,
        programme.society,
    )
    colour = colour_of(it.colour)
    sheet.ornament(_ground(it.colour, it.accent))
    title = fitted(Line("登録者証", fonts.serif_bold, 13, (1, 1, 1), tracking=0.3), 34 * MM)
    set_line(sheet, _PLAIN, title, _LEFT, HEIGHT - 7.2 * MM)
    issuer = fitted(Line(society.name.ja, fonts.sans_medium, 6.6, (1, 1, 1)), _RIGHT - _LEFT - 36 * MM)
    set_line(sheet, _PLAIN, issuer, _RIGHT, HEIGHT - 6.8 * MM, "right")
    sheet.picture(_PLAIN, card.badge, *_BADGE)

    room = _RIGHT - _BESIDE
    qualified = fitted(Line(certificate.qualification_name, fonts.serif_bold, 11.5, colour, tracking=0.06), room)
    set_line(sheet, _PLAIN, qualified, _BESIDE, 37 * MM)
    names = fitted_lines(name_line(certificate.holder, fonts.serif, 17), room, least=9)
    for number, line in enumerate(names):
        set_line(sheet, _PLAIN, line, _BESIDE, 27.8 * MM + line.size * 1.15 * (len(names) - 1 - number))
    if certificate.latin_name is not None:
        set_line(sheet, _PLAIN, fitted(Line(certificate.latin_name, fonts.sans, 6.5, GREY), room), _BESIDE, 24.9 * MM)

    room = SEAL[0] - _LEFT - 2 * MM
    facts = (
        ("登録番号", certificate.registration_number),
        ("有効期間", f"{japanese_date(certificate.valid_from)}から"),
        ("", f"{japanese_date(certificate.valid_until)}まで"),
    )
    for number, (label, text) in enumerate(facts):
        y = (17 - 4.4 * number) * MM
        set_line(sheet, _PLAIN, Line(label, fonts.sans, 6.2, GREY), _LEFT, y)
        set_line(sheet, _PLAIN, fitted(Line(text, fonts.sans_medium, 8), room - 12 * MM), _LEFT + 12 * MM, y)
    president = fitted(Line(society.president, fonts.serif, 6.5), room)
    set_line(sheet, _PLAIN, president, _LEFT, 3.8 * MM)
    if seal.picture is not None:
        sheet.picture(_PLAIN, seal.picture, *SEAL)
    elif seal.drawn is not None:
        sheet.figure(_PLAIN, seal.drawn)
    sheet.figure(_PLAIN, qr_operators(qr_modules(qr_text(certificate.verification_url)), *QR))
    beside = Line(card.number, fonts.sans, 5, GREY)
    set_line(sheet, _PLAIN, beside, WIDTH / 2, -4.3 * MM, "centre")


@lru_cache(maxsize=32)
def _ground(colour: str, accent: str) -> str:
    canvas = drawing()
    band, gold = colour_of(colour), colour_of(accent)
    left, width = -_BLEED, WIDTH + 2 * _BLEED
    fill_rectangle(canvas, (1.0, 0.997, 0.986), left, -_BLEED, width, HEIGHT + 2 * _BLEED)
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(left, -_BLEED, width, HEIGHT + 2 * _BLEED)
    canvas.clipPath(clip, stroke=0)
    rosette(canvas, WIDTH * 0.62, 22 * MM, 30 * MM, 14, ((0.5, 0.2), (0.82, 0.16)), colour_of(accent, paler=0.82))
    canvas.restoreState()
    fill_rectangle(canvas, band, left, HEIGHT - _BAND, width, _BAND + _BLEED)
    fill_rectangle(canvas, gold, left, HEIGHT - _BAND - 0.7 * MM, width, 0.7 * MM)
    stroke_across(canvas, gold, 0.4, _LEFT, SEAL[0] - 2 * MM, 20.6 * MM)
    return operators(canvas)


def _marks(x: float, y: float) -> str:
    """Where the card is cut: two short lines at each corner, outside of the card and what bleeds."""
    near, far = _MARK
    lines = []
    for at, outwards in ((x, -1), (x + WIDTH, 1)):
        for height in (y, y + HEIGHT):
            lines.append(f"{at + outwards * near:.3f} {height:.3f} m {at + outwards * far:.3f} {height:.3f} l")
    for height, outwards in ((y, -1), (y + HEIGHT, 1)):
        for at in (x, x + WIDTH):
            lines.append(f"{at:.3f} {height + outwards * near:.3f} m {at:.3f} {height + outwards * far:.3f} l")
    return "q 0 0 0 RG 0.25 w\n" + "\n".join(lines) + "\nS Q"


class MovedSheet:
    """A sheet whose origin is at x, y of another."""

    def __init__(self, sheet: Sheet, x: float, y: float) -> None:
        self._sheet, self._x, self._y = sheet, x, y

    def ornament(self, operators: str) -> None:
        self._sheet.ornament(self._moved(operators))

    def figure(self, tag: Tag, operators: str) -> None:
        self._sheet.figure(tag, self._moved(operators))

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        self._sheet.picture(tag, picture, self._x + x, self._y + y, side)

    def text(
        self, tag: Tag, line: Sequence[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        self._sheet.text(tag, line, size, colour, self._x + x, self._y + y)

    def link(self, tag: Tag, address: str, box: Box) -> None:
        """Nothing: paper has none."""

    def _moved(self, operators: str) -> str:
        return f"q 1 0 0 1 {self._x:.3f} {self._y:.3f} cm\n{operators}\nQ"
