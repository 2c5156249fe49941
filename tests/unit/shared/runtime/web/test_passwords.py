from __future__ import annotations

from argon2 import PasswordHasher

from shared.password_strength import PASSWORD_LONGEST
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
