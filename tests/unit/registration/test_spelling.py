from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.spelling import (
    NAMES,
    Spelling,
    agreed_spelling,
    is_about_names,
    missing_characters,
    written,
)
from shared.office_events import Correction
from tests.worlds.registration import record

RECORD = record(1, family_name="渡\U00030ede", given_name="太郎", family_name_latin=None)


def test_what_was_agreed_stands_for_the_name_it_was_agreed_about() -> None:
    spelling = agreed_spelling(RECORD, None, {"family_name": "渡辺"})
    assert written(RECORD, spelling).family_name == "渡辺" and RECORD.family_name == "渡\U00030ede"
    other = msgspec.structs.replace(RECORD, given_name="次郎", phone="03-1")
    assert written(other, spelling).family_name == "渡辺"
    renamed = msgspec.structs.replace(RECORD, family_name="佐\U00030ede")
    assert written(renamed, spelling) == renamed


def test_a_second_agreement_adds_to_the_first_and_leaves_out_what_was_about_another_name() -> None:
    first = agreed_spelling(RECORD, None, {"family_name": "渡辺"})
    second = agreed_spelling(RECORD, first, {"family_name_latin": "Watanabe"})
    assert second.agreed == {"family_name": "渡辺", "family_name_latin": "Watanabe"}
    renamed = msgspec.structs.replace(RECORD, family_name="佐\U00030ede")
    assert agreed_spelling(renamed, first, {"given_name": "Taro"}).agreed == {"given_name": "Taro"}


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_a_spelling_is_kept_as_it_was(agreed: dict[str, str]) -> None:
    spelling = Spelling(agreed, dict.fromkeys(NAMES))
    kept = Spelling.of_text(spelling.as_text().encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    assert kept is not None and set(kept.agreed) == set(agreed)
    assert Spelling.of_text(None) is None


def test_the_characters_that_fonts_lack_are_told_by_field() -> None:
    assert missing_characters(RECORD, lambda text: ["U+30EDE"] if "\U00030ede" in text else []) == {
        "family_name": ("U+30EDE",)
    }


@pytest.mark.parametrize(
    ("correction", "about"),
    [
        (Correction(family_name="a", given_name_latin="b"), True),
        (Correction(family_name="a", email="b"), False),
        (Correction(pass_number="a"), False),
        (Correction(), False),
        (None, False),
    ],
)
def test_only_names_are_agreed(correction: Correction | None, about: bool) -> None:
    assert is_about_names(correction) is about
