from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.password_strength import (
    PASSWORD_SENTENCES,
    PASSWORD_SHORTEST,
    _alike,
    known_words,
    password_form,
    password_problem,
    society_words,
)
from shared.programme import parse_programme

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
PERSON = known_words("髙橋 一郎", "TAKAHASHI Ichiro", "ichiro.takahashi@kensetsu-hanako.example.jp")
WORDS = PERSON | society_words(PROGRAMME)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "short"),
        ("123456789", "short"),
        ("x" * 201, "long"),
        ("correct horse battery", None),
        ("なにわづにさくやこのはな", None),
        ("yaki-imo 43 enpitsu", None),
        ("k7#Wq!vX0z", None),
    ],
)
def test_length_and_guessing_decide_about_a_password(password: str, problem: str | None) -> None:
    assert password_problem(password, WORDS) == problem


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "Password123!",
        "password2026",
        "P@ssw0rd!!2026",
        "qwertyuiop[]",
        "1qaz2wsx3edc",
        "aaaaaaaaaaaa",
        "ababababababab",
        "abcdefghij1",
        "iloveyou2026",
        "Sakura2026!!",
        "konnichiwa1",
        "19700101tokyo",
        "Welcome12345",
        "Tokyo2020olympic",
        "Summer#2026!",
        "Letmein!2026!!",
        "ｐａｓｓｗｏｒｄ１２３",
    ],
)
def test_what_attackers_try_first_is_refused(password: str) -> None:
    assert password_problem(password) == "known"


@pytest.mark.parametrize(
    "password",
    [
        "takahashi1970",
        "Takahashi-Ichiro-26",
        "T@k@h@sh1_2026",
        "ihsahakat2026",
        "ichiro.takahashi",
        "ichiro.takahashi@kensetsu-hanako.example.jp",
        "kensetsu-hanako",
        "髙橋一郎19700101",
        "たかはし髙橋一郎一郎",
        "コンクリート技士2026",
        "日本コンクリート工学会",
        "concrete-engineer-1",
        "JapanConcreteInstitute",
        "OpenBadge2026!",
        "こんくりーと技士技士技士",
    ],
)
def test_what_is_known_of_the_person_or_the_society_makes_no_password(password: str) -> None:
    assert password_problem(password, WORDS) == "personal"


@pytest.mark.parametrize(
    "password", ["takahashi-k7#Wq!vX0zRt", "correct horse concrete battery", "ito yaki-imo 43 enpitsu"]
)
def test_a_known_word_does_no_harm_to_a_password_that_is_good_without_it(password: str) -> None:
    assert password_problem(password, WORDS | known_words("ITO")) is None


def test_every_refusal_has_a_sentence_in_both_languages() -> None:
    for problem in ("short", "long", "known", "personal"):
        assert all(len(text) > 15 for text in (PASSWORD_SENTENCES[problem].ja, PASSWORD_SENTENCES[problem].en))


@given(st.text(max_size=250), st.lists(st.text(max_size=20), max_size=5))
def test_every_password_can_be_judged(password: str, texts: list[str]) -> None:
    problem = password_problem(password, known_words(*texts))
    assert problem is None or problem in PASSWORD_SENTENCES


@given(st.text(min_size=PASSWORD_SHORTEST, max_size=150))
def test_the_form_of_a_password_is_stable(password: str) -> None:
    assert password_form(password_form(password)) == password_form(password)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=14))
def test_a_word_that_is_known_adds_nothing_to_a_password(word: str) -> None:
    assert password_problem(f"{word}k7#Wq", known_words(word)) in ("short", "known", "personal")


@given(st.text(max_size=12))
def test_letters_are_compared_one_by_one_whatever_folding_does_to_their_neighbours(text: str) -> None:
    assert _alike(text) == "".join(map(_alike, text))
    assert len(_alike(text)) == len(text)


@pytest.mark.parametrize(
    ("typed", "word"), [("P@55w0rd", "password"), ("さくら", "サクラ"), ("STRAẞE", "straẞe"), ("İstanbul", "İSTANBUL")]
)
def test_signs_kana_and_capitals_are_alike(typed: str, word: str) -> None:
    assert _alike(typed) == _alike(word)
