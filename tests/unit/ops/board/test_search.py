"""`search_parts`, `search_key` of shared/office_answers, and the variants of shared/variant_characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.character_forms import MODULE, module
from services.ops.board.search import grams_query, key_of, search_parts
from shared.character_forms import FORMS
from shared.office_answers import search_key
from shared.variant_characters import NAMES, PLAIN


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ｶﾀﾔﾏ", "カタヤマ"),
        ("かたやま", "カタヤマ"),
        ("２６－１００４２", "26-10042"),
        ("26‐10042", "2610042"),
        ("26 − 10042", "26-10042"),
        ("ＪＣＩ-1", "jci1"),
        ("Müster", "MÜSTER"),
        ("コーヒー", "コヒ"),
    ],
)
def test_what_people_type_differently_is_one_key(one: str, other: str) -> None:
    assert search_key(one) == search_key(other)


@pytest.mark.parametrize(("one", "other"), [("高橋", "高端"), ("渡辺", "渡部"), ("がく", "かく"), ("26-1", "26-2")])
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert search_key(one) != search_key(other)


VARIANTS = [
    ("髙橋", "高橋"),
    ("高𣘺", "髙槗"),
    ("山﨑", "山崎"),
    ("川嵜", "川﨑"),
    ("渡邊", "渡辺"),
    ("渡邉", "渡邊"),
    ("澤田", "沢田"),
    ("齋藤", "斎藤"),
    ("齊藤", "斉藤"),
    ("斉藤", "斎藤"),
    ("濵田", "浜田"),
    ("濱﨑", "浜崎"),
    ("德永", "徳永"),
    ("廣瀨", "広瀬"),
    ("𠮷野", "吉野"),
    ("冨田", "富田"),
    ("小嶋", "小島"),
    ("五十嵐 嶌", "五十嵐 島"),
    ("柗本", "松本"),
    ("栁澤", "柳沢"),
    ("國枝 眞悟", "国枝 真悟"),
    ("櫻井", "桜井"),
    ("舘野", "館野"),
    ("神谷 隆", "神谷 隆"),  # compatibility ideographs
    ("葛\U000e0100城", "葛城"),  # the shape of a character as variation selectors name it
    ("辻\ufe00", "辻"),
    ("䄂\U000e0100", "䄂"),
]


@pytest.mark.parametrize(("one", "other"), VARIANTS)
def test_variants_of_a_character_are_one_key_and_one_question_of_the_index(one: str, other: str) -> None:
    assert search_key(one) == search_key(other)
    assert grams_query(search_parts(one)) == grams_query(search_parts(other))
    # As many grams as without variants, so a search reads as much of the index as before.
    assert len(str(grams_query(search_parts(one))).split("&")) == len(search_parts(other))


def test_a_variant_stands_for_one_character_which_is_no_variant_and_may_be_searched_in_sql() -> None:
    assert PLAIN and not set(PLAIN) & set(PLAIN.values())
    assert all(search_key(form) == plain == search_key(plain) for form, plain in PLAIN.items())
    assert len("".join(NAMES)) == len(set("".join(NAMES)))
    assert not set("'%\\[]") & set("".join((*NAMES, *FORMS)))


def test_the_forms_are_those_of_the_package_that_is_pinned() -> None:
    assert MODULE.read_text(encoding="utf-8") == module()


def test_a_key_has_each_kanji_as_it_is_written_too_for_the_former_release() -> None:
    assert key_of(["髙橋 ひろし", None, "N-1"]) == "高橋ヒロシn1髙橋ヒロシn1"
    assert key_of(["高橋 ひろし", None, "N-1"]) == "高橋ヒロシn1"


def test_each_word_of_a_question_is_a_part_and_signs_alone_are_none() -> None:
    assert search_parts("　渡辺　 花子 - ") == ["渡辺", "花子"]
    assert search_parts(" - ー 　") == [] and search_parts("") == []
    assert len(search_parts("a b " * 1000)) <= 100


@given(st.text())
def test_the_key_of_a_key_is_that_key(text: str) -> None:
    assert search_key(search_key(search_key(text))) == search_key(search_key(text))
