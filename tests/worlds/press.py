"""A press for tests, certificates of fictional people, and what a reader sees of a PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from services.issuer.art.badge_art import badge_svg
from services.renderer.domain.certificate import Press, Printed
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.layer import Box
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import Spaced
from services.renderer.pdf.vector_picture import VectorPicture, read_svg
from shared.programme import parse_programme

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "node_modules" / "@expo-google-fonts"
PROGRAMME = parse_programme((ROOT / "deploy" / "programmes" / "jci.toml").read_text(encoding="utf-8"))
ID = "MZXW6YTBOI2DGNBVGY3TQOJQGE"
CREDENTIAL = b'{"id":"of a badge"}'
CERTIFICATE = Certificate(
    assertion_id=ID,
    holder="見本 太郎",
    latin_name="MIHON Taro",
    qualification="gishi",
    qualification_name="コンクリート技士",
    edition="2026",
    pass_number="2011-04187",
    registration_number="第26-10342号",
    issued_on=date(2026, 4, 1),
    valid_from=date(2026, 4, 1),
    valid_until=date(2030, 3, 31),
    verification_url=f"https://badges.example.jp/V/{ID}",
)


@lru_cache(maxsize=1)
def press() -> Press:
    return Press(PROGRAMME, FONTS)


@lru_cache(maxsize=4)
def badge(qualification: str) -> VectorPicture:
    return read_svg(badge_svg(qualification, "2026", PROGRAMME, FONTS))


def printed(**changes: Any) -> Printed:
    certificate = replace(CERTIFICATE, **changes)
    return press().print(certificate, badge(certificate.qualification), CREDENTIAL)


@dataclass(frozen=True)
class SetText:
    """One line as it was set; lengths in points."""

    tag: Tag
    text: str
    size: float
    x: float
    y: float
    width: float


class RecordingSheet:
    """A sheet that notes what is set on it."""

    def __init__(self) -> None:
        self.texts: list[SetText] = []

    def text(
        self, tag: Tag, line: Iterable[Spaced], size: float, colour: tuple[float, float, float], x: float, y: float
    ) -> None:
        glyphs = list(line)
        width = sum(each.typeface.advance(each.glyph) + space for each, space in glyphs) * size / 1000
        self.texts.append(SetText(tag, "".join(each.characters for each, _ in glyphs), size, x, y, width))

    def ornament(self, operators: str) -> None:
        """Not noted."""

    def figure(self, tag: Tag, operators: str) -> None:
        """Not noted."""

    def picture(self, tag: Tag, picture: Picture, x: float, y: float, side: float) -> None:
        """Not noted."""

    def link(self, tag: Tag, address: str, box: Box) -> None:
        """Not noted."""


def sheets(**changes: Any) -> dict[str, RecordingSheet]:
    """What is set on the pages "certificate" and "details"."""
    certificate = replace(CERTIFICATE, **changes)
    wide, tall = RecordingSheet(), RecordingSheet()
    id = certificate.qualification
    press().draw_static(id, certificate.qualification_name, badge(id), wide, tall)
    press().draw_own(certificate, wide, tall)
    return {"certificate": wide, "details": tall}


def text_of(pdf: bytes) -> str:
    """What is copied out of the only page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert len(document) == 1
        return str(document[0].get_textpage().get_text_range())
    finally:
        document.close()


def seen(pdf: bytes, scale: float) -> Image.Image:
    """The page as a picture, `scale` pixels to the point."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        image: Image.Image = document[0].render(scale=scale).to_pil().convert("L")
        return image
    finally:
        document.close()
