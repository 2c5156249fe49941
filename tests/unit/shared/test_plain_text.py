from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.plain_text import cell, hidden_in, in_json, shown, spreadsheet_cell

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
ESCAPES = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x08\x08", "\x7f", "\0", "\r"]
TURNERS = ["\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200d", "\ufeff", "\u2028", "\u2029"]
OTHERS = ["\xad", "\U000e0041", "\ud800", "\udfff", "\u2060", "\U0001d173"]


def test_each_hidden_character_of_unicode_is_found_and_no_other() -> None:
    for code in range(sys.maxunicode + 1):
        if (unicodedata.category(chr(code)) in HIDDEN) != (hidden_in(chr(code)) is not None):
            assert unicodedata.category(chr(code)) == "Cn" and hidden_in(chr(code)), hex(code)  # of a later Unicode


def test_each_hidden_character_but_the_end_of_a_line_is_written_out() -> None:
    for code in range(sys.maxunicode + 1):
        assert hidden_in(chr(code)) is None or shown(chr(code)) != chr(code) or chr(code) == "\n", hex(code)


@pytest.mark.parametrize("evil", ESCAPES + TURNERS + OTHERS)
def test_a_hidden_character_is_named_and_written_out(evil: str) -> None:
    text = f"誤記{evil}のため"
    assert hidden_in(text) is not None
    for safe in (shown(text), cell(text)):
        assert hidden_in(safe) is None
        assert safe.startswith("誤記\\") and safe.endswith("のため")
        safe.encode("utf-8")


@pytest.mark.parametrize(
    "good", ["誤記のため　髙橋", "𠮷野", "葛\U000e0100城", "‘…’ —", "ﾀﾛｳ", "é", "👍🏽", "～・（）"]
)
def test_what_japanese_texts_are_made_of_stays(good: str) -> None:
    assert hidden_in(good) is None
    assert shown(good) == cell(good) == in_json(good) == good


@pytest.mark.parametrize(
    "formula",
    ["=1+1", "+81", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠SUM", '=HYPERLINK("http://e")'],
)
def test_a_cell_that_would_be_a_formula_is_text(formula: str) -> None:
    assert cell(formula).startswith("'")
    assert cell(formula).count("\n") == cell(formula).count("\t") == 0


@pytest.mark.parametrize("text", ["-", "a-b", "1=1", "a@b.example", "'=1", "", "2026-04-01", "Σ"])
def test_every_other_cell_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_nothing_hidden_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    assert hidden_in(cell(text)) is None
    assert all(hidden_in(line) is None for line in shown(text).split("\n"))
    assert shown(shown(text)) == shown(text)


@given(st.text(max_size=40))
def test_json_with_hidden_characters_written_out_says_the_same(text: str) -> None:
    plain = in_json(json.dumps({"why": text}, ensure_ascii=False, indent=1))
    assert json.loads(plain) == {"why": text}
    assert all(hidden_in(line) is None for line in plain.split("\n"))


@pytest.mark.parametrize(
    "text", ["0012", "10-2025", "25-1", "3/4", "1E5", "12345678901234567890", "(5)", "1:30", "TRUE", "=1", "1,234"]
)
def test_a_cell_that_a_spreadsheet_would_change_is_marked_as_text(text: str) -> None:
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["2026", "2026-04-01", "2026-04-01 10:00", "第26-10342号", "R00001", "髙橋 一郎", "-", ""]
)
def test_a_cell_that_a_spreadsheet_leaves_alone_is_as_it_is(text: str) -> None:
    assert spreadsheet_cell(text) == text
