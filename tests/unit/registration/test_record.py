"""Reading the upstream record."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.record import (
    FIELDS,
    HEADERS,
    PRIVATE,
    PUBLISHABLE,
    FieldProblem,
    UpstreamRecord,
    changed_fields,
    printable,
    read_record,
    with_private_of,
)
from tests.worlds.records import fields, rules


def read(**changes: object) -> UpstreamRecord:
    record = read_record(fields(**changes), rules())
    assert isinstance(record, UpstreamRecord), record
    return record


def only_problem(**changes: object) -> FieldProblem:
    problems = read_record(fields(**changes), rules())
    assert isinstance(problems, list), problems
    (problem,) = problems
    return problem


def test_a_good_record_is_read_whole() -> None:
    record = read()
    assert record.birth_date == date(1980, 2, 29)
    assert record.valid_until == date(2030, 3, 31)
    assert record.kind == "renewal"
    assert record.family_name_latin is None


def test_the_headers_are_the_fields_in_their_order() -> None:
    assert tuple(HEADERS.values()) == FIELDS == UpstreamRecord.__struct_fields__


@pytest.mark.parametrize(
    "name", ["髙橋", "山﨑", "𠮷野", "辻\U000e0100", "葛\U000e0100城", "Müster", "森　山", "O'Neil"]
)
def test_a_name_comes_out_as_it_went_in(name: str) -> None:
    assert read(family_name=name).family_name == name
    assert read(given_name=name).given_name == name


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\x7f", "{"])
def test_a_number_that_no_issuer_signs_is_refused(character: str) -> None:
    assert only_problem(pass_number=f"12{character}34").field == "pass_number"


@pytest.mark.parametrize("name", ["\U00030ede田", "外\ue000", "辻\U000e0101", "渡邊\U000e01ef", "محمد"])
def test_a_name_that_no_font_can_print_is_a_name(name: str) -> None:
    assert read(given_name=name, family_name=name, family_name_latin=name).given_name == name


@pytest.mark.parametrize("number", ["26-\U00030ede", "26-外\ue000", "26-辻\U000e0101"])
def test_a_number_that_no_font_can_print_is_refused_naming_the_character(number: str) -> None:
    problem = only_problem(registration_number=number)
    assert problem.field == "registration_number" and f"U+{ord(number[-1]):04X}" in problem.expected


@pytest.mark.parametrize("name", ["山田😀", "👨‍👩‍👧", "\U0001f468太郎", "🇯🇵", "🈁田", "✊🏽健"])
def test_a_picture_is_no_name(name: str) -> None:
    assert only_problem(given_name=name).field == "given_name"


@pytest.mark.parametrize("bad", ["\x00", "\x7f", "\x85", "\u200b", "\u202e", "\ufeff", "\n", "{", "}"])
def test_an_invisible_or_breaking_character_is_refused(bad: str) -> None:
    for name in ("family_name", "given_name", "family_name_kana", "registration_number", "pass_number", "phone"):
        assert only_problem(**{name: f"a{bad}b"}).field == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-04-01", date(2026, 4, 1)),
        ("2026/4/1", date(2026, 4, 1)),
        ("2026/04/01", date(2026, 4, 1)),
        (" 2026-4-1 ", date(2026, 4, 1)),
    ],
)
def test_the_offices_ways_to_write_a_day_are_read(written: str, meant: date) -> None:
    assert read(valid_from=written).valid_from == meant


@pytest.mark.parametrize(
    "written",
    [
        "04/01/2026",
        "1/4/26",
        "26-04-01",
        "2026-02-30",
        "2026/4-1",
        "2026年4月1日",
        "令和8年4月1日",
        "２０２６-04-01",
        "soon",
    ],
)
def test_an_ambiguous_or_impossible_day_is_refused(written: str) -> None:
    problem = only_problem(valid_from=written)
    assert problem.field == "valid_from"
    assert problem.got == written
    assert "YYYY-MM-DD" in problem.expected


def test_the_offices_words_mean_the_programmes_ids() -> None:
    record = read(qualification="コンクリート診断士", kind="新規")
    assert (record.qualification, record.kind) == ("shindanshi", "new")


def test_an_unknown_qualification_is_answered_with_the_known_ones() -> None:
    problem = only_problem(qualification="技士")
    assert "gishi (コンクリート技士)" in problem.expected


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    assert only_problem(valid_until="2026-03-31").field == "valid_until"


def test_a_birth_after_the_registration_is_refused() -> None:
    assert only_problem(birth_date="2026-04-01").field == "birth_date"


def test_a_registration_does_not_follow_itself() -> None:
    assert only_problem(previous_registration_id="R1").field == "previous_registration_id"


@pytest.mark.parametrize("name", [field for field in FIELDS if field not in PUBLISHABLE and field.endswith("email")])
def test_a_broken_address_is_refused(name: str) -> None:
    assert "one @" in only_problem(**{name: "taro.example.jp"}).expected


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u3000"])
def test_a_missing_required_field_is_refused(nothing: str | None) -> None:
    for name in ("registration_id", "person_id", "qualification", "kind", "pass_number", "registration_number"):
        assert only_problem(**{name: nothing}).field == name
    for name in ("family_name", "given_name", "birth_date", "valid_from", "valid_until"):
        assert only_problem(**{name: nothing}).field == name


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_an_empty_optional_field_is_none(nothing: str | None) -> None:
    for name in ("previous_registration_id", "family_name_kana", "given_name_latin", "email", "phone", "completed_on"):
        assert getattr(read(**{name: nothing}), name) is None


@pytest.mark.parametrize("value", [17, True, ["21-0001"], {"number": "21-0001"}, 21.5])
def test_a_json_value_that_is_no_text_is_refused(value: object) -> None:
    assert only_problem(pass_number=value).expected == "a text"


def test_all_invalid_fields_are_named_at_once() -> None:
    problems = read_record(fields(birth_date="?", email="?", kind="?"), rules())
    assert isinstance(problems, list)
    assert [problem.field for problem in problems] == ["kind", "birth_date", "email"]


def test_unknown_fields_are_ignored() -> None:
    assert read(points=3).registration_id == "R1"


@given(st.dictionaries(st.sampled_from(FIELDS), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_any_content_is_read_or_its_problems_are_named(content: dict[str, object]) -> None:
    outcome = read_record(fields(**content), rules())
    if isinstance(outcome, list):
        assert outcome
        for problem in outcome:
            assert problem.expected.isprintable()
            assert problem.got is None or "\x00" not in problem.got


@given(st.text())
def test_what_was_got_is_shown_on_one_line(text: str) -> None:
    line = printable(text)
    assert line is None or (len(line) <= 80 and line.replace("\u3000", " ").isprintable())


def test_another_spelling_of_the_address_is_no_change() -> None:
    assert changed_fields(read(), read(email="TARO@example.jp")) == frozenset()
    assert changed_fields(read(), read(email="jiro@example.jp")) == {"email"}
    assert changed_fields(read(), read(email=None)) == {"email"}


def test_an_issued_record_takes_private_changes_only() -> None:
    later = read(phone="090-0000-0002", family_name="養生", email="jiro@example.jp")
    kept = with_private_of(read(), later)
    assert changed_fields(read(), kept) == {"phone"}
    assert PRIVATE.isdisjoint({"email", "family_name", "given_name", "person_id", "valid_until"})
