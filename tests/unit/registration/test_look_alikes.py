"""Characters that look like others."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.look_alikes import look_alikes
from services.registration.domain.record import UpstreamRecord, read_record
from tests.worlds.records import fields, record, rules

NAMES = (Path(__file__).parents[2] / "worlds/names.txt").read_text(encoding="utf-8").splitlines()
RECORD = record()
KANGXI = [chr(point) for point in range(0x2F00, 0x2FD6)]


def told(text: str, field: str = "family_name") -> list[tuple[str, str | None]]:
    """What is told of `text` in a field: the character, and the one that is meant."""
    found = look_alikes(msgspec.structs.replace(RECORD, **{field: text}))
    assert {each.field for each in found} <= {field}
    return [(each.found, each.meant) for each in found]


def test_the_usual_names_of_people_have_none() -> None:
    assert {name: found for name in NAMES if (found := told(name))} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("⾼橋", [("⾼", "高")]),
        ("⾼⾼⽊", [("⾼", "高"), ("⽊", "木")]),
        ("⻘⽊", [("⻘", "青"), ("⽊", "木")]),
        ("⻑⾕川", [("⻑", "長"), ("⾕", "谷")]),
        ("\uf90a子", [("\uf90a", "金")]),
        ("⺾川", [("⺾", None)]),
        ("㇐郎", [("㇐", None)]),
        ("\u0410nna", [("\u0410", "A")]),
        ("26G\u041e1", [("\u041e", "O")]),
    ],
)
def test_a_look_alike_is_told_with_what_is_meant(text: str, expected: list[tuple[str, str | None]]) -> None:
    for field in ("family_name", "given_name", "family_name_latin", "registration_number", "pass_number"):
        assert told(text, field) == expected


@pytest.mark.parametrize("text", ["﨑", "\ufa10", "\ufa19", "\ufa1b", "\uf929", "\ufa46", "Иванов", "Ωnassis", "𠮷"])
def test_what_a_japanese_standard_has_and_words_of_one_script_are_none(text: str) -> None:
    assert told(text) == []


@given(st.sampled_from(KANGXI))
def test_each_radical_is_a_look_alike_and_no_fault_of_the_record_but_for_the_fonts(character: str) -> None:
    assert told(f"{character}田") == [(character, unicodedata.normalize("NFKC", character))]
    found = read_record(fields(family_name=f"{character}田"), rules())
    assert isinstance(found, UpstreamRecord) or "no glyph" in found[0].expected
