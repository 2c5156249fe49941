from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.glyphs import Coverage, Glyphs, load_coverage, load_glyphs, name_of

FONTS = Path(__file__).parents[3] / "node_modules" / "@expo-google-fonts"
GLYPHS = load_glyphs(FONTS)


@pytest.mark.parametrize(
    "name", ["山田 太郎", "髙橋 一郎", "山﨑　凜", "𠮷野 花子", "辻󠄀 健", "John O’Neill-Smith", "Åsa Öberg"]
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
        ("한辻\U000e0180글", ("U+D55C 한", "U+8FBB U+E0180 辻\U000e0180", "U+AE00 글")),
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
    for font in GLYPHS.fonts:
        assert "".join(characters for characters, _ in font.glyphs(text)) == text


@given(st.text(max_size=6))
def test_what_one_font_lacks_is_not_hidden_by_another(text: str) -> None:
    nothing = Coverage({}, {})
    drawn = {name_of(characters) for characters, _ in nothing.glyphs(text)}
    assert set(Glyphs((*GLYPHS.fonts, nothing)).missing(text)) == drawn


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "font.ttf"
    path.write_bytes(b"not a font")
    with pytest.raises(ValueError, match="font"):
        load_coverage(path)
