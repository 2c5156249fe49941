from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.renderer.domain.typesetting import Line, fitted, fitted_lines, halves_of
from services.renderer.pdf.page import register
from services.renderer.pdf.typeface import load_typeface
from shared.glyphs import SERIF
from tests.worlds.press import FONTS

FONT = register(load_typeface(FONTS / SERIF))
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
