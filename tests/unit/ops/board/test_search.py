"""`search_parts`, and `search_key` of shared/office_answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.search import search_parts
from shared.office_answers import search_key


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


@pytest.mark.parametrize(("one", "other"), [("髙橋", "高橋"), ("渡辺", "渡邊"), ("がく", "かく"), ("26-1", "26-2")])
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert search_key(one) != search_key(other)


def test_each_word_of_a_question_is_a_part_and_signs_alone_are_none() -> None:
    assert search_parts("　渡辺　 花子 - ") == ["渡辺", "花子"]
    assert search_parts(" - ー 　") == [] and search_parts("") == []
    assert len(search_parts("a b " * 1000)) <= 100


@given(st.text())
def test_the_key_of_a_key_is_that_key(text: str) -> None:
    assert search_key(search_key(search_key(text))) == search_key(search_key(text))
