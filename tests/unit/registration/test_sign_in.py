from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.registration import Registration
from services.registration.domain.sign_in import (
    HYPHENS,
    SignInForm,
    SignInProblems,
    flood_limit,
    form_problems,
    letter_limits,
    matching,
    phone_keys,
    question_limits,
    sign_in_key,
)
from tests.worlds.registration import record

BORN = date(1980, 2, 29)


def registered(number: int, **changes: object) -> Registration:
    return Registration(record(number, **changes), None, None, "waiting", None, None, False, 0)


@pytest.mark.parametrize(
    "typed",
    [
        "G-2025-0042",
        "g 2025 0042",
        "Ｇ－２０２５－００４２",
        "G−2025ー0042",
        "第G-2025-0042号",
        "合格番号：G20250042",
        "G.2025/0042",
    ],
)
def test_one_number_is_one_key(typed: str) -> None:
    assert sign_in_key(typed) == "g20250042"


@given(st.text(alphabet="0123456789ABGSD", min_size=1, max_size=20), st.data())
def test_hyphens_and_width_do_not_change_a_number(number: str, data: st.DataObject) -> None:
    signs = data.draw(st.lists(st.sampled_from([*HYPHENS, " ", "　"]), min_size=len(number), max_size=len(number)))
    typed = "".join(letter + sign for letter, sign in zip(number, signs, strict=True))
    assert sign_in_key(typed) == sign_in_key(number) == sign_in_key(sign_in_key(number))


def test_what_cannot_be_read_is_named_by_field() -> None:
    assert form_problems(SignInForm("", "")) == SignInProblems(number="missing", birth_date="missing")
    assert form_problems(SignInForm("25-1\u202e", "1980")) == SignInProblems("unreadable", "unreadable")
    assert form_problems(SignInForm("1" * 101, "1980-02-29")) == SignInProblems("unreadable")
    assert form_problems(SignInForm("25-1", "1980-02-29")) == BORN


def test_the_newest_period_of_the_one_person_is_meant() -> None:
    old = registered(1, person_id="P", valid_from=date(2022, 4, 1))
    new = registered(2, person_id="P")
    assert matching([old, new], BORN, None) == new
    assert matching([new, registered(3, birth_date=date(1980, 3, 1))], BORN, None) == new
    assert matching([old, registered(3, birth_date=None)], BORN, None) == old


def test_nobody_is_signed_in_where_two_people_match_or_none() -> None:
    assert matching([registered(1), registered(2)], BORN, None) is None
    assert matching([], BORN, None) is None
    assert matching([registered(1)], date(1981, 2, 28), None) is None
    assert matching([registered(1, birth_date=None)], BORN, None) is None


@pytest.mark.parametrize("contact", ["09000000001", "+81 (0)90-0000-0001", "Person1@EXAMPLE.jp", "ｃ＠example.jp"])
def test_a_phone_number_or_address_on_file_answers_the_question_for_more(contact: str) -> None:
    assert matching([registered(1, contact_email="c@example.jp")], BORN, contact) is not None


def test_so_does_the_address_that_the_person_has_confirmed() -> None:
    confirmed = replace(registered(1), office_email="own@example.com")
    assert matching([confirmed], BORN, "Own@example.com") == confirmed


@pytest.mark.parametrize("contact", ["", " ", "0001", "090-0000-0002", "other@example.jp", "None", "@"])
def test_anything_else_does_not(contact: str) -> None:
    people = [registered(1), registered(1, phone=None, email=None), registered(1, phone="", email="")]
    for person in people:
        assert matching([person], BORN, contact) is None


def test_a_phone_number_is_one_in_national_and_international_form() -> None:
    for text in (
        "03-1234-5678",
        "０３（１２３４）５６７８",
        "+81 3 1234 5678",
        "0081-3-1234-5678",
        "+81(0)3-1234-5678",
    ):
        assert phone_keys([text]) == {"0312345678"}, text
    assert phone_keys([None, "", "119", "内線 12"]) == set()


def test_a_source_is_asked_for_more_long_before_it_is_refused_and_no_limit_is_one_persons_own() -> None:
    """So a good sign-in takes back its own attempts only, and ends nobody else's count."""
    flood, (source, number) = flood_limit("s"), question_limits("s", "n")
    assert (source.most, number.most, flood.most) == (30, 10, 300)
    assert len({limit.key for limit in (flood, source, number)}) == 3
    assert not any(limit.own for limit in (flood, source, number, *letter_limits("p", "m")))
