"""The page 証書, and the press that prints both PDFs of an assertion. Pure: equal facts give equal bytes.

証書 (landscape A4) shows ① badge ② 氏名 ③ 資格名 ④ 発行日・有効期限 ⑤ QR; 内容詳細 (portrait A4, `details.py`) these
and ⑥ 合格番号・登録番号. Neither shows a birth date. What is the same for all holders of a qualification is drawn once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.renderer.domain.details import draw_details, draw_details_background
from services.renderer.domain.facts import Certificate, japanese_date
from services.renderer.domain.typesetting import GREY, Fonts, Line, fitted, fitted_lines, name_tracking, set_line
from services.renderer.pdf.ornament import (
    Colour,
    colour_of,
    diamond,
    fill,
    guilloche_frame,
    notched_frame,
    rosette,
    rule,
    seal,
    stroke,
)
from services.renderer.pdf.page import (
    DocumentInfo,
    Page,
    PageFont,
    PagePart,
    RasterPicture,
    draw_operators,
    make_part,
    register,
)
from services.renderer.pdf.qr import qr_modules, qr_operators, qr_text
from services.renderer.pdf.typeface import load_typeface
from shared.glyphs import SANS, SANS_MEDIUM, SERIF, SERIF_BLACK, SERIF_BOLD, load_glyphs
from shared.programme import Programme

WIDE = landscape(A4)
TALL = A4

_WIDTH, _HEIGHT = WIDE
_MIDDLE = _WIDTH / 2
_VERMILION: Colour = (0.79, 0.17, 0.13)
_BADGE = (26 * mm, 27 * mm, 44 * mm)  # x, y, side
QR = (_WIDTH - 65 * mm, 33 * mm, 34 * mm)  # quiet zone included


@dataclass(frozen=True)
class Printed:
    certificate: bytes  # 証書
    details: bytes  # 内容詳細


@dataclass(frozen=True)
class _Backgrounds:
    certificate: PagePart
    details: PagePart


_ATTACHED = ("credential.json", "application/ld+json", "The signed credential (Open Badges 3.0)")


class Press:
    """Prints the certificates of one programme with the fonts of one folder. Thread-safe: one prints at a time."""

    def __init__(self, programme: Programme, font_folder: Path) -> None:
        """Reads the fonts and draws what is the same for all holders (1 s).

        OSError: a font is missing. ValueError: a file is no font, or a text of the programme no colour. MissingGlyph: a
        text of the programme holds a character that our fonts can't draw.
        """
        self._programme = programme
        self._seal_font = font_folder / SERIF_BLACK
        self.missing_glyphs = load_glyphs(font_folder).missing
        serif, bold, sans, medium = (
            register(load_typeface(font_folder / file)) for file in (SERIF, SERIF_BOLD, SANS, SANS_MEDIUM)
        )
        self._fonts = Fonts(serif=serif, serif_bold=bold, sans=sans, sans_medium=medium)
        self._backgrounds: dict[tuple[str, str], _Backgrounds] = {}
        self._lock = Lock()  # reportlab documents no thread safety
        for id, qualification in programme.qualifications.items():
            self._backgrounds_of(id, qualification.name.ja)

    def knows(self, qualification: str) -> bool:
        """Whether the programme has it."""
        return qualification in self._programme.qualifications

    def print(self, certificate: Certificate, badge: RasterPicture, credential: bytes) -> Printed:
        """Both documents. The credential is attached to the 内容詳細, so that this file by itself can be verified.

        Not to the 証書: the credential holds 合格番号 and 登録番号, which a holder who passes a 証書 on does not expect
        to disclose.

        MissingGlyph: a text holds a character that our fonts can't draw. ValueError: a qualification that the programme
        doesn't have.
        """
        with self._lock:
            return self._print(certificate, badge, credential)

    def _print(self, certificate: Certificate, badge: RasterPicture, credential: bytes) -> Printed:
        backgrounds = self._backgrounds_of(certificate.qualification, certificate.qualification_name)
        code = qr_modules(qr_text(certificate.verification_url))
        texts, fonts = self._programme.texts, self._fonts

        page = Page(WIDE, fonts.serif, self._info(texts.certificate_title.ja, certificate))
        page.place(backgrounds.certificate)
        page.picture(badge, *_BADGE)
        _draw_certificate(page.canvas, certificate, fonts)
        draw_operators(page.canvas, qr_operators(code, *QR))
        wide = page.finish()

        page = Page(TALL, fonts.sans, self._info(texts.details_title.ja, certificate))
        page.place(backgrounds.details)
        draw_details(page, certificate, badge, code, fonts)
        page.attach(*_ATTACHED, credential)
        return Printed(certificate=wide, details=page.finish())

    def _info(self, title: str, certificate: Certificate) -> DocumentInfo:
        return DocumentInfo(
            title=f"{title} {certificate.qualification_name} {certificate.holder}",
            author=self._programme.society.name.ja,
            subject=certificate.qualification_name,
            created_on=certificate.issued_on,
        )

    def _backgrounds_of(self, qualification: str, name: str) -> _Backgrounds:
        """What is the same for all holders; `name` is the qualification's name as signed."""
        key = (qualification, name)
        if key not in self._backgrounds:
            fonts = self._fonts
            self._backgrounds[key] = _Backgrounds(
                make_part(WIDE, fonts.all, lambda canvas: self._draw_background(canvas, qualification, name)),
                make_part(
                    TALL,
                    fonts.all,
                    lambda canvas: draw_details_background(canvas, self._programme, qualification, name, fonts),
                ),
            )
        return self._backgrounds[key]

    def _draw_background(self, canvas: Canvas, qualification: str, name: str) -> None:
        it = self._programme.qualification(qualification)
        society, texts, fonts = self._programme.society, self._programme.texts, self._fonts
        colour, gold = colour_of(it.colour), colour_of(it.accent)
        bronze = colour_of(it.accent, darker=0.36)
        for operators in (
            f"{fill((1.0, 0.997, 0.986))} 0 0 {_WIDTH:.2f} {_HEIGHT:.2f} re f",
            rosette(_MIDDLE, 107 * mm, 72 * mm, 18, ((0.52, 0.2), (0.82, 0.16)), colour_of(it.accent, paler=0.8)),
            guilloche_frame(WIDE, 12.5 * mm, 12.5 * mm, 3.9 * mm, (bronze, colour_of(it.colour, paler=0.2))),
            notched_frame(WIDE, 18.4 * mm, 7 * mm, colour, 1.1),
            notched_frame(WIDE, 19.6 * mm, 7 * mm, gold, 0.45),
            *(
                diamond(x, y, 5.5, bronze)
                for x in (21.6 * mm, _WIDTH - 21.6 * mm)
                for y in (21.6 * mm, _HEIGHT - 21.6 * mm)
            ),
            rule(_MIDDLE, 144 * mm, 66 * mm, gold),
            f"{stroke(gold, 0.5)} {QR[0] - 1.5:.2f} {QR[1] - 1.5:.2f} {QR[2] + 3:.2f} {QR[2] + 3:.2f} re S",
        ):
            draw_operators(canvas, operators)

        title = Line(texts.certificate_title.ja, fonts.serif_bold, 54, colour, tracking=0.42)
        set_line(canvas, fitted(title, 180 * mm), _MIDDLE, 160 * mm, "centre")
        subtitle = Line(texts.certificate_title.en, fonts.serif, 11, bronze, tracking=0.26)
        set_line(canvas, fitted(subtitle, 180 * mm), _MIDDLE, 149.8 * mm, "centre")

        lines = [Line(text, fonts.serif, 14, tracking=0.08) for text in it.certificate_text]
        leading = min(9.0, 27 / max(1, len(lines))) * mm
        for number, line in enumerate(lines):
            y = 101 * mm + leading * ((len(lines) - 1) / 2 - number)
            set_line(canvas, fitted(line, 210 * mm), _MIDDLE, y, "centre")

        qualified = Line(name, fonts.serif_bold, 36, colour, tracking=0.14)
        set_line(canvas, fitted(qualified, 205 * mm), _MIDDLE, 76.5 * mm, "centre")
        english = Line(it.name.en, fonts.serif, 12, bronze, tracking=0.1)
        set_line(canvas, fitted(english, 205 * mm), _MIDDLE, 68.3 * mm, "centre")

        president = fitted(Line(society.president, fonts.serif, 14, tracking=0.1), 118 * mm)
        issuer = fitted(Line(society.name.ja, fonts.serif_bold, 16, tracking=0.06), 118 * mm)
        side, gap = 21 * mm, 4 * mm
        width = max(issuer.width, president.width)
        left = _MIDDLE - (width + gap + side) / 2
        set_line(canvas, issuer, left + width / 2, 41.5 * mm, "centre")
        set_line(canvas, president, left + width / 2, 32 * mm, "centre")
        draw_operators(canvas, seal(society.name.ja, self._seal_font, left + width + gap, 28.5 * mm, side, _VERMILION))
        caption = Line("QRコードで真正性を確認できます", fonts.sans, 6.2, GREY)
        set_line(canvas, caption, QR[0] + QR[2] / 2, QR[1] - 3.9 * mm, "centre")


def _draw_certificate(canvas: Canvas, certificate: Certificate, fonts: Fonts) -> None:
    _draw_name(canvas, certificate.holder, fonts.serif)
    dates = f"発行日　{japanese_date(certificate.issued_on)}　　　有効期限　{japanese_date(certificate.valid_until)}"
    set_line(canvas, Line(dates, fonts.serif, 12, tracking=0.06), _MIDDLE, 55.8 * mm, "centre")


def _draw_name(canvas: Canvas, holder: str, font: PageFont) -> None:
    """The name and 殿, centred together."""
    honorific = Line("殿", font, 22)
    gap = 7 * mm
    lines = fitted_lines(
        Line(holder, font, 38, tracking=name_tracking(holder)), 205 * mm - honorific.width - gap, least=19
    )
    foot = 121 * mm if len(lines) == 1 else 118 * mm
    honorific = replace(honorific, size=min(honorific.size, lines[-1].size))
    for number, line in enumerate(lines):
        y = foot + line.size * 1.28 * (len(lines) - 1 - number)
        last = number == len(lines) - 1
        total = line.width + (gap + honorific.width if last else 0)
        set_line(canvas, line, _MIDDLE - total / 2, y)
        if last:
            set_line(canvas, honorific, _MIDDLE + total / 2, y, "right")
