from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.issuer.art.badge_art import art_version, badge_png, badge_svg, name_lines, society_png
from services.issuer.art.badge_paint import mix
from shared.glyphs import SERIF_BLACK, SERIF_BOLD
from shared.programme import Bilingual, Programme, parse_programme

ROOT = Path(__file__).parents[3]
FONTS = ROOT / "node_modules" / "@expo-google-fonts"
PROGRAMME = parse_programme((ROOT / "deploy" / "programmes" / "jci.toml").read_text(encoding="utf-8"))
QUALIFICATIONS = tuple(PROGRAMME.qualifications)


def named(ja: str, en: str, society: str = "Japan Concrete Institute") -> Programme:
    """The programme of another society, whose one qualification bears these names."""
    qualification = msgspec.structs.replace(PROGRAMME.qualifications["gishi"], name=Bilingual(ja, en))
    its_society = msgspec.structs.replace(PROGRAMME.society, name=Bilingual("学会", society))
    return msgspec.structs.replace(PROGRAMME, society=its_society, qualifications={"q": qualification})


@pytest.mark.parametrize("qualification", QUALIFICATIONS)
def test_the_png_has_the_promised_size_and_weight(qualification: str) -> None:
    png = badge_png(qualification, "2026", PROGRAMME, FONTS)
    with Image.open(io.BytesIO(png)) as image:
        assert (image.size, image.mode) == ((600, 600), "P")
        corner, middle = image.convert("RGBA").getpixel((2, 2)), image.convert("RGBA").getpixel((300, 130))
        assert isinstance(corner, tuple)
        assert isinstance(middle, tuple)
        assert corner[3] == 0
        assert middle[3] == 255
    assert len(png) < 40_000


def test_the_issuers_seal_has_the_promised_size_and_weight() -> None:
    png = society_png(PROGRAMME, FONTS)
    with Image.open(io.BytesIO(png)) as image:
        assert (image.size, image.mode) == ((600, 600), "P")
    assert len(png) < 40_000
    assert png == society_png(PROGRAMME, FONTS)


def test_other_fonts_have_another_art_version(tmp_path: Path) -> None:
    copied = tmp_path / "fonts"
    for font in (SERIF_BOLD, SERIF_BLACK):
        (copied / font).parent.mkdir(parents=True, exist_ok=True)
        (copied / font).write_bytes((FONTS / font).read_bytes())
    assert art_version(copied) == art_version(FONTS)
    other = tmp_path / "other"
    copied.rename(other)
    (other / SERIF_BOLD).write_bytes(b"another")
    assert art_version(other) != art_version(FONTS)


def test_drawing_again_gives_the_same_bytes() -> None:
    assert badge_png("gishi", "2026", PROGRAMME, FONTS) == badge_png("gishi", "2026", PROGRAMME, FONTS)
    assert badge_svg("gishi", "2026", PROGRAMME, FONTS) == badge_svg("gishi", "2026", PROGRAMME, FONTS)


def test_every_class_and_edition_has_a_picture_of_its_own() -> None:
    drawn = {badge_png(id, edition, PROGRAMME, FONTS) for id in QUALIFICATIONS for edition in ("2026", "2027")}
    assert len(drawn) == 2 * len(QUALIFICATIONS)


def test_the_svg_needs_no_font_and_runs_nothing() -> None:
    root = ElementTree.fromstring(badge_svg("shindanshi", "2026", PROGRAMME, FONTS))
    allowed = {"svg", "title", "defs", "path", "circle", "linearGradient", "stop"}
    assert {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in root.iter()} <= allowed
    values = [value for element in root.iter() for value in element.attrib.values()]
    assert not [value for value in values if "http" in value or "script" in value]


@pytest.mark.parametrize(
    ("ja", "en"),
    [
        (
            "一級橋梁長寿命化修繕計画策定及び点検診断技術管理者",
            "Certified First Class Engineer for Planning the Longevity of Bridges",
        ),
        ("応用統計士 第1級", "Statistician"),
        ("士", "E"),
    ],
)
def test_every_name_stays_within_the_edge(ja: str, en: str) -> None:
    short = badge_png("q", "2026", named("コンクリート技士", "Engineer"), FONTS)
    drawn = badge_png(
        "q", "2026", named(ja, en, society="The International Society for the Certification of Engineers"), FONTS
    )
    for at in [(70, 300 + 16), (530, 300 + 16), (300, 120), (300, 480)]:  # ground on all four sides of the text
        assert _pixel(drawn, at) == _pixel(short, at)


def _pixel(png: bytes, at: tuple[int, int]) -> tuple[int, ...]:
    """Its colour in steps of 32: palettes of different pictures differ a little."""
    with Image.open(io.BytesIO(png)) as image:
        pixel = image.convert("RGBA").getpixel(at)
    assert isinstance(pixel, tuple)
    return tuple(round(channel / 32) for channel in pixel)


def test_a_name_with_a_character_that_the_font_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"U\+1F600"):
        badge_png("q", "2026", named("コンクリート😀士", "Engineer"), FONTS)


def test_an_unknown_qualification_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of"):
        badge_svg("astronaut", "2026", PROGRAMME, FONTS)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("コンクリート技士", ("コンクリート", "技士")),
        ("コンクリート主任技士", ("コンクリート", "主任技士")),
        ("コンクリート診断士", ("コンクリート", "診断士")),
        ("応用統計士 第1級", ("応用統計士", "第1級")),
        ("統計士", ("統計士",)),
        ("建築施工管理技術者", ("建築施工管", "理技術者")),
    ],
)
def test_a_name_breaks_where_a_reader_would(name: str, lines: tuple[str, ...]) -> None:
    assert name_lines(name) == lines


@given(st.text(st.characters(categories=["Lo", "Nd", "Lu"]), min_size=1, max_size=40))
def test_the_lines_of_a_name_hold_all_its_characters(name: str) -> None:
    lines = name_lines(name)
    assert "".join(lines) == name
    assert all(lines)


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", ""])
def test_a_malformed_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="six hex digits"):
        mix(colour, "#000000", 0.5)
