"""What is assembled from bytes looks as reportlab alone draws it: deploy/bench/reportlab_sheet.py is the reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageFilter

from deploy.bench.reportlab_sheet import ReportlabSheet
from services.issuer.art.badge_art import badge_png
from services.renderer.domain.certificate import TALL, WIDE, usual_glyphs
from services.renderer.domain.details import CONTAINERS
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.layer import Layer
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.page import make_document, make_template
from services.renderer.pdf.picture import make_picture
from shared.glyphs import PRINTED_FONTS, load_coverage
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, PROGRAMME, badge, press

PEOPLE = 200
_SCALE = 1.5  # pixels a point
_ALIKE = 48  # of 255; another stroke makes 100 and more

_MAPS = [load_coverage(FONTS / font).points for font in PRINTED_FONTS]
_HAN = [chr(point) for point in range(0x4E00, 0x9FA6) if all(point in points for points in _MAPS)]
_KANA = [chr(point) for point in (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7))]
_LATIN = "abcdefghijklmnopqrstuvwxyzäöüéèçñåøßłšžőăễị'-"


def people() -> Iterator[Certificate]:
    """Of random names of 2 to 40 characters, in kanji, kana and Latin letters; without variation sequences, which
    reportlab doesn't know."""
    random = Random(20260401)
    for number in range(PEOPLE):
        letters = (_HAN, _HAN, _HAN, _KANA, _LATIN)[number % 5]
        longest = 20 if number % 10 == 9 else 4
        family, given = ("".join(random.choices(letters, k=random.randint(1, longest))) for _ in range(2))
        id = "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=26))
        yield replace(
            CERTIFICATE,
            holder=f"{family} {given}",
            latin_name="MIHON Taro" if number % 2 else None,
            pass_number=f"第{random.randrange(10**6)}号",
            registration_number=f"{random.choice(_HAN)}{random.randrange(10**6)}",
            verification_url=f"https://badges.example.jp/V/{id}",
        )


def picture(pdf: bytes) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        image: Image.Image = document[0].render(scale=_SCALE, grayscale=True).to_pil()
    finally:
        document.close()
    return image


def difference(one: bytes, other: bytes) -> int:
    """By how much (of 255) some pixel of either page is darker or lighter than all pixels about its place on the other.

    The rasteriser sets glyphs on whole pixels, so that a thousandth of a point may move one by a pixel.
    """
    pictures = picture(one), picture(other)
    where = ImageChops.difference(*pictures).point(lambda level: 255 * (level > _ALIKE)).getbbox()
    if where is None:
        return 0
    near = (max(0, where[0] - 2), max(0, where[1] - 2), where[2] + 2, where[3] + 2)
    pictures = pictures[0].crop(near), pictures[1].crop(near)
    most = 0
    for mine, theirs in (pictures, pictures[::-1]):
        lighter = ImageChops.subtract(mine, theirs.filter(ImageFilter.MaxFilter(3)))
        darker = ImageChops.subtract(theirs.filter(ImageFilter.MinFilter(3)), mine)
        for apart in (lighter, darker):
            found = apart.getextrema()[1]
            assert isinstance(found, int)
            most = max(most, found)
    return most


@pytest.fixture(scope="module")
def png() -> bytes:
    return badge_png("gishi", "2026", PROGRAMME, FONTS)


def own(certificate: Certificate) -> tuple[bytes, bytes]:
    """What is a holder's own, on pages with nothing else."""
    info = DocumentInfo("a title", "an author", "a subject", certificate.issued_on, certificate.verification_url)
    wide, tall = Layer("S"), Layer("S")
    for line in usual_glyphs(certificate, press()._fonts):
        wide.reserve(line.glyphs())
    templates = make_template(WIDE, wide), make_template(TALL, tall, CONTAINERS)
    layers = templates[0].layer(), templates[1].layer()
    press().draw_own(certificate, *layers)
    one, other = (
        make_document(template, layer, info).content for template, layer in zip(templates, layers, strict=True)
    )
    return one, other


def by_reportlab(certificate: Certificate, png: bytes, *, whole: bool) -> tuple[bytes, bytes]:
    wide, tall = ReportlabSheet(WIDE, png), ReportlabSheet(TALL, png)
    if whole:
        id = certificate.qualification
        press().draw_static(id, certificate.qualification_name, badge(id), wide, tall)
    press().draw_own(certificate, wide, tall)
    return wide.finish(), tall.finish()


def test_what_is_a_holders_own_looks_as_reportlab_draws_it(png: bytes) -> None:
    apart = {
        each.holder: [difference(*pair) for pair in zip(own(each), by_reportlab(each, png, whole=False), strict=True)]
        for each in people()
    }
    assert len(apart) == PEOPLE
    assert {name: found for name, found in apart.items() if max(found) > _ALIKE} == {}


def test_a_whole_page_looks_as_reportlab_draws_it(png: bytes) -> None:
    ours = press().print(CERTIFICATE, make_picture(png), CREDENTIAL)
    for mine, theirs in zip((ours.certificate, ours.details), by_reportlab(CERTIFICATE, png, whole=True), strict=True):
        assert difference(mine, theirs) <= _ALIKE


@pytest.mark.parametrize(
    "change", [{"holder": "見本 大郎"}, {"pass_number": "2011-04188"}, {"latin_name": "MIHON Tara"}]
)
def test_one_other_stroke_is_seen(change: dict[str, str]) -> None:
    other = own(replace(CERTIFICATE, **change))  # type: ignore[arg-type]  # texts only
    assert max(difference(*pair) for pair in zip(own(CERTIFICATE), other, strict=True)) > _ALIKE
