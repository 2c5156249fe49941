"""The page 内容詳細: the facts as a table, with the numbers and how to verify them. Pure."""

from __future__ import annotations

from functools import lru_cache

from services.renderer.domain.code import draw_code
from services.renderer.domain.facts import Certificate, japanese_date
from services.renderer.domain.typesetting import (
    A4,
    GREY,
    MM,
    Fonts,
    Line,
    fitted,
    fitted_lines,
    name_line,
    set_line,
    wrapped,
)
from services.renderer.pdf.layer import Sheet
from services.renderer.pdf.ornament import (
    colour_of,
    drawing,
    fill_rectangle,
    operators,
    rosette,
    stroke_across,
    stroke_square,
)
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.qr import Modules
from services.renderer.pdf.structure import Tag, english, figure
from shared.programme import Programme

_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT = 22 * MM, _WIDTH - 22 * MM
_VALUES = 66 * MM
_ROW = 12.2 * MM
_TABLE = _HEIGHT - 104 * MM  # its upper edge
_TOP = _HEIGHT - 30 * MM  # the lower edge of the coloured band
_BADGE = (_LEFT, _HEIGHT - 94 * MM, 50 * MM)
_BESIDE_BADGE = _BADGE[0] + _BADGE[2] + 9 * MM
QR = (_LEFT, 41 * MM, 36 * MM)  # x, y, side, quiet zone included
_LABELS = ("氏名", "資格名", "合格番号", "登録番号", "発行日", "有効期間の開始日", "有効期限", "発行者")

_TITLE = Tag((1,), "H1")
_ENGLISH_TITLE = english(Tag((2,), "P"))
_HOLDER = Tag((4,), "P")
_QUALIFICATION = Tag((5,), "P")
_ENGLISH_QUALIFICATION = english(Tag((6,), "P"))
_FACTS = Tag((7,), "Table")
_HOW_TO_CHECK = Tag((8,), "H2")
_PAGE = Tag((20,), "Link")
_ISSUER = Tag((30,), "P")
CONTAINERS = (_FACTS, *(Tag((7, row), "TR") for row in range(len(_LABELS))))
"""Elements of the page's structure that only hold others."""


def draw_details_background(sheet: Sheet, programme: Programme, qualification: str, name: str, fonts: Fonts) -> None:
    """What is the same for all holders; `name` is the qualification's name as signed."""
    it, society = programme.qualification(qualification), programme.society
    colour = colour_of(it.colour)
    sheet.ornament(ground(it.colour, it.accent))
    title = Line(programme.texts.details_title.ja, fonts.serif_bold, 22, (1, 1, 1), tracking=0.14)
    set_line(sheet, _TITLE, fitted(title, 160 * MM), _LEFT, _TOP + 13.5 * MM)
    subtitle = Line(programme.texts.details_title.en, fonts.serif, 8.5, colour_of(it.accent, paler=0.25), tracking=0.2)
    set_line(sheet, _ENGLISH_TITLE, fitted(subtitle, 160 * MM), _LEFT, _TOP + 7.5 * MM)

    for number, label in enumerate(_LABELS):
        y = _TABLE - _ROW * (number + 1)
        heading = Tag((7, number, 1), "TH", "/A << /O /Table /Scope /Row >>")
        set_line(sheet, heading, Line(label, fonts.sans_medium, 9.5, colour), _LEFT + 1 * MM, y + 4.4 * MM)
    _fact(sheet, 7, society.name.ja, fonts)
    _fact(sheet, 1, name, fonts)

    x = _BESIDE_BADGE
    qualified = fitted(Line(name, fonts.serif_bold, 17, colour, tracking=0.1), _RIGHT - x)
    set_line(sheet, _QUALIFICATION, qualified, x, _BADGE[1] + 15.5 * MM)
    translated = fitted(Line(it.name.en, fonts.serif, 9.5, GREY, tracking=0.04), _RIGHT - x)
    set_line(sheet, _ENGLISH_QUALIFICATION, translated, x, _BADGE[1] + 9.5 * MM)

    x = QR[0] + QR[2] + 7 * MM
    set_line(sheet, _HOW_TO_CHECK, Line("この証明書の確認方法", fonts.sans_medium, 11, colour), x, 72 * MM)
    notes = (
        "QRコードを読み取ると、登録の最新の状態（有効・期限切れ・取り消し）を確認できます。",
        "本書は、電子署名されたオープンバッジ（Open Badges 3.0）の内容を印字したものです。電子署名されたデータは、"
        "このPDFに添付されています。",
        "Scan the code to check the current status of this registration.",
    )
    y = 65.5 * MM
    for number, note in enumerate(notes):
        tag = Tag((9 + number,), "P")
        for line in wrapped(Line(note, fonts.sans, 8.5), _RIGHT - x):
            set_line(sheet, english(tag) if note.isascii() else tag, line, x, y)
            y -= 4.9 * MM
        y -= 1.1 * MM
    set_line(sheet, _ISSUER, Line(society.name.ja, fonts.sans_medium, 8.5, colour), _LEFT, 19.5 * MM)
    set_line(sheet, _ISSUER, Line(society.url, fonts.sans, 8, GREY), _RIGHT, 19.5 * MM, "right")


@lru_cache(maxsize=32)
def ground(colour: str, accent: str) -> str:
    """The ornaments of a 内容詳細 in a qualification's colours, as PDF operators. ValueError: a text is no colour."""
    canvas = drawing()
    band, gold = colour_of(colour), colour_of(accent)
    fill_rectangle(canvas, band, 0, _TOP, _WIDTH, 30 * MM)
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(0, _TOP, _WIDTH, 30 * MM)
    canvas.clipPath(clip, stroke=0)
    pale, rings = colour_of(colour, paler=0.2), ((0.5, 0.2), (0.8, 0.16))
    rosette(canvas, _WIDTH - 36 * MM, _TOP + 12 * MM, 44 * MM, 16, rings, pale)
    canvas.restoreState()
    fill_rectangle(canvas, gold, 0, _TOP - 1.1 * MM, _WIDTH, 1.1 * MM)
    for number in range(len(_LABELS)):
        stroke_across(canvas, (0.82, 0.83, 0.85), 0.5, _LEFT, _RIGHT, _TABLE - _ROW * (number + 1))
    stroke_across(canvas, band, 1.2, _LEFT, _RIGHT, _TABLE)
    stroke_across(canvas, gold, 0.6, _BESIDE_BADGE, _RIGHT, _BADGE[1] + 23 * MM)
    stroke_square(canvas, gold, 0.5, QR[0] - 1.5, QR[1] - 1.5, QR[2] + 3)
    stroke_across(canvas, gold, 0.8, _LEFT, _RIGHT, 25 * MM)
    return operators(canvas)


def draw_badge(sheet: Sheet, badge: Picture, name: str, place: tuple[float, float, float] = _BADGE) -> None:
    """The picture of the badge; `name` is the qualification's, `place` x, y and side."""
    x, y, side = place
    sheet.picture(figure((3,), f"オープンバッジ「{name}」", (x, y, x + side, y + side)), badge, x, y, side)


def draw_details(sheet: Sheet, certificate: Certificate, code: Modules, fonts: Fonts) -> None:
    """What is this holder's own; `code` is the QR code's modules."""
    for number, text in (
        (2, certificate.pass_number),
        (3, certificate.registration_number),
        (4, japanese_date(certificate.issued_on)),
        (5, japanese_date(certificate.valid_from)),
        (6, japanese_date(certificate.valid_until)),
    ):
        _fact(sheet, number, text, fonts)
    x = _BESIDE_BADGE
    holder = certificate.holder
    names = fitted_lines(name_line(holder, fonts.serif, 24), _RIGHT - x, least=15)
    for number, line in enumerate(names):
        set_line(sheet, _HOLDER, line, x, _BADGE[1] + 27 * MM + line.size * 1.3 * (len(names) - 1 - number))

    latin = certificate.latin_name
    names = fitted_lines(Line(holder, fonts.sans_medium, 14), _RIGHT - _VALUES, least=9)
    if latin is not None:
        names = (*names, fitted(Line(latin, fonts.sans, 8.5, GREY), _RIGHT - _VALUES))
    for number, line in enumerate(names):
        y = _row(0) + 11.5 * ((len(names) - 1) / 2 - number)
        set_line(sheet, Tag((7, 0, 2), "TD"), line, _VALUES, y)

    under = Line(certificate.verification_url, fonts.sans, 8.5, GREY)
    draw_code(sheet, _PAGE, code, QR, under, room=_RIGHT - _LEFT, below=5 * MM)


def _fact(sheet: Sheet, row: int, text: str, fonts: Fonts) -> None:
    set_line(sheet, Tag((7, row, 2), "TD"), fitted(Line(text, fonts.sans, 11.5), _RIGHT - _VALUES), _VALUES, _row(row))


def _row(number: int) -> float:
    return _TABLE - _ROW * (number + 1) + 4.2 * MM
