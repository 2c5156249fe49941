"""Taking deliveries apart: CSV, JSON Lines, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.csv_file import decoded
from services.registration.domain.delivery import Delivery, Form, json_lines, parts_of
from services.registration.domain.encoding import Charset, charset_named
from services.registration.domain.record import FIELDS, HEADERS
from services.registration.domain.rows import RejectedField, UnreadableDeliveryError
from services.registration.domain.wording import expected_in_japanese
from tests.worlds.records import fields, read_delivery, rules

HEAD = ",".join(HEADERS)


def line(of: Mapping[str, object], order: tuple[str, ...] = FIELDS) -> str:
    return ",".join(str(of[field] or "") for field in order)


def csv_of(*lines: str, head: str = HEAD) -> bytes:
    return "\r\n".join([head, *lines, ""]).encode("cp932")


def read(body: bytes, form: Form = "csv", charset: Charset | None = None) -> Delivery:
    return read_delivery(body, form, rules(), charset=charset)


def rejected_in(delivery: Delivery) -> list[tuple[int | None, str]]:
    return [(each.row, each.problem.field) for each in delivery.rejected]


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


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_headers_with_line_breaks_in_them_are_one_row(newline: str) -> None:
    head = ",".join(f'"{name[:1]}{newline}{name[1:]}"' if len(name) > 3 else name for name in HEADERS)
    body = csv_of(line(fields(registration_id="R2")), line(fields(birth_date="?")), head=head)
    for read_again in (body, *(part.body for part in parts_of(body, "csv", 1000))):
        delivery = read(read_again)
        assert ids(delivery) == [(2, "R2")] and rejected_in(delivery) == [(3, "birth_date")]


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


def test_bytes_of_neither_encoding_cost_their_row_and_in_the_heads_the_file() -> None:
    delivery = read(csv_of(line(fields())) + b"R2,\x81\x20\r\n")
    (rejected,) = delivery.rejected
    assert (rejected.row, rejected.problem.field, rejected.problem.got) == (
        3,
        "encoding",
        "byte 0x81 (byte 4 of the row)",
    )
    assert ids(delivery) == [(2, "R1")]
    assert refused(b"R2,\x81\x20\r\n" + csv_of(line(fields())))[:3] == (1, "encoding", "byte 0x81 (byte 4 of the row)")


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
        assert ("CSV UTF-8" in refused.value.rejected.problem.expected) == (not body.startswith(b"dear"))


@pytest.mark.parametrize("begins", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF-1.7"])
def test_a_workbook_that_is_handed_in_as_a_csv_is_named_with_what_to_save_it_as(begins: bytes) -> None:
    for end in (bytes(range(256)), csv_of(GOOD)):
        row, field, got, expected = refused(begins + end)
        assert (row, field, got) == (1, "delivery", f"{len(begins + end)} bytes of another kind")
        japanese = expected_in_japanese(expected)
        assert "CSV UTF-8" in japanese and "save" not in japanese


def test_a_bad_line_beside_good_ones_costs_its_own_row_only() -> None:
    body = b"\xff\xd8\n" + b'{"registration_id": "R1"}\n' + b"no JSON\n"
    rows = list(json_lines(body))
    assert [isinstance(row, RejectedField) for row in rows] == [True, False, True]


# ── encodings ──────────────────────────────────────────────────────────────────────────────────────────

GOOD, LAST = line(fields(registration_id="R2")), line(fields(registration_id="R9"))


@pytest.mark.parametrize(
    "name",
    [
        *(("佐藤", "翔太"), ("田中", "太郎"), ("髙橋", "さくら"), ("𠮷野", "家"), ("森", "鷗外"), ("Müller", "花子")),
        *(("阿部", "ケン"), ("林", "凛"), ("鈴木", "一郎")),
    ],
)
@pytest.mark.parametrize("written", ["utf-8", "euc_jp"])
def test_a_row_of_another_encoding_in_a_cp932_file_is_rejected_on_encoding_and_costs_no_other(
    name: tuple[str, str], written: str
) -> None:
    row = line(fields(registration_id="R5", family_name=name[0], given_name=name[1], qualification="コンクリート技士"))
    pasted = row.encode(written, "ignore")
    for head in (HEAD, ",".join(FIELDS)):  # Japanese heads, and heads that say nothing of the encoding
        body = b"\r\n".join([head.encode("cp932"), GOOD.encode("cp932"), pasted, LAST.encode("cp932"), b""])
        delivery = read(body)
        assert ids(delivery) == [(2, "R2"), (4, "R9")]
        if written == "utf-8":
            assert rejected_in(delivery) == [(3, "encoding")]
            assert "CSV UTF-8" in delivery.rejected[0].problem.expected
        else:
            assert {row for row, _ in rejected_in(delivery)} == {3}


@pytest.mark.parametrize("name", ["佐藤", "鈴木", "高橋", "田中", "林", "𠮷野", "髙橋", "一ノ瀬", "さくら"])
def test_one_cell_of_utf_8_in_a_row_of_cp932_is_rejected_on_encoding(name: str) -> None:
    row = line(fields(registration_id="R5", family_name="NAME")).encode("cp932").replace(b"NAME", name.encode())
    delivery = read(b"\r\n".join([HEAD.encode("cp932"), row, LAST.encode("cp932")]))
    assert (ids(delivery), rejected_in(delivery)) == ([(3, "R9")], [(2, "encoding")])


def test_half_width_katakana_in_cp932_is_read_although_its_bytes_are_valid_utf_8() -> None:
    kana = [("ﾐｷ", "ﾅｵ"), ("ﾃｱ", "ﾘｻ"), ("ﾔﾏﾀﾞ", "ﾀﾛｳ"), ("ﾀｶﾊｼ", "ﾏｲ")]
    delivery = read(csv_of(*(line(fields(family_name_kana=a, given_name_kana=b)) for a, b in kana)))
    assert [(record.family_name_kana, record.given_name_kana) for _, record in delivery.records] == kana


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_row_of_cp932_in_a_utf_8_file_is_rejected_on_encoding_and_costs_no_other(mark: bytes) -> None:
    pasted = line(fields(registration_id="R5", family_name="佐藤", given_name="翔太")).encode("cp932")
    delivery = read(mark + b"\r\n".join([HEAD.encode(), GOOD.encode(), pasted, LAST.encode()]))
    assert (ids(delivery), rejected_in(delivery)) == ([(2, "R2"), (4, "R9")], [(3, "encoding")])


def test_of_heads_that_say_nothing_the_rows_decide() -> None:
    head = ",".join(FIELDS).encode()
    rows = [line(fields(registration_id=f"R{number}")) for number in (1, 2, 3)]
    odd = line(fields(registration_id="R5"))
    for charset, other in (("utf-8", "cp932"), ("cp932", "utf-8")):
        body = b"\n".join([head, *(row.encode(charset) for row in rows), odd.encode(other)])
        assert (len(ids(read(body))), rejected_in(read(body))) == (3, [(5, "encoding")])
    assert (
        read(
            head
            + b"\n"
            + line(
                fields(family_name="Tanaka", given_name="Taro", family_name_kana=None, given_name_kana=None)
            ).encode()
        ).rejected
        == ()
    )


@pytest.mark.parametrize(("declared", "written"), [("utf-8", "cp932"), ("cp932", "utf-8")])
def test_with_a_declared_charset_no_other_is_tried(declared: Charset, written: str) -> None:
    body = b"\n".join([",".join(FIELDS).encode(), line(fields()).encode(written)])
    assert read(body).rejected == ()
    assert rejected_in(read(body, charset=declared)) == [(2, "encoding")]
    assert read(body, charset=charset_named(written)).rejected == ()


@pytest.mark.parametrize(
    ("label", "charset"),
    [
        *(
            ("UTF-8", "utf-8"),
            ("utf8", "utf-8"),
            ("us-ascii", "utf-8"),
            ("Shift_JIS", "cp932"),
            ("windows-31j", "cp932"),
        ),
        *(("x-sjis", "cp932"), ("MS932", "cp932"), ("euc-jp", None), ("utf-16", None), ("iso-2022-jp", None)),
        *(("latin1", None), ("rot13", None), ("\0", None), ("x" * 9999, None)),
    ],
)
def test_the_labels_of_both_encodings_are_known(label: str, charset: str | None) -> None:
    assert charset_named(label) == charset


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_json_in_utf_16_and_all_in_utf_32_are_refused_by_name(encoding: str, form: Form) -> None:
    text = HEAD if form == "csv" else json.dumps(fields())
    body = ("\ufeff" * encoding.endswith("e") + text).encode(encoding)
    if form == "csv" and encoding != "utf-32":
        assert read(body) == Delivery((), ())
        return
    row, field, got, expected = refused(body, form)
    assert (row, field, got) == (1, "encoding", encoding[:6].upper())
    assert "UTF-8" in expected


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_json_with_byte_order_marks_is_read(form: Form) -> None:
    one, two = (json.dumps(fields(registration_id=id)).encode() for id in "AB")
    assert ids(read(BOM + one, form)) == ids(read(BOM + BOM + one, form)) == [(1, "A")]
    if form == "json":
        assert ids(read(BOM + b"[" + one + b"," + two + b"]", form)) == [(1, "A"), (2, "B")]
        assert ids(read(BOM + b"\r\n" + one, form)) == [(1, "A")]
    else:
        assert ids(read(b"\r\n".join([BOM + one, BOM + two, BOM]), form)) == [(1, "A"), (2, "B")]


def test_a_byte_order_mark_in_a_name_of_a_field_is_no_part_of_it() -> None:
    record = {("\ufeff" if name == "registration_id" else "") + name: value for name, value in fields().items()}
    assert ids(read(json.dumps(record).encode(), "json")) == [(1, "R1")]


def test_a_line_of_json_that_is_no_utf_8_is_rejected_on_encoding() -> None:
    one, two = (json.dumps(fields(registration_id=id), ensure_ascii=False) for id in "AB")
    delivery = read(one.encode() + b"\n" + two.encode("cp932"), "jsonl")
    assert (ids(delivery), rejected_in(delivery)) == ([(1, "A")], [(2, "encoding")])


# ── what spreadsheets leave empty ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("above", ["", "\r\n", ",,,\r\n", "\u3000,,\r\n\r\n", '"",""\r\n'])
@pytest.mark.parametrize("beside", ["", ",", ",,,"])
def test_rows_columns_and_first_lines_without_text_are_ignored(encoding: str, above: str, beside: str) -> None:
    empty = ["\u3000" + "," * 19, "," * 25, "", "   ", " ,\t," + "\u3000," * 17, '""' + ',""' * 19]
    rows = [line(fields()) + beside, *empty, line(fields(registration_id="R9")) + ",", *empty]
    text = above + "\r\n".join([HEAD + beside, *rows, ""])
    delivery = read(text.encode(encoding))
    first = above.count("\n") + 2
    assert (ids(delivery), delivery.rejected) == ([(first, "R1"), (first + 7, "R9")], ())
    parts = parts_of(text.encode(encoding), "csv", 3)
    assert [
        each for part in parts for each in read_delivery(part.body, "csv", rules(), first_row=part.first_row).records
    ] == [*delivery.records]


def test_white_space_of_every_kind_is_no_text() -> None:
    empty = ["\u00a0" + "," * 19, "\u2003\ufeff,\u200b" + "," * 18]
    delivery = read("\n".join(["\ufeff\u00a0", "\ufeff" + HEAD, *empty, "\ufeff" + line(fields())]).encode())
    assert (ids(delivery), delivery.rejected) == ([(5, "R1")], ())


def test_an_empty_column_between_others_is_ignored_and_text_in_it_is_rejected() -> None:
    head = HEAD.replace(",氏,", ",,氏,")
    cells = line(fields()).split(",")
    rows = [",".join([*cells[:7], memo, *cells[7:]]) for memo in ("", "\u3000", "memo")]
    delivery = read(csv_of(*rows, head=head))
    assert (ids(delivery), rejected_in(delivery)) == ([(2, "R1"), (3, "R1")], [(4, "row")])
    assert rejected_in(read(csv_of(line(fields()) + ",memo", head=HEAD + ","))) == [(2, "row")]


def test_a_row_that_ends_before_an_empty_column_is_whole() -> None:
    assert ids(read(csv_of(line(fields()), head=HEAD + ",,"))) == [(2, "R1")]


@given(st.text(st.sampled_from("\u3000 ,\t\u00a0\u2003\ufeff\r\n"), max_size=30))
def test_white_space_anywhere_between_lines_changes_no_record(space: str) -> None:
    body = "\n".join([space, HEAD, space, line(fields()), space]).encode()
    delivery = read(body)
    assert ([record.registration_id for _, record in delivery.records], delivery.rejected) == (["R1"], ())


# ── of somebody who was erased ─────────────────────────────────────────────────────────────────────────


def test_rows_of_erased_people_are_left_out_at_fault_or_not_and_each_is_named_once() -> None:
    rows = [
        fields(),
        fields(registration_id="R2", birth_date="never", email="no"),
        fields(registration_id=" R2 "),
        fields(registration_id="R3"),
        fields(registration_id="R4", birth_date="never"),
    ]
    delivery = read(json.dumps(rows).encode(), "json")
    assert delivery.registration_ids == {"R1", "R2", "R3", "R4"}
    others, left_out = delivery.without({"R1", "R2", "R9"})
    assert [(each.row, each.registration_id) for each in left_out] == [(1, "R1"), (2, "R2"), (3, "R2")]
    assert (ids(others), rejected_in(others)) == ([(4, "R3")], [(5, "birth_date")])
    assert delivery.without(set()) == (delivery, ())


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("\u3000R1\n", "R1"),
        ("R" * 100, "R" * 100),
        ("R" * 101, "R" * 79 + "…"),
        ("R\x00", "R\\u0000"),
        (7, "7"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_row_at_fault_names_its_registration_as_a_valid_one_would(written: object, named: str | None) -> None:
    delivery = read(json.dumps([fields(registration_id=written, birth_date="never")]).encode(), "json")
    assert {each.registration_id for each in delivery.rejected} == {named}


def test_a_cell_at_fault_names_its_registration_as_typed() -> None:
    row = line(fields(registration_id="'0012", birth_date="never"))
    assert {each.registration_id for each in read(csv_of(row)).rejected} == {"0012"}
