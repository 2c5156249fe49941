"""Taking deliveries apart: CSV, JSON Lines, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.delivery import (
    Delivery,
    Form,
    RejectedField,
    UnreadableDeliveryError,
    decoded,
    json_lines,
    parts_of,
    read_delivery,
)
from services.registration.domain.record import FIELDS, HEADERS
from tests.worlds.records import fields, rules

HEAD = ",".join(HEADERS)


def line(of: Mapping[str, object], order: tuple[str, ...] = FIELDS) -> str:
    return ",".join(str(of[field] or "") for field in order)


def csv_of(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *lines, ""]).encode("cp932")


def read(body: bytes, form: Form = "csv") -> Delivery:
    return read_delivery(body, form, rules())


def ids(delivery: Delivery) -> list[tuple[int | None, str]]:
    return [(row, record.registration_id) for row, record in delivery.records]


def refused(body: bytes, form: Form = "csv") -> tuple[int | None, str, str | None, str]:
    with pytest.raises(UnreadableDeliveryError) as caught:
        read(body, form)
    rejected = caught.value.rejected
    return rejected.row, rejected.problem.field, rejected.problem.got, rejected.problem.expected


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_an_export_is_read_in_each_encoding_that_a_spreadsheet_writes(encoding: str) -> None:
    body = csv_of(line(fields(family_name="髙橋", given_name="﨑"))).decode("cp932").encode(encoding)
    ((row, record),) = read(body).records
    assert (row, record.family_name, record.given_name) == (2, "髙橋", "﨑")


def test_columns_may_stand_in_any_order() -> None:
    order = tuple(reversed(FIELDS))
    japanese = {field: head for head, field in HEADERS.items()}
    body = csv_of(line(fields(), order), head=",".join(japanese[field] for field in order))
    assert read(body).records[0][1] == read(csv_of(line(fields()))).records[0][1]


def test_an_invalid_row_is_rejected_with_its_number_and_the_others_are_read() -> None:
    body = csv_of(
        line(fields(registration_id="R2")),
        line(fields(registration_id="R3", birth_date="1980-02-30")),
        "",
        'R5,"never closed',
        "too,few,cells",
        line(fields(registration_id="R7")),
        "," * 19,
    )
    delivery = read(body)
    assert ids(delivery) == [(2, "R2"), (7, "R7")]
    assert [(each.row, each.problem.field) for each in delivery.rejected] == [(3, "birth_date"), (5, "row"), (6, "row")]
    assert delivery.rejected_rows == 3
    assert delivery.rejected[2].problem.got == "3 cells"


def test_a_missing_header_is_named() -> None:
    row, field, _, expected = refused(csv_of(head=HEAD.replace(",電話番号", "")))
    assert (row, field) == (1, "heads")
    assert "電話番号" in expected


def test_an_unknown_header_is_named() -> None:
    assert refused(csv_of(head=HEAD.replace("電話番号", "電話")))[2] == "電話"


def test_a_repeated_header_is_named() -> None:
    assert refused(csv_of(head=f"{HEAD},氏"))[2:] == ("氏", "each head once")


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\xff\xfe\x00"])
def test_a_file_without_headers_is_refused(body: bytes) -> None:
    assert refused(body)[0] == 1


def test_bytes_of_neither_encoding_are_named_by_line() -> None:
    row, field, got, _ = refused(csv_of(line(fields())) + b"R2,\x81\x20\r\n")
    assert (row, field, got) == (3, "encoding", "byte 0x81")


@given(st.sampled_from(sorted(HEADERS)), st.text(alphabet="骨材太郎髙﨑①㈱ーアｱ", max_size=8))
def test_each_encoding_is_recognised(head: str, text: str) -> None:
    written = f"{head},{text}"
    assert decoded(written.encode("cp932")) == decoded(written.encode()) == written


def test_json_lines_are_numbered_from_one_and_invalid_ones_are_rejected() -> None:
    body = "\n".join([json.dumps(fields(registration_id="A")), "{broken", "", "[1]", json.dumps(fields()), ""]).encode()
    delivery = read(body, "jsonl")
    assert ids(delivery) == [(1, "A"), (5, "R1")]
    assert [(each.row, each.problem.field) for each in delivery.rejected] == [(2, "row"), (4, "row")]


def test_json_may_hold_one_record_or_many() -> None:
    assert ids(read(json.dumps(fields()).encode(), "json")) == [(1, "R1")]
    body = json.dumps([fields(registration_id="A"), "B", fields(registration_id="C")]).encode()
    assert ids(read(body, "json")) == [(1, "A"), (3, "C")]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", '{"a": "\ud800"}'.encode("utf-8", "surrogatepass")])
def test_a_body_that_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    assert refused(body, "json")[1] == "delivery"


def test_a_lone_surrogate_in_json_is_rejected() -> None:
    delivery = read(b'{"registration_id": "A", "family_name": "\\ud842"}', "jsonl")
    assert not delivery.records
    assert all("\ud842" not in (each.problem.got or "") for each in delivery.rejected)


@given(st.binary())
def test_any_bytes_are_read_or_refused_with_what_was_expected(body: bytes) -> None:
    for form in ("csv", "jsonl", "json"):
        try:
            read(body, form)
        except UnreadableDeliveryError as error:
            assert error.rejected.problem.expected


@given(
    st.lists(st.sampled_from(["good", "bad", ""]), max_size=12), st.integers(1, 5), st.sampled_from(["csv", "jsonl"])
)
def test_a_file_in_parts_gives_the_same_records_and_rows(kinds: list[str], size: int, form: Form) -> None:
    records = {
        "good": fields(),
        "bad": fields(birth_date="?"),
    }
    lines = [
        "" if kind == "" else line(records[kind]) if form == "csv" else json.dumps(records[kind]) for kind in kinds
    ]
    body = csv_of(*lines) if form == "csv" else "\n".join([*lines, ""]).encode()
    whole = read(body, form)
    parts = [read_delivery(part.body, form, rules(), first_row=part.first_row) for part in parts_of(body, form, size)]
    assert [each for part in parts for each in part.records] == list(whole.records)
    assert [each for part in parts for each in part.rejected] == list(whole.rejected)


@pytest.mark.parametrize(
    "body",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40 + b"\n{" * 9,
        b"\xff\xd8\xff\xe0\0\x10JFIF\n{}",
        b"%PDF-1.7\n<< /Type /Catalog >>\n[",
        b"PK\x03\x04" + b"\n{}" * 5,  # a workbook
        b"\0\0\0\x18ftypheic\n{}",
        b"dear all,\nhere are the registrations\n",
    ],
)
def test_a_file_of_another_kind_is_no_delivery_and_no_rejected_rows(body: bytes) -> None:
    for read in (lambda: json_lines(body), lambda: list(parts_of(body, "jsonl", 1000))):
        with pytest.raises(UnreadableDeliveryError) as refused:
            read()
        assert refused.value.rejected.problem.field == "delivery"


def test_a_bad_line_beside_good_ones_costs_its_own_row_only() -> None:
    body = b"\xff\xd8\n" + b'{"registration_id": "R1"}\n' + b"no JSON\n"
    rows = list(json_lines(body))
    assert [isinstance(row, RejectedField) for row in rows] == [True, False, True]
