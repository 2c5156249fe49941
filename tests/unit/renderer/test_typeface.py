from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph, GlyphComponent
from hypothesis import given, settings
from hypothesis import strategies as st

from services.renderer.pdf.typeface import MissingGlyph, SubsetBuilder, load_face, load_typeface
from shared.glyphs import SERIF, chain_files
from tests.worlds.fonts import keep
from tests.worlds.press import FONTS

FACE = load_typeface(FONTS / SERIF)
ONE = load_face([FONTS / SERIF])
FILES = chain_files(FONTS, SERIF)
KNOWING = load_face(FILES)

# a sequence that means the plain form: its glyph is that of the character alone
PLAIN = next(
    chr(point) + chr(selector)
    for (point, selector), glyph in FACE.coverage.sequences.items()
    if glyph == FACE.coverage.points[point]
)
CHARACTERS = ["山", "髙", "﨑", "𠮷", "辻", "辻\U000e0100", PLAIN, PLAIN[0], "A", "（"]


def subset_of(text: str, path: Path = FONTS / SERIF, space: int = 0) -> tuple[TTFont, list[int], bytes]:
    """The font that is embedded for a text, the text's codes, and the map back to text."""
    builder = SubsetBuilder(load_typeface(path))
    codes = [builder.encode((each, space)) for each in load_face([path]).drawn(text)]
    built = builder.build()
    return TTFont(io.BytesIO(built.font)), codes, built.characters


def drawn(font: TTFont, glyph: str) -> list[tuple[str, object]]:
    pen = DecomposingRecordingPen(font.getGlyphSet())
    font.getGlyphSet()[glyph].draw(pen)
    return list(pen.value)


def test_the_embedded_glyphs_are_those_of_the_font() -> None:
    text = "髙橋﨑𠮷辻\U000e0100Åé½"
    subset, codes, _ = subset_of(text)
    whole = TTFont(FONTS / SERIF)
    for (_, _, glyph), code in zip(ONE.drawn(text), codes, strict=True):
        assert drawn(subset, subset.getGlyphName(code)) == drawn(whole, whole.getGlyphName(glyph))
        assert subset["hmtx"].metrics[subset.getGlyphName(code)] == whole["hmtx"].metrics[whole.getGlyphName(glyph)]


def test_the_space_between_letters_that_are_set_apart_is_part_of_their_width() -> None:
    plain, codes, _ = subset_of("CERT")
    apart, same, to_unicode = subset_of("CERT", space=260)
    assert codes == same and b"<0020>" not in to_unicode
    for code in codes:
        narrow, wide = (font["hmtx"].metrics[font.getGlyphName(code)] for font in (plain, apart))
        assert wide == (narrow[0] + 260, narrow[1])
        assert drawn(plain, plain.getGlyphName(code)) == drawn(apart, apart.getGlyphName(code))


def test_a_letter_with_two_spaces_after_it_is_two_codes_and_one_character() -> None:
    builder = SubsetBuilder(FACE)
    (each,) = ONE.drawn("山")
    assert builder.encode((each, 0)) != builder.encode((each, 100))
    assert builder.build().characters.count(b"<5C71>") == 2


@given(st.lists(st.sampled_from(CHARACTERS), min_size=1))
def test_copied_text_is_the_text_that_was_drawn(characters: list[str]) -> None:
    _, codes, to_unicode = subset_of("".join(characters))
    back = {
        int(code, 16): bytes.fromhex(text).decode("utf-16-be")
        for code, text in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]+)>", to_unicode.decode())
    }
    assert [back[code] for code in codes] == characters


def test_a_block_of_the_map_back_to_text_has_at_most_100_entries() -> None:
    text = "".join(chr(point) for point in range(0x4E00, 0x4E00 + 250) if point in FACE.coverage.points)
    _, _, to_unicode = subset_of(text)
    counts = [int(count) for count in re.findall(rb"(\d+) beginbfchar", to_unicode)]
    assert sum(counts) == len(text)
    assert max(counts) <= 100


@pytest.mark.parametrize(("text", "named"), [("山😀", "U+1F600"), ("山\n", "U+000A"), ("か\u3099", "U+3099")])
def test_a_missing_glyph_is_an_error_that_names_the_character(text: str, named: str) -> None:
    with pytest.raises(MissingGlyph, match=re.escape(named)):
        ONE.drawn(text)


def test_the_same_text_gives_the_same_font() -> None:
    built = []
    for builder in (SubsetBuilder(FACE), SubsetBuilder(FACE)):
        for each in ONE.drawn("髙橋"):
            builder.encode((each, 0))
        built.append(builder.build())
    assert built[0] == built[1]


def test_parts_of_a_composite_glyph_come_along(tmp_path: Path) -> None:
    path = tmp_path / "composite.ttf"
    with TTFont(FONTS / SERIF) as font:
        keep(font, "WIO")
        names, made = font.getBestCmap(), Glyph()
        made.numberOfContours, made.components = -1, []
        for character, x in (("I", 0), ("O", 400)):
            part = GlyphComponent()
            part.glyphName, part.x, part.y, part.flags = names[ord(character)], x, 0, 0x2
            made.components.append(part)
        font["glyf"][names[ord("W")]] = made
        font.save(path)
    subset, (code,), _ = subset_of("W", path)
    whole = TTFont(path)
    assert len(drawn(whole, whole.getBestCmap()[ord("W")])) > 4
    assert drawn(subset, subset.getGlyphName(code)) == drawn(whole, whole.getBestCmap()[ord("W")])


@given(st.text(st.sampled_from("山田 A𠮷"), max_size=20), st.floats(4, 60), st.floats(0, 10))
def test_a_line_is_as_wide_as_its_characters_and_the_space_between(text: str, size: float, tracking: float) -> None:
    each = sum(ONE.width(character, size) for character in text)
    assert ONE.width(text, size, tracking) == pytest.approx(each + tracking * max(0, len(text) - 1))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["山", "田", " ", "A", "é", "辻", "辻\U000e0100", "伟", "김", "Ł", "𠮷"]), max_size=12))
def test_a_text_is_drawn_and_measured_as_one_that_no_text_was_drawn_before(parts: list[str]) -> None:
    """Whatever was drawn before: characters that are known are looked up, others are searched for."""
    text = "".join(parts)
    alone = load_face(FILES)
    assert KNOWING.drawn(text) == alone.drawn(text)
    assert KNOWING.width(text, 10, 0.5) == load_face(FILES).width(text, 10, 0.5)
    assert KNOWING.width(text, 10, 0.5) == alone.width(text, 10, 0.5)


def test_a_variation_selector_by_itself_is_refused_however_well_its_character_is_known() -> None:
    for text in ("辻", "辻\U000e0100"):
        KNOWING.drawn(text)
    for text in ("\U000e0100", "\U000e0100辻", "辻\U000e0100\U000e0100"):
        with pytest.raises(MissingGlyph):
            KNOWING.drawn(text)
        with pytest.raises(MissingGlyph):
            KNOWING.width(text, 10)
