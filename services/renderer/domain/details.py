"""The page 内容詳細: the facts as a table, with the numbers and how to verify them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.renderer.domain.facts import Certificate, japanese_date
from services.renderer.domain.typesetting import GREY, Fonts, Line, fitted, fitted_lines, name_tracking, set_line
from services.renderer.pdf.ornament import colour_of, fill, rosette, stroke
from services.renderer.pdf.page import Page, RasterPicture, draw_operators
from services.renderer.pdf.qr import qr_operators
from shared.programme import Programme

_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT = 22 * mm, _WIDTH - 22 * mm
_VALUES = 66 * mm
_ROW = 12.2 * mm
_TABLE = _HEIGHT - 104 * mm  # its upper edge
_BADGE = (_LEFT, _HEIGHT - 94 * mm, 50 * mm)
QR = (_LEFT, 37 * mm, 36 * mm)  # x, y, side, quiet zone included
_LABELS = ("氏名", "資格名", "合格番号", "登録番号", "発行日", "有効期間の開始日", "有効期限", "発行者")


def draw_details_background(canvas: Canvas, programme: Programme, qualification: str, name: str, fonts: Fonts) -> None:
    """What is the same for all holders; `name` is the qualification's name as signed."""
    it, society = programme.qualification(qualification), programme.society
    colour, gold = colour_of(it.colour), colour_of(it.accent)
    top = _HEIGHT - 30 * mm
    for operators in (
        f"{fill(colour)} 0 {top:.2f} {_WIDTH:.2f} {30 * mm:.2f} re f",
        f"q 0 {top:.2f} {_WIDTH:.2f} {30 * mm:.2f} re W n",
        rosette(
            _WIDTH - 36 * mm, top + 12 * mm, 44 * mm, 16, ((0.5, 0.2), (0.8, 0.16)), colour_of(it.colour, paler=0.2)
        ),
        "Q",
        f"{fill(gold)} 0 {top - 1.1 * mm:.2f} {_WIDTH:.2f} {1.1 * mm:.2f} re f",
    ):
        draw_operators(canvas, operators)
    title = Line(programme.texts.details_title.ja, fonts.serif_bold, 22, (1, 1, 1), tracking=0.14)
    set_line(canvas, fitted(title, 160 * mm), _LEFT, top + 13.5 * mm)
    english = Line(programme.texts.details_title.en, fonts.serif, 8.5, colour_of(it.accent, paler=0.25), tracking=0.2)
    set_line(canvas, fitted(english, 160 * mm), _LEFT, top + 7.5 * mm)

    for number, label in enumerate(_LABELS):
        y = _TABLE - _ROW * (number + 1)
        draw_operators(canvas, f"{stroke((0.82, 0.83, 0.85), 0.5)} {_LEFT:.2f} {y:.2f} m {_RIGHT:.2f} {y:.2f} l S")
        set_line(canvas, Line(label, fonts.sans_medium, 9.5, colour), _LEFT + 1 * mm, y + 4.4 * mm)
    draw_operators(canvas, f"{stroke(colour, 1.2)} {_LEFT:.2f} {_TABLE:.2f} m {_RIGHT:.2f} {_TABLE:.2f} l S")
    room = _RIGHT - _VALUES
    set_line(canvas, fitted(Line(society.name.ja, fonts.sans, 11.5), room), _VALUES, _row(7))
    set_line(canvas, fitted(Line(name, fonts.sans, 11.5), room), _VALUES, _row(1))

    x = _BADGE[0] + _BADGE[2] + 9 * mm
    qualified = fitted(Line(name, fonts.serif_bold, 17, colour, tracking=0.1), _RIGHT - x)
    set_line(canvas, qualified, x, _BADGE[1] + 15.5 * mm)
    english = fitted(Line(it.name.en, fonts.serif, 9.5, GREY, tracking=0.04), _RIGHT - x)
    set_line(canvas, english, x, _BADGE[1] + 9.5 * mm)
    draw_operators(
        canvas, f"{stroke(gold, 0.6)} {x:.2f} {_BADGE[1] + 23 * mm:.2f} m {_RIGHT:.2f} {_BADGE[1] + 23 * mm:.2f} l S"
    )
    draw_operators(
        canvas, f"{stroke(gold, 0.5)} {QR[0] - 1.5:.2f} {QR[1] - 1.5:.2f} {QR[2] + 3:.2f} {QR[2] + 3:.2f} re S"
    )

    x = QR[0] + QR[2] + 7 * mm
    set_line(canvas, Line("この証明書の確認方法", fonts.sans_medium, 11, colour), x, 68 * mm)
    notes = (
        "QRコードを読み取ると、登録の最新の状態（有効・期限切れ・失効）を確認できます。",
        "本書は、電子署名されたオープンバッジ（Open Badges 3.0）の内容を印字したものです。",
        "Scan the code to check the current status of this registration.",
    )
    for number, note in enumerate(notes):
        set_line(canvas, fitted(Line(note, fonts.sans, 8.5), _RIGHT - x), x, (61.5 - 5.4 * number) * mm)
    draw_operators(canvas, f"{stroke(gold, 0.8)} {_LEFT:.2f} {25 * mm:.2f} m {_RIGHT:.2f} {25 * mm:.2f} l S")
    set_line(canvas, Line(society.name.ja, fonts.sans_medium, 8.5, colour), _LEFT, 19.5 * mm)
    set_line(canvas, Line(society.url, fonts.sans, 8, GREY), _RIGHT, 19.5 * mm, "right")


def draw_details(
    page: Page, certificate: Certificate, badge: RasterPicture, code: Sequence[Sequence[bool]], fonts: Fonts
) -> None:
    """What is this holder's own; `code` is the QR code's modules."""
    canvas = page.canvas
    page.picture(badge, *_BADGE)
    room = _RIGHT - _VALUES
    for number, text in (
        (2, certificate.pass_number),
        (3, certificate.registration_number),
        (4, japanese_date(certificate.issued_on)),
        (5, japanese_date(certificate.valid_from)),
        (6, japanese_date(certificate.valid_until)),
    ):
        set_line(canvas, fitted(Line(text, fonts.sans, 11.5), room), _VALUES, _row(number))
    x = _BADGE[0] + _BADGE[2] + 9 * mm
    holder = certificate.holder
    names = fitted_lines(Line(holder, fonts.serif, 24, tracking=name_tracking(holder)), _RIGHT - x, least=15)
    for number, line in enumerate(names):
        set_line(canvas, line, x, _BADGE[1] + 27 * mm + line.size * 1.3 * (len(names) - 1 - number))

    names = fitted_lines(Line(holder, fonts.sans_medium, 14), room, least=9)
    for number, line in enumerate(names):
        set_line(canvas, line, _VALUES, _row(0) + line.size * 1.25 * ((len(names) - 1) / 2 - number))

    draw_operators(canvas, qr_operators(code, *QR))
    x = QR[0] + QR[2] + 7 * mm
    url = Line(certificate.verification_url, fonts.sans, 8.5, GREY)
    set_line(canvas, fitted(url, _RIGHT - x), x, 43 * mm)


def _row(number: int) -> float:
    return _TABLE - _ROW * (number + 1) + 4.2 * mm
