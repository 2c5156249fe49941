"""Links of letters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.links import is_mail_token, is_receive_token, mail_token, receive_token, receive_url

SECRET = b"a secret of thirty-two bytes, 32"


def test_a_letter_sent_again_carries_the_same_link() -> None:
    first = receive_url("http://localhost:8602", SECRET, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert first == receive_url("http://localhost:8602", SECRET, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert first.startswith("http://localhost:8602/receive/ABCDEFGHIJKLMNOPQRSTUVWXYZ/")


def test_a_token_fits_into_a_url_as_it_is() -> None:
    token = receive_token(SECRET, "A" * 26)
    assert len(token) == 26
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")


@given(st.text(max_size=40))
def test_a_wrong_token_opens_nothing(token: str) -> None:
    right = receive_token(SECRET, "A" * 26)
    assert is_receive_token(SECRET, "A" * 26, token) == (token.lower() == right)


def test_a_token_of_another_assertion_or_secret_opens_nothing() -> None:
    token = receive_token(SECRET, "A" * 26)
    assert is_receive_token(SECRET, "A" * 26, token.upper())
    assert not is_receive_token(SECRET, "B" * 26, token)
    assert not is_receive_token(SECRET[::-1], "A" * 26, token)


def test_a_link_of_one_purpose_opens_nothing_of_another_and_is_not_letter_1s() -> None:
    token = mail_token(SECRET, "reset", "A" * 26)
    assert is_mail_token(SECRET, "reset", "A" * 26, token.upper())
    assert not is_mail_token(SECRET, "verify", "A" * 26, token)
    assert not is_mail_token(SECRET, "reset", "B" * 26, token)
    assert not is_receive_token(SECRET, "A" * 26, token)
