"""What the office is told of a character that no font has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.characters import kind_of, look_up_of, name_characters
from shared.glyphs import name_of

WIKI = "https://glyphwiki.org/wiki/"


@pytest.mark.parametrize(
    ("cluster", "words", "page"),
    [
        ("邊\U000e0101", "「邊」の字形ちがい（異体字セレクタ VS18）", "u908a-ue0101"),
        ("辻\U000e0105", "「辻」の字形ちがい（異体字セレクタ VS22）", "u8fbb-ue0105"),
        ("葛\ufe00", "「葛」の字形ちがい（異体字セレクタ VS1）", "u845b-ufe00"),
        ("\U00030ede", "漢字（CJK統合漢字拡張G）", "u30ede"),
        ("\U00020bb7", "漢字（CJK統合漢字拡張B）", "u20bb7"),
        ("\u3400", "漢字（CJK統合漢字拡張A）", "u3400"),
        ("\U000323af", "漢字（CJK統合漢字拡張H）", "u323af"),
        ("龘", "漢字（CJK統合漢字）", "u9f98"),
        ("\ufa19", "「神」の字形ちがい（互換漢字）", "ufa19"),
        ("\ufa1f", "互換漢字", "ufa1f"),
        ("\ue000", "外字", None),
        ("\U000f0000", "外字", None),
        ("ا", "漢字ではない文字：ARABIC LETTER ALEF", None),
        ("\U000102a7", "漢字ではない文字：CARIAN LETTER A2", None),
        ("\u0378", "名前のない文字", None),
    ],
)
def test_it_is_told_what_the_character_is_and_where_its_drawing_is(cluster: str, words: str, page: str | None) -> None:
    assert kind_of(cluster).ja.startswith(words)
    assert look_up_of(cluster) == (None if page is None else WIKI + page)


def test_only_what_the_hold_names_is_missing_and_a_base_character_is_not_its_variant() -> None:
    found = name_characters("渡邊\U000e0101 邊\U00030ede", f"{name_of('邊' + chr(0xE0101))}, {name_of(chr(0x30EDE))}")
    assert [(each.text, each.missing) for each in found] == [
        ("渡", False),
        ("邊\U000e0101", True),
        ("邊", False),
        ("\U00030ede", True),
    ]
    assert [each.kind is not None for each in found] == [each.missing for each in found]


@given(st.characters(), st.sampled_from(["", "\U000e0100", "\U000e01ef", "\ufe00"]))
def test_every_character_has_words_in_both_languages_and_a_link_of_plain_ascii(character: str, selector: str) -> None:
    words, page = kind_of(character + selector), look_up_of(character + selector)
    assert words.ja and words.en
    assert page is None or (page.isascii() and page.startswith(WIKI + "u"))
