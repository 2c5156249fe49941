"""A press for tests, certificates of fictional people, and what a reader sees of a PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from services.issuer.art.badge_art import badge_png
from services.renderer.domain.certificate import Press, Printed
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.page import RasterPicture, make_picture
from shared.programme import parse_programme

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "node_modules" / "@expo-google-fonts"
PROGRAMME = parse_programme((ROOT / "deploy" / "programmes" / "jci.toml").read_text(encoding="utf-8"))
ID = "MZXW6YTBOI2DGNBVGY3TQOJQGE"
CREDENTIAL = b'{"id":"of a badge"}'
CERTIFICATE = Certificate(
    assertion_id=ID,
    holder="見本 太郎",
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
def badge(qualification: str) -> RasterPicture:
    return make_picture(badge_png(qualification, "2026", PROGRAMME, FONTS))


def printed(**changes: Any) -> Printed:
    certificate = replace(CERTIFICATE, **changes)
    return press().print(certificate, badge(certificate.qualification), CREDENTIAL)


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
