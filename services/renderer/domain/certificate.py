"""The page 証書, and the press that prints both PDFs of an assertion. Pure: equal facts give equal bytes.

証書 (landscape A4) shows ① badge ② 氏名 ③ 資格名 ④ 発行日・有効期限 ⑤ QR; 内容詳細 (portrait A4, `details.py`) these
and ⑥ 合格番号・登録番号. Neither shows a birth date. What is the same for all holders of a qualification is drawn once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from services.renderer.domain.card import EACH, SEAL, Card, Seal, draw_card, draw_cards
from services.renderer.domain.code import LEAST, draw_code
from services.renderer.domain.details import CONTAINERS, draw_badge, draw_details, draw_details_background
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
from services.renderer.pdf.layer import Layer, Sheet
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.ornament import (
    Colour,
    colour_of,
    diamond,
    drawing,
    fill_rectangle,
    guilloche_frame,
    notched_frame,
    operators,
    rosette,
    rule,
    seal,
    stroke_square,
)
from services.renderer.pdf.page import (
    Attachment,
    SheetPage,
    Template,
    make_document,
    make_print_sheet,
    make_template,
)
from services.renderer.pdf.picture import Picture, RasterPicture, make_picture
from services.renderer.pdf.qr import Modules, qr_modules, qr_text
from services.renderer.pdf.structure import Tag, english, figure
from services.renderer.pdf.typeface import Face, MissingGlyph, load_face
from shared.glyphs import SANS, SANS_MEDIUM, SERIF, SERIF_BLACK, SERIF_BOLD, chain_files, load_glyphs
from shared.programme import DRAWN, Programme

TALL = A4
WIDE = (A4[1], A4[0])

_WIDTH, _HEIGHT = WIDE
_MIDDLE = _WIDTH / 2
_VERMILION: Colour = (0.79, 0.17, 0.13)
_BADGE = (26 * MM, 27 * MM, 44 * MM)  # x, y, side
QR = (_WIDTH - 68 * MM, 34.6 * MM, 32.4 * MM)  # quiet zone included
_SEAL = 21 * MM

_TITLE = Tag((1,), "H1")
_ENGLISH_TITLE = english(Tag((2,), "P"))
_HOLDER = Tag((4,), "P")
_LATIN_NAME = english(Tag((4, 1), "Span"))
_TEXT = Tag((5,), "P")
_QUALIFICATION = Tag((6,), "P")
_ENGLISH_QUALIFICATION = english(Tag((7,), "P"))
_DATES = Tag((8,), "P")
_ISSUER = Tag((9,), "P")
_HOW_TO_CHECK = Tag((11,), "P")
_NUMBER = Tag((13,), "P")
_PAGE = Tag((12,), "Link")


@dataclass(frozen=True)
class Printed:
    """Both PDFs, and their hashes in hexadecimal digits."""

    certificate: bytes  # 証書
    details: bytes  # 内容詳細
    certificate_sha256: str
    details_sha256: str


@dataclass(frozen=True)
class _Templates:
    """What is the same for all holders of a badge class."""

    badge: Picture
    certificate: Template
    details: Template


class Press:
    """Prints the certificates of one programme with the fonts of one folder. Thread-safe: one prints at a time."""

    def __init__(
        self, programme: Programme, font_folder: Path, extra_fonts: Sequence[Path] = (), seal: bytes | None = None
    ) -> None:
        """Opens the fonts and tries what is the same for all holders. `seal` is the society's own picture of its seal.

        OSError: a font is missing. ValueError: a file is no font, the seal no picture, or a text of the programme no
        colour. MissingGlyph: a text of the programme holds a character that our fonts can't draw.
        """
        self._programme = programme
        self._seal_font = font_folder / SERIF_BLACK
        self._seal = None if seal is None else _seal_picture(seal)
        self.missing_glyphs = load_glyphs(font_folder, extra_fonts).missing

        def face(font: str) -> Face:
            return load_face(chain_files(font_folder, font, extra_fonts))

        self._fonts = Fonts(face(SERIF), face(SERIF_BOLD), face(SANS), face(SANS_MEDIUM))
        self._templates: dict[tuple[str, str, str, str], _Templates] = {}
        self._lock = Lock()
        for id, qualification in programme.qualifications.items():
            self._draw_background(Layer("S"), id, qualification.name.ja)
            draw_details_background(Layer("S"), programme, id, qualification.name.ja, self._fonts)

    def knows(self, qualification: str) -> bool:
        """Whether the programme has it."""
        return qualification in self._programme.qualifications

    def print(self, certificate: Certificate, badge: Picture, credential: bytes) -> Printed:
        """Both documents. The credential is attached to the 内容詳細, so that this file by itself can be verified.

        Not to the 証書: the credential holds 合格番号 and 登録番号, which a holder who passes a 証書 on does not expect
        to disclose.

        MissingGlyph: a text holds a character that our fonts can't draw. ValueError: a qualification that the programme
        doesn't have.
        """
        with self._lock:
            templates = self._templates_of(certificate, badge)
        texts = self._programme.texts
        wide, tall = templates.certificate.layer(), templates.details.layer()
        self.draw_own(certificate, wide, tall)
        attached = Attachment(*_ATTACHED, credential)
        first = make_document(templates.certificate, wide, self._info(texts.certificate_title.ja, certificate))
        second = make_document(templates.details, tall, self._info(texts.details_title.ja, certificate), attached)
        return Printed(first.content, second.content, first.sha256, second.sha256)

    def print_certificates(self, people: Sequence[Card]) -> tuple[bytes, int, list[str]]:
        """登録証 for paper, one a page: the PDF, its pages, the numbers of those that our fonts can't draw.

        With 登録番号, and without what only a screen has.
        """
        grounds: dict[tuple[str, str, str], Layer] = {}
        pages, left_out = list[SheetPage](), list[str]()
        for card in people:
            it = card.certificate
            key = (it.qualification, it.qualification_name, it.edition)
            if key not in grounds:
                grounds[key] = Layer("S")
                self._draw_background(grounds[key], it.qualification, it.qualification_name)
                draw_badge(grounds[key], card.badge, it.qualification_name, _BADGE)
                for line in usual_glyphs(it, self._fonts):
                    grounds[key].reserve(line.glyphs())
            own = Layer("D", 0, grounds[key].shared_fonts())
            try:
                draw_certificate(own, it, qr_modules(qr_text(it.verification_url)), self._fonts)
                number = Line(f"登録番号　{it.registration_number}", self._fonts.serif, 11, tracking=0.04)
                set_line(own, _NUMBER, fitted(number, 80 * MM), _WIDTH - 32 * MM, _HEIGHT - 34 * MM, "right")
            except MissingGlyph:
                left_out.append(card.number)
                continue
            pages.append(SheetPage(grounds[key], own))
        return make_print_sheet(WIDE, pages, self._programme.texts.certificate_title.ja), len(pages), left_out

    def print_cards(self, cards: Sequence[Card]) -> tuple[bytes, int, list[str]]:
        """登録者証, EACH on a page: the PDF, its pages, the numbers of those that our fonts can't draw."""
        society = self._programme.society
        drawn = seal(society.name.ja, self._seal_font, *SEAL, _VERMILION) if society.seal == DRAWN else None
        stamp = Seal(drawn, self._seal)
        printable, left_out = list[Card](), list[str]()
        for card in cards:
            try:
                draw_card(Layer("D"), card, self._programme, self._fonts, stamp)
                printable.append(card)
            except MissingGlyph:
                left_out.append(card.number)
        pages = []
        for at in range(0, len(printable), EACH):
            own = Layer("D")
            draw_cards(own, printable[at : at + EACH], self._programme, self._fonts, stamp)
            pages.append(SheetPage(None, own))
        return make_print_sheet(TALL, pages, "登録者証"), len(pages), left_out

    def draw_own(self, certificate: Certificate, wide: Sheet, tall: Sheet) -> None:
        """What is this holder's own, on both pages."""
        code = qr_modules(qr_text(certificate.verification_url))
        draw_certificate(wide, certificate, code, self._fonts)
        draw_details(tall, certificate, code, self._fonts)

    def _info(self, title: str, certificate: Certificate) -> DocumentInfo:
        return DocumentInfo(
            title=f"{title} {certificate.qualification_name} {certificate.holder}",
            author=self._programme.society.name.ja,
            subject=certificate.qualification_name,
            created_on=certificate.issued_on,
            address=certificate.verification_url,
        )

    def _templates_of(self, certificate: Certificate, badge: Picture) -> _Templates:
        it = certificate
        key = (it.qualification, it.qualification_name, it.edition, usual_address(it))
        found = self._templates.get(key)
        if found is None or found.badge is not badge:
            wide, tall = Layer("S"), Layer("S")
            self.draw_static(it.qualification, it.qualification_name, badge, wide, tall)
            for line in usual_glyphs(it, self._fonts):
                wide.reserve(line.glyphs())
            tall.reserve(Line(f"{usual_address(it)}{_IN_NUMBERS}年月日第号", self._fonts.sans, 1).glyphs())
            found = _Templates(badge, make_template(WIDE, wide), make_template(TALL, tall, CONTAINERS))
            self._templates[key] = found
        return found

    def draw_static(self, qualification: str, name: str, badge: Picture, wide: Sheet, tall: Sheet) -> None:
        """What is the same for all holders of a badge class; `name` is the qualification's as signed."""
        self._draw_background(wide, qualification, name)
        draw_badge(wide, badge, name, _BADGE)
        draw_details_background(tall, self._programme, qualification, name, self._fonts)
        draw_badge(tall, badge, name)

    def _draw_background(self, sheet: Sheet, qualification: str, name: str) -> None:
        it = self._programme.qualification(qualification)
        texts, fonts = self._programme.texts, self._fonts
        colour, bronze = colour_of(it.colour), _bronze(it.accent)
        sheet.ornament(ground(it.colour, it.accent))
        title = Line(texts.certificate_title.ja, fonts.serif_bold, 54, colour, tracking=0.42)
        set_line(sheet, _TITLE, fitted(title, 180 * MM), _MIDDLE, 160 * MM, "centre")
        subtitle = Line(texts.certificate_title.en, fonts.serif, 11, bronze, tracking=0.26)
        set_line(sheet, _ENGLISH_TITLE, fitted(subtitle, 180 * MM), _MIDDLE, 149.8 * MM, "centre")

        lines = [
            line
            for text in it.certificate_text
            for line in wrapped(Line(text, fonts.serif, 14, tracking=0.08), 210 * MM)
        ]
        leading = min(9.0, 27 / max(1, len(lines))) * MM
        for number, line in enumerate(lines):
            y = 101 * MM + leading * ((len(lines) - 1) / 2 - number)
            set_line(sheet, _TEXT, line, _MIDDLE, y, "centre")

        qualified = Line(name, fonts.serif_bold, 36, colour, tracking=0.14)
        set_line(sheet, _QUALIFICATION, fitted(qualified, 205 * MM), _MIDDLE, 76.5 * MM, "centre")
        translated = Line(it.name.en, fonts.serif, 12, bronze, tracking=0.1)
        set_line(sheet, _ENGLISH_QUALIFICATION, fitted(translated, 205 * MM), _MIDDLE, 68.3 * MM, "centre")
        self._draw_issuer(sheet)
        caption = Line("QRコードで真正性を確認できます", fonts.sans, 6.2, GREY)
        set_line(sheet, _HOW_TO_CHECK, caption, QR[0] + QR[2] / 2, QR[1] - 3.4 * MM, "centre")

    def _draw_issuer(self, sheet: Sheet) -> None:
        """The society, its president, and its seal: its own picture, or one made of its name, or none."""
        society, fonts = self._programme.society, self._fonts
        president = fitted(Line(society.president, fonts.serif, 14, tracking=0.1), 118 * MM)
        issuer = fitted(Line(society.name.ja, fonts.serif_bold, 16, tracking=0.06), 118 * MM)
        width = max(issuer.width, president.width)
        has_seal = self._seal is not None or society.seal == DRAWN
        beside = 4 * MM + _SEAL if has_seal else 0.0
        left = _MIDDLE - (width + beside) / 2
        set_line(sheet, _ISSUER, issuer, left + width / 2, 41.5 * MM, "centre")
        set_line(sheet, _ISSUER, president, left + width / 2, 32 * MM, "centre")
        x, y = left + width + 4 * MM, 28.5 * MM
        tag = figure((10,), "印章", (x, y, x + _SEAL, y + _SEAL))
        if self._seal is not None:
            sheet.picture(tag, self._seal, x, y, _SEAL)
        elif has_seal:
            sheet.figure(tag, seal(society.name.ja, self._seal_font, x, y, _SEAL, _VERMILION))


@lru_cache(maxsize=32)
def ground(colour: str, accent: str) -> str:
    """The ornaments of a 証書 in a qualification's colours, as PDF operators. ValueError: a text is no colour."""
    canvas = drawing()
    gold, bronze = colour_of(accent), _bronze(accent)
    fill_rectangle(canvas, (1.0, 0.997, 0.986), 0, 0, _WIDTH, _HEIGHT)
    rosette(canvas, _MIDDLE, 107 * MM, 72 * MM, 18, ((0.52, 0.2), (0.82, 0.16)), colour_of(accent, paler=0.8))
    guilloche_frame(canvas, WIDE, 12.5 * MM, 12.5 * MM, 3.9 * MM, (bronze, colour_of(colour, paler=0.2)))
    notched_frame(canvas, WIDE, 18.4 * MM, 7 * MM, colour_of(colour), 1.1)
    notched_frame(canvas, WIDE, 19.6 * MM, 7 * MM, gold, 0.45)
    for x in (21.6 * MM, _WIDTH - 21.6 * MM):
        for y in (21.6 * MM, _HEIGHT - 21.6 * MM):
            diamond(canvas, x, y, 5.5, bronze)
    rule(canvas, _MIDDLE, 144 * MM, 66 * MM, gold)
    stroke_square(canvas, gold, 0.5, QR[0] - 1.5, QR[1] - 1.5, QR[2] + 3)
    return operators(canvas)


def _bronze(accent: str) -> Colour:
    return colour_of(accent, darker=0.36)


def _seal_picture(content: bytes) -> RasterPicture:
    try:
        return make_picture(content)
    except ValueError as error:
        raise ValueError(f"society.seal: {error}") from error


_ATTACHED = ("credential.json", "application/ld+json", "The signed credential (Open Badges 3.0)")


def usual_glyphs(certificate: Certificate, fonts: Fonts) -> tuple[Line, ...]:
    """What nearly every 証書 shows beside the holder's name: its glyphs are in fonts that all share."""
    return (
        Line("殿", fonts.serif, 1),
        Line("発行日　有効期限0123456789年月", fonts.serif, 1, tracking=_DATES_APART),
        Line(usual_address(certificate), fonts.sans, 1),
    )


def usual_address(certificate: Certificate) -> str:
    """The characters of all badges' addresses: of this one's without its id, and those that ids are made of."""
    return certificate.verification_url.removesuffix(certificate.assertion_id) + _IN_IDS


_IN_IDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base32 (RFC 4648)
_IN_NUMBERS = "0123456789-"
_DATES_APART = 0.06


def draw_certificate(sheet: Sheet, certificate: Certificate, code: Modules, fonts: Fonts) -> None:
    """What is this holder's own; `code` is the QR code's modules."""
    latin = certificate.latin_name
    _draw_name(sheet, certificate.holder, fonts, 0.0 if latin is None else 1.8 * MM)
    if latin is not None:
        line = fitted(Line(latin, fonts.serif, 11, tracking=0.06), 205 * MM)
        set_line(sheet, _LATIN_NAME, line, _MIDDLE, 114 * MM, "centre")
    dates = (
        Line(f"{label}　{japanese_date(day)}", fonts.serif, 12, tracking=_DATES_APART)
        for label, day in (("発行日", certificate.issued_on), ("有効期限", certificate.valid_until))
    )
    issued, expires = dates
    space = 13 * MM
    left = _MIDDLE - (issued.width + space + expires.width) / 2
    set_line(sheet, _DATES, issued, left, 55.8 * MM)
    set_line(sheet, _DATES, expires, left + issued.width + space, 55.8 * MM)
    address = Line(certificate.verification_url, fonts.sans, LEAST, GREY)
    draw_code(sheet, _PAGE, code, QR, address, room=51 * MM, below=6.8 * MM, align="centre")


def _draw_name(sheet: Sheet, holder: str, fonts: Fonts, higher: float) -> None:
    """The name and 殿, centred together; `higher` by so many points than usual."""
    honorific = Line("殿", fonts.serif, 22)
    gap = 7 * MM
    lines = fitted_lines(name_line(holder, fonts.serif, 38), 205 * MM - honorific.width - gap, least=19)
    foot = (121 * MM if len(lines) == 1 else 118 * MM) + higher
    honorific = replace(honorific, size=min(honorific.size, lines[-1].size))
    for number, line in enumerate(lines):
        y = foot + line.size * 1.28 * (len(lines) - 1 - number)
        last = number == len(lines) - 1
        total = line.width + (gap + honorific.width if last else 0)
        set_line(sheet, _HOLDER, line, _MIDDLE - total / 2, y)
        if last:
            set_line(sheet, _HOLDER, honorific, _MIDDLE + total / 2, y, "right")
