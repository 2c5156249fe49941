from __future__ import annotations

import io
import re
from collections.abc import Callable

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops
from reportlab.pdfgen.canvas import Canvas

from services.renderer.domain import certificate, details
from services.renderer.pdf import ornament
from services.renderer.pdf.layer import Layer
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.ornament import (
    colour_of,
    drawing,
    guilloche_frame,
    notched_frame,
    rosette,
    rule,
    seal,
    seal_columns,
)
from services.renderer.pdf.page import make_document, make_template
from shared.glyphs import SERIF_BLACK
from tests.worlds.press import CERTIFICATE, FONTS

NAME = "公益社団法人 日本コンクリート工学会"


@given(st.text(st.characters(categories=["Lo"]), min_size=1, max_size=40))
def test_a_seal_has_every_character_of_the_name(name: str) -> None:
    columns = seal_columns(name)
    assert "".join(columns).startswith(name)
    assert "".join(columns).removeprefix(name) in ("印", "之印", "之印章")
    assert len({len(column) for column in columns[:-1]}) <= 1


def test_the_seal_of_our_society_fills_its_square() -> None:
    assert seal_columns(NAME) == ("公益社団法", "人日本コン", "クリート工", "学会之印章")


def test_a_seal_stays_within_its_square() -> None:
    points = re.findall(
        r"(-?[\d.]+) (-?[\d.]+)(?= (?:m|l|c|-?\d))", seal(NAME, FONTS / SERIF_BLACK, 100, 200, 60, (1, 0, 0))
    )
    assert points
    assert all(99 < float(x) < 161 and 199 < float(y) < 261 for x, y in points if float(y) > 2)


@pytest.mark.parametrize(
    "draw",
    [
        lambda canvas: guilloche_frame(canvas, (842, 595), 35, 35, 11, ((0, 0, 0), (1, 0, 0))),
        lambda canvas: rosette(canvas, 100, 100, 50, 16, ((0.5, 0.2),), (0, 0, 0)),
        lambda canvas: notched_frame(canvas, (842, 595), 50, 20, (0, 0, 0), 1),
        lambda canvas: rule(canvas, 100, 100, 60, (0, 0, 0)),
    ],
)
def test_an_ornament_leaves_the_coordinates_as_it_found_them(draw: Callable[[Canvas], None]) -> None:
    canvas = drawing()
    draw(canvas)
    words = canvas.getCurrentPageContent().split()
    assert {"S", "f", "f*"} & set(words)
    assert words.count("q") == words.count("Q")
    depth = 0
    for word in words:
        depth += (word == "q") - (word == "Q")
        assert depth >= 0
        assert not (word == "cm" and depth == 0)


@pytest.mark.parametrize(
    "content",
    [
        certificate.ground("#1f4e79", "#b08d3c"),
        details.ground("#1f4e79", "#b08d3c"),
        seal(NAME, FONTS / SERIF_BLACK, 100, 200, 60, (1, 0, 0)),
    ],
)
def test_a_drawing_chooses_its_colours_and_leaves_those_of_the_page(content: str) -> None:
    words = content.split()
    assert (words[0], words[-1]) == ("q", "Q")
    chosen: list[set[str]] = [set()]
    for word in words:
        if word == "q":
            chosen.append(set(chosen[-1]))
        elif word == "Q":
            chosen.pop()
        elif word in ("RG", "rg"):
            chosen[-1].add(word)
        elif word in ("S", "f", "f*"):
            assert {"S": "RG"}.get(word, "rg") in chosen[-1]
        else:
            assert word not in ("B", "B*", "s", "b", "b*", "F")
    assert chosen == [set()]


@pytest.mark.parametrize("colour", ["", "red", "#12345", "#gggggg"])
def test_text_that_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match=r"hex|invalid literal"):
        colour_of(colour)


def test_a_seal_of_fewer_curves_looks_as_the_font_draws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(near: float) -> str:
        seal.cache_clear()
        monkeypatch.setattr(ornament, "_NEAR", near)
        return seal(NAME, FONTS / SERIF_BLACK, 10, 10, 60, (1, 0, 0))

    usual = ornament._NEAR
    exact, ours = made(0.05), made(usual)
    seal.cache_clear()
    assert len(ours) < 0.6 * len(exact)
    apart = ImageChops.difference(raster(exact), raster(ours))
    assert max(apart.convert("L").tobytes()) < 40  # of 255, at 300 dpi: on edges only


def raster(operators: str) -> Image.Image:
    layer = Layer("S")
    layer.ornament(operators)
    template = make_template((80, 80), layer)
    info = DocumentInfo("title", "author", "subject", CERTIFICATE.issued_on, CERTIFICATE.verification_url)
    document = pypdfium2.PdfDocument(io.BytesIO(make_document(template, template.layer(), info).content))
    image: Image.Image = document[0].render(scale=300 / 72).to_pil()
    return image
