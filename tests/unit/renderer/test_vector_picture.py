"""The picture of a badge class as shapes: pdf/vector_picture.py reads what the issuer's painter writes."""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import replace
from functools import cache

import pikepdf
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageFilter, ImageStat

from services.issuer.art.badge_art import _band, _disc, badge_png, badge_svg
from services.issuer.art.badge_paint import Gradient, SvgPainter
from services.renderer.domain import certificate, details
from services.renderer.domain.certificate import WIDE
from services.renderer.domain.typesetting import A4
from services.renderer.pdf.layer import Layer
from services.renderer.pdf.metadata import DocumentInfo
from services.renderer.pdf.page import make_document, make_template
from services.renderer.pdf.picture import Picture, make_picture
from services.renderer.pdf.structure import Tag
from services.renderer.pdf.vector_picture import read_svg
from shared.glyphs import SERIF_BOLD
from shared.programme import parse_programme
from tests.worlds.press import CERTIFICATE, CREDENTIAL, FONTS, PROGRAMME, ROOT, badge, press

SVG = badge_svg("gishi", "2026", PROGRAMME, FONTS)
BRIDGES = parse_programme((ROOT / "tests" / "worlds" / "bridges.toml").read_text(encoding="utf-8"))
_SCALE = 1.5  # pixels a point
_EDGES = 2.5  # pixels about which is averaged: edges lie otherwise by a part of a pixel
_ALIKE = 30  # of 255; a letter that isn't there makes 100 and more


@cache
def pages(picture: Picture, qualification: str = "gishi") -> list[Image.Image]:
    """Both pages of one holder with this picture."""
    name = PROGRAMME.qualification(qualification).name.ja
    facts = replace(CERTIFICATE, qualification=qualification, qualification_name=name)
    both = press().print(facts, picture, CREDENTIAL)
    return [seen(pdf) for pdf in (both.certificate, both.details)]


def seen(pdf: bytes, scale: float = _SCALE) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        image: Image.Image = document[0].render(scale=scale).to_pil().convert("RGB")
    finally:
        document.close()
    return image


def apart(mine: Image.Image, theirs: Image.Image) -> int:
    """The largest difference of a colour (of 255) but for edges."""
    blurred = (each.filter(ImageFilter.GaussianBlur(_EDGES)) for each in (mine, theirs))
    return max(most for _, most in ImageStat.Stat(ImageChops.difference(*blurred)).extrema)


@pytest.mark.parametrize("qualification", PROGRAMME.qualifications)
def test_shapes_and_pixels_of_a_badge_look_the_same_and_all_else_is_the_same(qualification: str) -> None:
    png = badge_png(qualification, "2026", PROGRAMME, FONTS)
    shapes, dots = pages(badge(qualification), qualification), pages(make_picture(png), qualification)
    places = ((certificate._BADGE, WIDE), (details._BADGE, A4))
    for mine, theirs, ((x, y, side), (_, height)) in zip(shapes, dots, places, strict=True):
        assert apart(mine, theirs) <= _ALIKE
        box = ImageChops.difference(mine, theirs).getbbox()
        assert box is not None
        left, top, right, bottom = (edge / _SCALE for edge in box)
        assert x <= left and right <= x + side and height - y - side <= top and bottom <= height - y


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        (rb'<path fill="#fdfaf1" d="(?!M300)[^"]*"/>', b""),  # a letter
        (rb'<path fill="#d9b45b" d="M366[^"]*"/>', b""),  # the ground of the year
        (rb'stop-color="#eed8a0"', b'stop-color="#a1843e"'),
        (rb'<path fill="#fdfaf1" d="M300 28[^"]*"/>', b""),  # the band
    ],
)
def test_one_other_shape_is_seen(part: bytes, instead: bytes) -> None:
    other, times = re.subn(part, instead, SVG, count=1)
    assert times == 1
    assert min(map(apart, pages(badge("gishi")), pages(read_svg(other)))) > _ALIKE


def test_a_badge_is_sharp_small_and_without_transparency_in_the_colours_of_the_page() -> None:
    for picture in (badge("gishi"), read_svg(badge_svg("inspector", "2027", BRIDGES, FONTS))):
        assert len(picture.operators) < 26_000
        used = set(re.findall(r"(?<=[0-9n] )[a-zA-Z]+(?=\s|$)|^[a-zA-Z]+", zlib.decompress(picture.operators).decode()))
        assert used <= {"q", "Q", "cm", "rg", "m", "l", "c", "f", "W", "n", "sh"}
    both = press().print(CERTIFICATE, badge("gishi"), CREDENTIAL)
    for pdf in (both.certificate, both.details):
        assert len(pdf) < 85_000
        with pikepdf.open(io.BytesIO(pdf)) as document:
            assert document.check_pdf_syntax() == []
            (form,) = (form for name, form in document.pages[0].Resources.XObject.items() if name == "/SP0")
            assert [str(form.Subtype), form.keys() & {"/Group", "/SMask"}] == ["/Form", set()]
            assert form.Resources.keys() == {"/Shading"}
            assert [str(each.ColorSpace) for each in form.Resources.Shading.values()] == ["/DeviceRGB"]
            drawn = document.pages[0].Contents[0].read_bytes()
            figure = rb"/Figure << /MCID [0-9]+ >> BDC\nq [0-9. ]+ cm /SP0 Do Q\nEMC"
            assert len(re.findall(figure, drawn)) == 1


@pytest.mark.parametrize("scale", [4.0, 7.3, 12.0])
def test_where_rings_meet_nothing_is_seen_of_what_lies_below_both(scale: float) -> None:
    painter = SvgPainter("rings")
    for points, colour in ((_disc(280), "#ff0000"), (_disc(150), "#0000ff"), (_band(220, 150), "#0000ff")):
        painter.area(points, colour)
    painter.area(_band(290, 220), "#0000ff")
    layer = Layer("S")
    layer.picture(Tag((1,), "P"), read_svg(painter.svg()), 10, 10, 80)
    template = make_template((100, 100), layer)
    info = DocumentInfo("title", "author", "subject", CERTIFICATE.issued_on, CERTIFICATE.verification_url)
    image = seen(make_document(template, template.layer(), info).content, scale)
    middle, wide, tall = image.width // 2, int(scale * 32), int(scale * 10)
    inside = image.crop((middle, middle - tall, middle + wide, middle + tall))  # past both edges, not the last one
    assert inside.width > 30
    most_red = ImageStat.Stat(inside).extrema[0][1]
    assert most_red <= 4  # of 255; 63 where the edges only meet


_LENGTHS = st.integers(1, 99_900).map(lambda hundredths: hundredths / 100)
_PLACES = st.integers(-99_900, 99_900).map(lambda hundredths: hundredths / 100)
_POINTS = st.lists(st.tuples(_PLACES, _PLACES), min_size=1, max_size=90)
_COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
_GRADIENTS = st.lists(_COLOURS, min_size=2, max_size=6).map(
    lambda colours: Gradient(tuple((number / (len(colours) - 1), colour) for number, colour in enumerate(colours)))
)
_SHAPES = st.one_of(
    st.tuples(st.just("area"), _POINTS, _COLOURS | _GRADIENTS),
    st.tuples(st.just("line"), _POINTS, _COLOURS, _LENGTHS),
    st.tuples(st.just("circle"), _PLACES, _PLACES, _LENGTHS, _COLOURS, _LENGTHS),
    st.tuples(
        st.just("letter"),
        st.sampled_from("A 印０鬱　ー"),
        st.just(FONTS / SERIF_BOLD),
        st.floats(4, 200),
        _PLACES,
        _PLACES,
        st.floats(-7, 7),
        _COLOURS,
    ),
)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.lists(_SHAPES, max_size=12))
def test_whatever_the_issuers_painter_writes_is_read(title: str, shapes: list[tuple[str, ...]]) -> None:
    painter = SvgPainter(title)
    for kind, *arguments in shapes:
        getattr(painter, kind)(*arguments)
    svg = painter.svg()
    first, second = read_svg(svg), read_svg(svg)
    assert first.operators == second.operators and first.shadings == second.shadings
    drawn = zlib.decompress(first.operators)
    assert drawn.count(b"sh Q") == sum(kind == "area" and isinstance(paint, Gradient) for kind, *_, paint in shapes)


def only(shape: str, definitions: str = "") -> bytes:
    painter = SvgPainter("a picture")
    return (
        painter.svg().replace(b"<defs>", f"<defs>{definitions}".encode()).replace(b"</svg>", f"{shape}</svg>".encode())
    )


def test_what_is_read_is_what_stands_in_the_file() -> None:
    drawn = read_svg(only('<path fill="#ff0000" d="M1 2L11 2H11.5V4.1L1 4Z"/>'))
    assert zlib.decompress(drawn.operators).split(b"\n") == [
        b"1 0 0 1 10 20 cm", b"1 0 0 rg", b"0 0 m", b"100 0 l", b"105 0 l", b"105 21 l", b"0 20 l", b"0 0 l", b"f",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "svg",
    [
        b"",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        "<svg/>".encode("utf-16"),
        SVG[:-8],
        SVG + b"<!-- -->",
        b'<?xml version="1.0"?>' + SVG,
        SVG.replace(b'viewBox="0 0 600 600"', b'viewBox="0 0 600 300"'),
        only("<g/>"),
        only('<text x="1" y="2">a font</text>'),
        only('<script>alert("1")</script>'),
        only('<image href="https://example.jp/a.png"/>'),
        only('<path fill="#ff0000" fill-opacity="0.5" d="M1 2L11 2L11 12Z"/>'),
        only('<path fill="#ff0000" transform="scale(2)" d="M1 2L11 2L11 12Z"/>'),
        only('<path fill="red" d="M1 2L11 2L11 12Z"/>'),
        only('<path fill="#ff0000" d="M1 2l11 2l11 12Z"/>'),
        only('<path fill="#ff0000" d="M1 2A5 5 0 0 1 11 12Z"/>'),
        only('<path fill="#ff0000" d="M1 2L11 2L11 12"/>'),
        only('<path fill="#ff0000" d="M1 2L11 2L11Z"/>'),
        only('<path fill="#ff0000" d="M1 2L11 2,11 12Z"/>'),
        only('<path fill="#ff0000" d="M1 2L99999999 2L11 12Z"/>'),
        only('<path fill="none" stroke="#ff0000" stroke-width="1" d="M1 2Q11 2 11 12Z"/>'),
        only('<path fill="url(#g00000000)" d="M1 2L11 2L11 12Z"/>'),
        only("", '<radialGradient id="g00000000"><stop offset="0" stop-color="#ff0000"/></radialGradient>'),
        SVG.replace(b'x2="0"', b'x2="600"'),
        SVG.replace(b'offset="0.35"', b'offset="0.95"'),
        SVG.replace(b'offset="0"', b'offset="0.1"'),
    ],
)
def test_anything_else_is_refused(svg: bytes) -> None:
    with pytest.raises(ValueError):
        read_svg(svg)
