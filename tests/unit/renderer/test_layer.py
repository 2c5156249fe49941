"""Layers of a page and the fonts that they share: pdf/layer.py, pdf/page.py."""

from __future__ import annotations

import io

import pikepdf
import pytest

from services.renderer.domain.typesetting import Line, set_line
from services.renderer.pdf.layer import Layer
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.page import make_document, make_template
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.typeface import load_face
from shared.glyphs import SANS, SERIF
from tests.worlds.press import CERTIFICATE, FONTS, text_of

FACES = load_face([FONTS / SERIF]), load_face([FONTS / SANS])
INFO = DocumentInfo("title", "author", "subject", CERTIFICATE.issued_on, CERTIFICATE.verification_url)
P = Tag((1,), "P")


def page(shared: str, own: str, tracking: float = 0.0) -> bytes:
    first = Layer("S")
    first.reserve(Line(shared, FACES[0], 1).glyphs())
    template = make_template((300, 100), first)
    layer = template.layer()
    set_line(layer, P, Line(own, FACES[0], 20, tracking=tracking), 20, 40)
    return make_document(template, layer, INFO).content


def fonts(pdf: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return sorted(str(name) for name in document.pages[0].Resources.Font)


@pytest.mark.parametrize(
    ("shared", "own", "names"),
    [
        ("0123456789年月日", "2026年4月1日", ["/SF0"]),
        ("0123456789", "2026年4月1日", ["/DF0", "/SF0"]),
        ("辻", "辻\U000e0100", ["/DF0", "/SF0"]),
    ],
)
def test_what_a_shared_font_has_is_taken_from_it_and_nothing_else(shared: str, own: str, names: list[str]) -> None:
    pdf = page(shared, own)
    assert fonts(pdf) == names
    assert text_of(pdf) == own


def test_a_glyph_that_is_set_apart_is_another_than_the_shared_one() -> None:
    assert fonts(page("年月日", "年月日", tracking=0.3)) == ["/DF0", "/SF0"]


def test_a_line_of_several_fonts_is_copied_as_one_line() -> None:
    assert text_of(page("年月", "2026年4月1日")) == "2026年4月1日"


def test_the_same_layers_give_the_same_bytes() -> None:
    assert page("年月日", "2026年4月1日") == page("年月日", "2026年4月1日")
