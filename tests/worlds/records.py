"""How tests of registration read records: the programme of JCI, the fonts of the certificates, a valid record."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from services.registration.domain.delivery import Delivery, Form, read_rows, rows_of
from services.registration.domain.encoding import Charset
from services.registration.domain.record import Rules, UpstreamRecord, read_record
from shared.glyphs import load_glyphs
from shared.programme import Programme, parse_programme

ROOT = Path(__file__).parents[2]


@cache
def programme() -> Programme:
    return parse_programme((ROOT / "deploy/programmes/jci.toml").read_text(encoding="utf-8"))


@cache
def rules() -> Rules:
    return Rules(programme(), load_glyphs(ROOT / "node_modules/@expo-google-fonts").missing)


def fields(**changes: object) -> dict[str, object]:
    """A valid record as JSON gives it, with these `changes`."""
    return {
        "registration_id": "R1",
        "person_id": "P1",
        "qualification": "gishi",
        "kind": "renewal",
        "pass_number": "21-0001",
        "registration_number": "26G00001",
        "previous_registration_id": "R0",
        "family_name": "骨材",
        "given_name": "太郎",
        "family_name_kana": "コツザイ",
        "given_name_kana": "タロウ",
        "family_name_latin": None,
        "given_name_latin": None,
        "birth_date": "1980-02-29",
        "email": "taro@example.jp",
        "contact_email": None,
        "phone": "090-0000-0001",
        "completed_on": "2026-02-01",
        "valid_from": "2026-04-01",
        "valid_until": "2030-03-31",
    } | changes


def record(**changes: Any) -> UpstreamRecord:
    """The record in `fields`."""
    read = read_record(fields(**changes), rules())
    assert isinstance(read, UpstreamRecord), read
    return read


def read_delivery(
    body: bytes, form: Form, rules: Rules, *, first_row: int | None = None, charset: Charset | None = None
) -> Delivery:
    """A whole delivery, as the intake reads it part by part."""
    return read_rows(rows_of(body, form, first_row=first_row, charset=charset), rules)
