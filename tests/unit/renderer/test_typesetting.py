from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.renderer.domain.typesetting import (
    Line,
    fitted,
    fitted_lines,
    halves_of,
    name_line,
    wrapped,
    wrapped_address,
)
from services.renderer.pdf.typeface import load_face
from shared.glyphs import SERIF
from tests.worlds.press import FONTS

FONT = load_face([FONTS / SERIF])
NAMES = st.text(st.sampled_from("山田𠮷 Ab辻\U000e0100"), min_size=1, max_size=120).filter(
    lambda text: "\U000e0100" not in text.replace("辻\U000e0100", "")
)


@given(NAMES)
def test_every_name_fits_its_room(name: str) -> None:
    for line in fitted_lines(Line(name, FONT, 38, tracking=0.1), 300, least=19):
        assert line.width <= 300.01


@given(NAMES)
def test_every_character_of_a_name_is_kept_on_at_most_two_lines(name: str) -> None:
    lines = fitted_lines(Line(name, FONT, 38), 300, least=19)
    assert "".join(line.text for line in lines).replace(" ", "") == name.replace(" ", "")
    assert len(lines) <= 2


def test_a_short_name_keeps_its_size() -> None:
    line = Line("林 一", FONT, 38)
    assert fitted(line, 300) == line


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("John Paul Smith", ("John Paul", "Smith")),
        ("勅使河原 太郎", ("勅使河原", "太郎")),
        ("あいうえおか", ("あいう", "えおか")),
        ("あ辻\U000e0100い", ("あ", "辻\U000e0100い")),
        ("あ辻\U000e0100", ("あ", "辻\U000e0100")),
    ],
)
def test_a_name_breaks_at_a_space_and_a_variation_sequence_stays_whole(text: str, halves: tuple[str, str]) -> None:
    assert halves_of(text) == halves


def test_a_single_glyph_stays_on_one_line() -> None:
    assert len(fitted_lines(Line("辻\U000e0100", FONT, 38), 20, least=30)) == 1


@pytest.mark.parametrize(
    ("shorter", "longer"), [("一 一", "山田 太郎"), ("林 健一", "佐々木 健太"), ("辻\U000e0100 健", "勅使河原 太郎")]
)
def test_the_shorter_a_name_in_kanji_the_wider_the_space_in_it(shorter: str, longer: str) -> None:
    assert name_line(shorter, FONT, 38).gap > name_line(longer, FONT, 38).gap > 0


@pytest.mark.parametrize("name", ["O'Brien Conan", "Müller-Lüdenscheidt Hans", "Nguyễn Thị Hồng", "Smith 太郎"])
def test_letters_of_a_name_are_not_set_apart(name: str) -> None:
    line = name_line(name, FONT, 38)
    assert line.tracking * line.size < 1


@given(NAMES, st.floats(0, 0.5), st.floats(0, 1))
def test_a_line_is_as_wide_as_its_glyphs_with_the_spaces_between_them(name: str, tracking: float, gap: float) -> None:
    line = Line(name, FONT, 20, tracking=tracking, gap=gap)
    glyphs = line.glyphs()
    drawn = sum(each.typeface.advance(each.glyph) + space for each, space in glyphs)
    assert line.width == pytest.approx((drawn - round(tracking * 1000)) * 20 / 1000, abs=0.02 * len(glyphs))


NOTE = "本書は、電子署名されたオープンバッジ（Open Badges 3.0）の内容を印字したものです。データは、添付されています。"


@pytest.mark.parametrize("room", [120, 180, 250, 400])
def test_a_line_of_japanese_begins_and_ends_where_it_may(room: float) -> None:
    lines = wrapped(Line(NOTE, FONT, 9), room)
    assert "".join(line.text for line in lines).replace(" ", "") == NOTE.replace(" ", "")
    assert len(lines) > 1
    for line in lines:
        assert line.width <= room + 0.01 and line.size == 9
        assert line.text[0] not in "、。）」ーっゃゅょ々" and line.text[-1] not in "（「"


def test_english_is_broken_between_words() -> None:
    lines = wrapped(Line("Scan the code to check the current status.", FONT, 9), 80)
    assert " ".join(line.text for line in lines) == "Scan the code to check the current status."
    assert len(lines) > 1


@pytest.mark.parametrize(
    ("address", "first"),
    [
        ("https://badges.example.jp/V/MZXW6YTBOI2DGNBVGY3TQOJQGE", "https://badges.example.jp/V/"),
        ("https://a.jp/V/MZXW6YTBOI2DGNBVGY3TQOJQGE", "https://a.jp/V/"),
        ("https://openbadge.a-very-long-name-of-a-society.or.jp/V/MZXW6YTBOI2DGNBVGY3TQOJQGE", "https://"),
    ],
)
def test_an_address_is_broken_after_a_slash_and_keeps_its_size(address: str, first: str) -> None:
    lines = wrapped_address(Line(address, FONT, 8), 145)
    assert lines[0].text.startswith(first) and len(lines) > 1
    assert "".join(line.text for line in lines) == address
    assert all(line.size == 8 and line.width <= 145 for line in lines)
