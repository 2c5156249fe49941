"""What registration accepts, the issuer signs and the certificate's fonts can draw."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.issuer.domain.soundness import refuse_unsound
from services.registration.domain.cohort import cycle_of
from services.registration.domain.correction import corrected
from services.registration.domain.record import UpstreamRecord, read_record
from services.registration.domain.registration import Registration
from shared.addresses import as_mailed
from shared.clock import japan_midnight
from shared.credentials.credential import DoNotSign
from shared.office_events import Correction
from shared.programme import Bounds
from shared.soundness import address_fault, name_fault, number_fault, period_fault
from tests.worlds.credentials import ISSUER, assertion
from tests.worlds.records import fields, programme, record, rules

TEXTS = ("family_name", "given_name", "pass_number", "registration_number", "registration_id", "email")
NOON = japan_midnight(date(2026, 4, 1))
ODD = [
    "\u00a0",
    "a\u00a0",
    "{",
    "}{",
    "{}",
    "\u2028",
    "\ufffe",
    "\x7f",
    "\u200b",
    "\ue000",
    "\U0001f600",
    "辻\U000e0101",
]


def is_refused_by_issuer(of: UpstreamRecord) -> bool:
    changes = {name: getattr(of, name) for name in TEXTS} | {"email": as_mailed(of.email or "a@example.jp")}
    try:
        refuse_unsound(assertion(1, **changes), ISSUER.programme)
    except DoNotSign:
        return True
    return False


def corrected_with(**changes: Any) -> Any:
    issued = Registration(record(), None, None, "released", None, None, False, 0)
    return corrected(issued, Correction(**changes), NOON, rules(), cycle_of(programme(), "2026"))


@pytest.mark.parametrize("text", [*ODD, "x" * 64, "x" * 65, "x" * 100, "x" * 101])
@pytest.mark.parametrize("name", TEXTS)
def test_what_registration_accepts_the_issuer_signs(name: str, text: str) -> None:
    text = f"{text}@example.jp" if name == "email" else text
    read = read_record(fields(**{name: text}), rules())
    if isinstance(read, UpstreamRecord):
        assert not is_refused_by_issuer(read)
    else:
        assert [problem.field for problem in read] == [name]


@given(st.sampled_from(TEXTS), st.text(min_size=1))
def test_no_text_that_registration_accepts_is_refused_by_the_issuer(name: str, text: str) -> None:
    read = read_record(fields(**{name: text}), rules())
    if isinstance(read, UpstreamRecord):
        assert not is_refused_by_issuer(read)


@pytest.mark.parametrize("text", ["26G\U0001f600", "26G\ue000", "辻\U000e0101"])
@pytest.mark.parametrize("name", ["pass_number", "registration_number"])
def test_what_the_fonts_lack_is_refused_of_numbers_in_records_and_corrections(name: str, text: str) -> None:
    read = read_record(fields(**{name: text}), rules())
    assert isinstance(read, list)
    assert [problem.field for problem in read] == [name]
    assert "no glyph for U+" in read[0].expected
    outcome = corrected_with(**{name: text})
    assert outcome.outcome == "not-valid"
    assert outcome.detail.startswith(f"{name}: ")


@pytest.mark.parametrize("text", ["渡\U00030ede", "外\ue000", "辻\U000e0101"])
def test_a_name_that_the_fonts_lack_is_kept_and_is_no_correction(text: str) -> None:
    assert isinstance(read_record(fields(given_name=text), rules()), UpstreamRecord)
    outcome = corrected_with(given_name=text)
    assert outcome.outcome == "not-valid" and "no glyph for U+" in outcome.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"pass_number": "\u00a0"},
        {"valid_from": date(26, 4, 1)},
        {"family_name": "x" * 65},
        {"email": "taro{@example.jp"},
    ],
)
def test_what_the_issuer_refuses_is_no_correction(changes: dict[str, Any]) -> None:
    assert corrected_with(**changes).outcome == "not-valid"


def test_a_fault_names_the_rule_and_nothing_personal() -> None:
    faults = [name_fault("髙橋" * 40), number_fault("25\n1"), address_fault("taro{@example.jp"), name_fault("\u00a0")]
    assert [tuple(fault or ()) for fault in faults] == [
        ("at most 64 characters", "80"),
        ("no control characters", "U+000A"),
        ("curly brackets in pairs", "{ or } alone"),
        ("a text", "nothing"),
    ]
    assert period_fault(date(2026, 4, 1), date(2026, 4, 1), Bounds()) is None
    assert period_fault(date(2026, 4, 1), date(2026, 3, 31), Bounds()) is not None
