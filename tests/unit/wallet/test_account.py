from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.accounts import (
    MOST_ATTEMPTS,
    PASSWORD_SHORTEST,
    is_blocked,
    is_same_name,
    name_problem,
    password_form,
    password_problem,
)
from services.wallet.passwords import Passwords
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
def test_another_name_is_noticed(typed: str) -> None:
    assert not is_same_name(typed, HOLDER)


def test_a_name_with_a_variation_selector_is_the_plain_one() -> None:
    holder = Holder(person_id="P", family_name="辻\U000e0100", given_name="翔", email="a@example.jp")
    assert is_same_name("辻 翔", holder)


def test_a_holder_without_a_latin_name_is_not_everybody() -> None:
    holder = Holder(person_id="P", family_name="辻", given_name="翔", email="a@example.jp")
    assert not is_same_name("・", holder)


@given(st.text())
def test_no_typed_name_breaks_the_form(typed: str) -> None:
    name_problem(typed)
    is_same_name(typed, HOLDER)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [("", "missing"), ("　 ", "missing"), ("あ" * 101, "long"), ("太\x00郎", "unprintable"), ("𠮷野 家", None)],
)
def test_a_name_that_can_not_be_kept_is_refused_with_its_reason(typed: str, problem: str | None) -> None:
    assert name_problem(typed) == problem


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "short"),
        ("123456789", "short"),
        ("x" * 201, "long"),
        ("1234567890", "known"),
        ("Password123", "known"),
        ("aaaaaaaaaaaa", "known"),
        ("ababababababab", "known"),
        ("Ichiro.Takahashi@example.jp", "known"),
        ("ichiro.takahashi", "known"),
        ("correct horse battery", None),
        ("なにわづにさくやこのはな", None),
    ],
)
def test_a_password_is_judged_by_length_and_by_how_soon_it_is_guessed(password: str, problem: str | None) -> None:
    assert password_problem(password, HOLDER.email) == problem


@given(st.text(min_size=PASSWORD_SHORTEST, max_size=150))
def test_the_form_of_a_password_is_stable(password: str) -> None:
    assert password_form(password_form(password)) == password_form(password)


def test_a_password_typed_in_full_width_is_the_same() -> None:
    passwords = Passwords()
    stored = passwords.hash("ｃｏｒｒｅｃｔ　ｈｏｒｓｅ")
    assert passwords.is_right(stored, "correct horse")
    assert not passwords.is_right(stored, "correct  horse")


def test_nobody_has_a_password() -> None:
    passwords = Passwords()
    assert not passwords.is_right(None, "a password that nobody has")
    assert not passwords.is_right("not a hash", "anything at all")


def test_the_tries_of_a_window_are_counted_to_the_last_one() -> None:
    assert not is_blocked(MOST_ATTEMPTS)
    assert is_blocked(MOST_ATTEMPTS + 1)
