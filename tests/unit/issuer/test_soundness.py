from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest

from services.issuer.signing.signer import Signer
from shared.credentials.credential import DoNotSign, verify_proof
from tests.worlds.credentials import ISSUER, KEY, NOW, SECRET, assertion

_LONG = "髙" * 65


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("qualification", {"qualification": "kyoshi"}),
        ("valid_until", {"valid_from": date(2026, 4, 1), "valid_until": date(2026, 3, 31)}),
        ("family_name", {"family_name": _LONG}),
        ("family_name", {"family_name": ""}),
        ("family_name", {"family_name": "　"}),
        ("family_name", {"family_name": "髙\n橋"}),
        ("given_name", {"given_name": _LONG}),
        ("given_name", {"given_name": "一郎\x7f"}),
        ("family_name", {"family_name": "{", "given_name": "}"}),
        ("pass_number", {"pass_number": "P{25"}),
        ("pass_number", {"pass_number": "P" * 101}),
        ("registration_number", {"registration_number": "26-1\x00"}),
        ("registration_number", {"registration_number": "\uffff"}),
        ("registration_id", {"registration_id": "R\t1"}),
        ("email", {"email": "a\u0085@example.jp"}),
        ("version", {"version": 0}),
        ("edition", {"edition": "令和8"}),
        ("edition", {"edition": "2026-0"}),
        ("replaces", {"replaces": "R-1"}),
        ("corrects", {"corrects": "../../etc/passwd"}),
    ],
)
def test_an_invalid_assertion_is_refused_with_its_field(field: str, changes: dict[str, Any]) -> None:
    signer = Signer(ISSUER, KEY, SECRET, Random(1))
    with pytest.raises(DoNotSign, match=f"^{field}: got .*expected "):
        signer.sign(assertion(1, **changes), NOW)
    assert signer.checked == 0
    signer.sign(assertion(1), NOW)  # the next is not hindered


@pytest.mark.parametrize(("number", "index"), [(0, 1), (-1, 1), (1, -1), (1, 131_072)])
def test_a_bit_outside_every_status_list_is_refused(number: int, index: int) -> None:
    made = assertion(1)
    nowhere = replace(made, status=replace(made.status, number=number, index=index))
    with pytest.raises(DoNotSign, match=r"^status\.(number|index): got"):
        Signer(ISSUER, KEY, SECRET, Random(1)).sign(nowhere, NOW)


def test_a_refusal_holds_no_personal_data() -> None:
    unsound: tuple[dict[str, Any], ...] = (
        {"family_name": "髙橋" * 40},
        {"given_name": "一郎{"},
        {"email": "taro{@example.jp"},
    )
    for changes in unsound:
        with pytest.raises(DoNotSign) as refused:
            Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, **changes), NOW)
        assert not any(part in str(refused.value) for part in ("髙橋", "一郎", "taro"))


def test_an_assertion_that_replaces_itself_is_refused() -> None:
    own = assertion(1).assertion_id
    with pytest.raises(DoNotSign, match="own id"):
        Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, corrects=own), NOW)


@pytest.mark.parametrize("name", ["Ｏ’Ｎｅｉｌｌ", "a{b}", '"', "\\", "髙" * 64, "𠮷󠄀"])
def test_an_unusual_but_valid_name_is_signed(name: str) -> None:
    sealed = Signer(ISSUER, KEY, SECRET, Random(1)).sign(assertion(1, family_name=name), NOW)
    verify_proof(json.loads(sealed.body), KEY.private.public_key())
