from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ops.board.dead_events import cause_kind, decoded, is_among


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("Unreadable: expected a CloudEvents envelope", "Unreadable"),
        ("KeyError('gishi')", "KeyError"),
        ("TooLarge: got 1000001 bytes", "TooLarge"),
        ("", "?"),
        (": nothing before it", "?"),
    ],
)
def test_causes_of_one_kind_belong_together_whatever_values_they_name(cause: str, kind: str) -> None:
    assert cause_kind(cause) == kind


@pytest.mark.parametrize(
    ("topic", "cause", "among"),
    [
        (None, None, True),
        ("a.b", None, True),
        ("a", None, False),
        (None, "KeyError", True),
        ("a.b", "KeyError('gishi')", True),
        (None, "Key", False),  # the beginning of a kind is another kind
        (None, "KeyErrors", False),
        (None, "", False),
    ],
)
def test_letters_are_chosen_by_topic_and_kind_of_cause(topic: str | None, cause: str | None, among: bool) -> None:
    assert is_among("a.b", "KeyError('shunin')", topic=topic, cause=cause) is among


def test_an_event_is_shown_as_it_is_read() -> None:
    text = decoded(json.dumps({"type": "AssertionIssued", "data": {"name": "見本"}}).encode())
    assert text is not None and '"type": "AssertionIssued"' in text and "見本" in text


@pytest.mark.parametrize(
    "record",
    [
        {"birth_date": "1970-01-02", "family_name": "見本"},
        {"rows": [{"phone": "1970-01-02"}]},
        {"data": {"生年月日": "1970-01-02", "電話番号": "1970-01-02"}},
    ],
)
def test_birth_dates_and_telephone_numbers_are_not_shown(record: dict[str, object]) -> None:
    text = decoded(json.dumps(record, ensure_ascii=False).encode())
    assert text is not None and "1970" not in text and "…" in text


def test_text_that_names_a_birth_date_and_is_no_json_is_not_shown() -> None:
    assert decoded("生年月日\n1970-01-02".encode()) == "23 bytes, no JSON"
    assert decoded(b"birth_date=1970-01-02") == "21 bytes, no JSON"


@pytest.mark.parametrize("value", [b"poison", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"', b"1" * 10_000])
def test_whatever_the_bytes_are_they_are_a_text_of_a_page(value: bytes) -> None:
    text = decoded(value)
    assert text is not None and len(text) <= 4001 and text.encode()


@given(st.binary(max_size=300))
def test_any_bytes_are_shown_or_described(value: bytes) -> None:
    text = decoded(value)
    assert text is not None and len(text.encode()) >= min(1, len(value))


def test_a_message_without_a_value_has_nothing_to_show() -> None:
    assert decoded(None) is None
