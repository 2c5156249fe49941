from __future__ import annotations

from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher

from shared.password_strength import PASSWORD_LONGEST
from shared.runtime.web import passwords
from shared.runtime.web.passwords import Passwords


def test_a_password_typed_in_full_width_is_the_same() -> None:
    passwords = Passwords()
    stored = passwords.hash("ｃｏｒｒｅｃｔ　ｈｏｒｓｅ")
    assert passwords.is_right(stored, "correct horse")
    assert not passwords.is_right(stored, "correct  horse")


def test_no_password_is_right_for_an_unknown_address_or_a_damaged_hash() -> None:
    passwords = Passwords()
    assert not passwords.is_right(None, "a password that nobody has")
    assert not passwords.is_right("", "a password that nobody has")
    assert not passwords.is_right("not a hash", "anything at all")


@dataclass
class Counting:
    """A hasher that counts what it is asked to compare."""

    hasher: PasswordHasher
    compared: int = 0

    def verify(self, stored: str, typed: str) -> bool:
        self.compared += 1
        return self.hasher.verify(stored, typed)


@pytest.mark.parametrize("typed", ["a wrong password", "x" * (PASSWORD_LONGEST + 1)])
def test_every_comparison_is_one_of_a_hash_whether_or_not_there_is_one(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    own = Passwords()
    stored = own.hash("correct horse")
    counting = Counting(passwords._HASHER)
    monkeypatch.setattr(passwords, "_HASHER", counting)
    for number, hashed in enumerate((stored, None, ""), 1):
        assert not own.is_right(hashed, typed) and counting.compared == number


def test_a_hash_with_other_parameters_is_to_be_made_again() -> None:
    passwords = Passwords()
    weaker = PasswordHasher(memory_cost=1024, time_cost=1, parallelism=1).hash("correct horse")
    assert passwords.is_right(weaker, "correct horse")
    assert passwords.needs_rehash(weaker)
    assert not passwords.needs_rehash(passwords.hash("correct horse"))
    assert not passwords.needs_rehash("not a hash")


def test_a_password_that_is_too_long_is_wrong() -> None:
    passwords = Passwords()
    stored = passwords.hash("x" * PASSWORD_LONGEST)
    assert passwords.is_right(stored, "x" * PASSWORD_LONGEST)
    assert not passwords.is_right(stored, "x" * (PASSWORD_LONGEST + 1))
    assert not passwords.is_right(passwords.hash(""), "x" * (PASSWORD_LONGEST + 1))
