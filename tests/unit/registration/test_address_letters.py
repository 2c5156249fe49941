from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.address_letters import (
    address_changed_letters,
    confirmed_at_screen,
    screen_cause,
)
from services.registration.domain.registration import Registration
from shared.addresses import masked
from shared.clock import JST
from tests.worlds.registration import PROGRAMME, record

NOON = datetime(2026, 2, 28, 23, 59, tzinfo=JST)
REGISTERED = Registration(record(1), None, None, "waiting", None, None, False, 0)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9_+-]{0,20}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9]{0,20}\.(ne\.jp|co\.jp|jp|com)", fullmatch=True),
)
def test_a_masked_address_shows_two_letters_and_the_last_label(local: str, domain: str) -> None:
    assert masked(f"{local}@{domain}") == f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"


def test_both_addresses_are_told_and_each_sees_the_other_masked_only() -> None:
    letters = address_changed_letters(REGISTERED, "old@example.jp", "new@company.com", "D1", NOON, PROGRAMME)
    assert [(each.letter_id, each.recipient) for each in letters] == [
        ("address-changed/D1/old", "old@example.jp"),
        ("address-changed/D1/new", "new@company.com"),
    ]
    for each in letters:
        assert each.reply_to == "e-gishi@jci.example.jp"
        assert each.facts == {
            "name": "骨材 太郎",
            "qualification": "gishi",
            "old_masked": "o***@e***.jp",
            "new_masked": "n***@c***.com",
            "changed_on": "2026-02-28",
            "desk": "gishi",
        }


def test_where_there_was_no_address_only_the_new_one_is_told() -> None:
    (ja,) = address_changed_letters(REGISTERED, None, "new@example.jp", "D1", NOON, PROGRAMME)
    (en,) = address_changed_letters(REGISTERED, None, "new@example.jp", "D1", NOON, PROGRAMME, "en")
    assert (ja.recipient, ja.facts["old_masked"]) == ("new@example.jp", "（登録なし）")
    assert (en.language, en.facts["old_masked"]) == ("en", "none")


@given(st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), st.text(min_size=1, max_size=40))
def test_the_letter_to_the_new_address_names_whose_it_is(request_id: str, id: str) -> None:
    cause = screen_cause(request_id, id)
    old, new = address_changed_letters(REGISTERED, "old@example.jp", "new@example.jp", cause, NOON, PROGRAMME)
    assert confirmed_at_screen(new.letter_id) == id
    assert confirmed_at_screen(old.letter_id) is None


def test_no_other_letter_says_that_a_person_confirmed_an_address() -> None:
    for letter_id in (
        "address-changed/D1/new",
        "confirm-address/x",
        "enquiry/260401-ABC",
        "address-changed/screen/x/R1/old",
    ):
        assert confirmed_at_screen(letter_id) is None
