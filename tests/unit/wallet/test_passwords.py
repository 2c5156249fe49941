from __future__ import annotations

from services.wallet.passwords import Passwords


def test_a_password_typed_in_full_width_is_the_same() -> None:
    passwords = Passwords()
    stored = passwords.hash("ｃｏｒｒｅｃｔ　ｈｏｒｓｅ")
    assert passwords.is_right(stored, "correct horse")
    assert not passwords.is_right(stored, "correct  horse")


def test_no_password_is_right_for_an_unknown_address_or_a_damaged_hash() -> None:
    passwords = Passwords()
    assert not passwords.is_right(None, "a password that nobody has")
    assert not passwords.is_right("not a hash", "anything at all")
