from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.account import (
    is_same_name,
    name_problem,
)
from shared.events import Holder

HOLDER = Holder(
    person_id="P1",
    family_name="髙橋",
    given_name="一郎",
    email="ichiro.takahashi@example.jp",
    family_name_latin="TAKAHASHI",
    given_name_latin="Ichiro",
)


@pytest.mark.parametrize(
    "typed",
    [
        "髙橋 一郎",
        "髙橋一郎",
        "高橋　一郎",
        "一郎 髙橋",
        " 高橋 一郎 ",
        "Ichiro Takahashi",
        "ＴＡＫＡＨＡＳＨＩ　ichiro",
    ],
)
def test_the_holders_name_is_known_however_it_is_typed(typed: str) -> None:
    assert is_same_name(typed, HOLDER)


@pytest.mark.parametrize("typed", ["山田 一郎", "髙橋", "", " ", "髙橋 二郎"])
def test_another_name_is_not_the_holders(typed: str) -> None:
    assert not is_same_name(typed, HOLDER)


def test_a_variation_selector_makes_no_difference_to_a_name() -> None:
    holder = Holder(person_id="P", family_name="辻\U000e0100", given_name="翔", email="a@example.jp")
    assert is_same_name("辻 翔", holder)


def test_punctuation_alone_is_no_holders_name() -> None:
    holder = Holder(person_id="P", family_name="辻", given_name="翔", email="a@example.jp")
    assert not is_same_name("・", holder)


@given(st.text())
def test_every_typed_name_can_be_judged(typed: str) -> None:
    name_problem(typed)
    is_same_name(typed, HOLDER)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "missing"),
        ("　 ", "missing"),
        ("あ" * 101, "long"),
        ("太\x00郎", "unprintable"),
        ("太\u202e郎", "unprintable"),
        ("太\x1b[2J郎", "unprintable"),
        ("太\u200b郎", "unprintable"),
        ("太\u2028郎", "unprintable"),
        ("𠮷野 家", None),
        ("葛\U000e0100城 家", None),
        ("\u3164 \u115f", "missing"),
        ("当選しました https://evil.example/", "link"),
        ("ｈｔｔｐｓ：／／evil.example", "link"),
        ("Evil.Example.COM へ", "link"),
        ("今すぐ www.evil", "link"),
        ("evil.jp", "link"),
        ("taro@example.jp", "link"),
        ("J.R.R. Tolkien", None),
        ("Muthu a/l Raman", None),
        ("Dr.Smith", None),
        ("Ph.D. 山田・O'Brien-Łukasz", None),
    ],
)
def test_a_name_is_refused_with_its_reason(typed: str, problem: str | None) -> None:
    assert name_problem(typed) == problem
