from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.glyphs import Chain, Coverage, Glyphs, clusters, load_coverage, load_glyphs, name_of
from tests.worlds.fonts import font_with_variant

FONTS = Path(__file__).parents[3] / "node_modules" / "@expo-google-fonts"
GLYPHS = load_glyphs(FONTS)


@pytest.mark.parametrize(
    "name",
    [
        "山田 太郎",
        "髙橋 一郎",
        "山﨑　凜",
        "𠮷野 花子",
        "辻󠄀 健",
        "John O’Neill-Smith",
        "Åsa Öberg",
        "王 伟",
        "김 철수",
        "陳 龔",
        "Nguyễn Thị Hồng",
        "Łukasz Żółkiewski",
        "Dvořák Šťastný",
        "Çağrı Şahin",
        "Иванов Пётр",
        "Παπαδόπουλος Ελένη",
        "Smith 伟 철수",
    ],
)
def test_no_name_is_refused_that_we_can_print(name: str) -> None:
    assert GLYPHS.missing(name) == ()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("山田😀", ("U+1F600 😀",)),
        ("山\u0000田", ("U+0000",)),
        ("山\t田\n", ("U+0009", "U+000A")),
        ("山\u200b田", ("U+200B",)),
        ("\u202e山田", ("U+202E",)),
        ("か\u3099", ("U+3099",)),
        ("\ue000", ("U+E000",)),
        ("\U000e0100", ("U+E0100",)),
        ("辻\U000e0180", ("U+8FBB U+E0180 辻\U000e0180",)),
        ("😀😀", ("U+1F600 😀",)),
        ("ก辻\U000e0180ข", ("U+0E01 ก", "U+8FBB U+E0180 辻\U000e0180", "U+0E02 ข")),
        ("渡邊\U000e0101", ("U+908A U+E0101 邊\U000e0101",)),  # none of our fonts has this form
        ("שלום", ("U+05E9", "U+05DC", "U+05D5", "U+05DD")),
        ("محمد", ("U+0645", "U+062D", "U+062F")),
        ("\u1100\u1161", ("U+1100", "U+1161")),  # 가 in parts
        ("김\u3164", ("U+3164",)),
        ("林\u2800一", ("U+2800",)),
        ("e\u0301", ("U+0301",)),
    ],
)
def test_every_character_that_would_be_a_box_is_named(name: str, missing: tuple[str, ...]) -> None:
    assert GLYPHS.missing(name) == missing


def test_a_variation_sequence_is_not_drawn_as_its_base_character() -> None:
    coverage = load_coverage(FONTS / "noto-serif-jp/500Medium/NotoSerifJP_500Medium.ttf")
    ((base, plain),) = coverage.glyphs("辻")
    ((sequence, variant),) = coverage.glyphs("辻\U000e0100")
    assert base == "辻"
    assert sequence == "辻\U000e0100"
    assert None not in (plain, variant)
    assert plain != variant


@given(st.text(max_size=12))
def test_no_character_is_lost_on_the_way_to_the_page(text: str) -> None:
    for chain in GLYPHS.chains:
        assert "".join(characters for characters, _, _ in chain.glyphs(text)) == text


@given(st.text(max_size=6))
def test_what_the_fonts_of_one_style_lack_is_not_hidden_by_another(text: str) -> None:
    nothing = Chain((Coverage({}, {}),))
    assert set(Glyphs((*GLYPHS.chains, nothing)).missing(text)) == set(map(name_of, clusters(text)))


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes(b"not a font")
    with pytest.raises(ValueError, match="font"):
        load_coverage(path)


@given(st.text(max_size=12))
def test_what_is_not_missing_has_a_glyph_in_every_style(text: str) -> None:
    drawn = all(glyph is not None for chain in GLYPHS.chains for _, _, glyph in chain.glyphs(text))
    assert drawn == (GLYPHS.missing(text) == ())


@pytest.mark.parametrize("name", ["Łukasz Kowalski", "Dvořák", "Smith Ğ 太郎", "김 Łu"])
def test_all_letters_of_a_name_come_from_one_font(name: str) -> None:
    for chain in GLYPHS.chains:
        places = {place for characters, place, _ in chain.glyphs(name) if characters < "\u2e80"}
        assert len(places) == 1


@pytest.mark.parametrize(("name", "places"), [("王伟", (0, 3)), ("김", (2,)), ("髙﨑辻\U000e0100𠮷", (0, 0, 0, 0))])
def test_the_first_font_that_has_a_character_draws_it(name: str, places: tuple[int, ...]) -> None:
    for chain in GLYPHS.chains:
        assert tuple(place for _, place, _ in chain.glyphs(name)) == places


def test_a_form_that_our_fonts_lack_is_drawn_by_a_font_of_the_operator(tmp_path: Path) -> None:
    path = tmp_path / "variants.ttf"
    font_with_variant(path, "邊", "\U000e0101")
    name = "渡邊\U000e0101"
    assert GLYPHS.missing(name) == ("U+908A U+E0101 邊\U000e0101",)
    assert load_glyphs(FONTS, (path,)).missing(name) == ()
    assert load_glyphs(FONTS, (path,)).missing("渡邊\U000e0102") == ("U+908A U+E0102 邊\U000e0102",)


ROWS = re.findall(
    r"^\| (.+?) \| U\+([0-9A-F]+)–U\+([0-9A-F]+) \| (\d+) \| (\d+) \|$",
    (FONTS.parents[1] / "docs" / "certificates.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_the_documentation_counts_what_can_be_printed() -> None:
    alone = Glyphs(tuple(Chain(chain.fonts[:1]) for chain in GLYPHS.chains))
    assert len(ROWS) > 10
    for glyphs, column in ((alone, 3), (GLYPHS, 4)):
        held = set.intersection(*(set().union(*(font.points for font in chain.fonts)) for chain in glyphs.chains))
        for row in ROWS:
            inside = {point for point in range(int(row[1], 16), int(row[2], 16) + 1) if point in held}
            few = len(inside) < 1000  # larger blocks are Han and Hangul, which all have a shape
            printed = [point for point in inside if not few or not glyphs.missing(chr(point))]
            assert (row[0], len(printed)) == (row[0], int(row[column]))


def test_the_documentation_counts_the_variation_sequences() -> None:
    text = (FONTS.parents[1] / "docs" / "certificates.md").read_text("utf-8")
    held = set.intersection(*(set().union(*(font.sequences for font in chain.fonts)) for chain in GLYPHS.chains))
    ideographic = [selector for _, selector in held if selector >= 0xE0100]
    assert f"\n{len(ideographic)} ideographic variation sequences" in text
