"""The result file: in Japanese, opened by Excel, corrected in its cells and handed in again."""

from __future__ import annotations

import csv
import io
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.csv_file import csv_rows
from services.registration.domain.debris import _WHOLE, _WITHIN
from services.registration.domain.record import FIELDS, HEADERS, FieldProblem
from services.registration.domain.result_file import RESULT_HEADERS, held_result, rejected_result, result_line
from services.registration.domain.rows import DeliveryRow, RejectedField, UnreadableDeliveryError
from services.registration.domain.spreadsheet import as_typed
from services.registration.domain.wording import expected_in_japanese, held_in_japanese
from services.registration.intake.results import RowResults, result_file
from shared.events import HeldReason
from tests.worlds.records import fields, read_delivery, rules

BAD_FIELDS: dict[str, list[object]] = {
    "registration_id": ["", "a b", "x" * 101, "?1"],
    "person_id": [None, "#N/A"],
    "qualification": ["", "no such"],
    "kind": ["", "old"],
    "pass_number": ["", "x" * 101, "12\x0034", "2.6E+09", "{}", "--"],
    "registration_number": ["", "3月1日", '="1"', "1\u200b2"],
    "previous_registration_id": ["R1", "####"],
    "family_name": [
        "",
        "x" * 65,
        "菴占陸",
        "NULL",
        "佐\u202e藤",
        "佐藤☎",
        "123",
        "\x1b[31m赤",
        "佐?",
        "・田",
        "&#39640;",
    ],
    "given_name": ["", "#REF!", "{", "ｱﾞ", "_x000D_太", '"太"'],
    "family_name_kana": ["x" * 65],
    "birth_date": ["", "1899-12-30", "2020-01-01", "1890-01-01", "1980-02-30", "soon"],
    "email": [
        "no",
        "a@b@c.jp",
        "a@b",
        "é@example.jp",
        "x" * 65 + "@example.jp",
        "a b@example.jp",
        "'a@example.jp",
        "a\u200b@x.jp",
    ],
    "phone": ["\x00"],
    "completed_on": ["1960-01-01", "2031-01-01", "1979-01-01"],
    "valid_from": ["", "1960-01-01", "x"],
    "valid_until": ["", "2026-03-31", "2040-01-01", "2999-01-01"],
}


def test_every_problem_of_a_field_is_told_in_japanese() -> None:
    told = {}
    for name, values in BAD_FIELDS.items():
        for value in values:
            line = ",".join(
                '"{}"'.format(str(each or "").replace('"', '""')) for each in fields(**{name: value}).values()
            )
            body = f"{','.join(FIELDS)}\n{line}\n".encode()
            for each in read_delivery(body, "csv", rules()).rejected:
                told[each.problem.expected] = expected_in_japanese(each.problem.expected)
    assert len(told) > 40
    english = {
        text for text, japanese in told.items() if japanese == text or any(word in japanese for word in (" a ", "the "))
    }
    assert english == set()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a,b\n1,2\n",
        ",".join([*FIELDS, "email"]).encode(),
        ",".join(FIELDS[1:]).encode(),
        "登録ID".encode("utf-32"),
        b"\x81\x20",
        ",".join(FIELDS).encode() + b'\nx,"y\nz\n',
        ",".join(FIELDS).encode() + b"\n1,2,3\n",
        (",".join(HEADERS) + "\n").encode() + "佐藤".encode("cp932"),
        ",".join([*FIELDS[:3], "", *FIELDS[3:]]).encode() + b"\n1,2,3,memo" + b"," * 17,
    ],
)
def test_every_problem_of_a_file_is_told_in_japanese(body: bytes) -> None:
    try:
        texts = [each.problem.expected for each in read_delivery(body, "csv", rules()).rejected]
    except UnreadableDeliveryError as error:
        texts = [error.rejected.problem.expected]
    assert texts
    assert [text for text in texts if expected_in_japanese(text) == text] == []


def test_what_programs_leave_is_named_in_japanese() -> None:
    assert [what for what in (*_WHOLE, *_WITHIN) if expected_in_japanese(what) == what] == []


def test_each_reason_to_hold_says_what_is_needed() -> None:
    for reason in get_args(HeldReason):
        field, needed = held_in_japanese(reason, "R9")
        assert needed and (field == "" or field in HEADERS)


def test_a_text_that_is_not_known_stays_as_it_is() -> None:
    assert expected_in_japanese("a form of a later release") == "a form of a later release"


# ── round trip ─────────────────────────────────────────────────────────────────────────────────────────


def result_of(body: bytes, encoding: str = "utf-8-sig") -> tuple[list[dict[str, str]], bytes]:
    """The result file of a delivery that nobody holds, as a spreadsheet shows it, and as it is."""
    results = RowResults()
    for each in read_delivery(body, "csv", rules()).rejected:
        problem = each.problem
        results.note(
            {
                "outcome": "rejected",
                "row": each.row,
                "field": problem.field,
                "got": problem.got,
                "expected": problem.expected,
            }
        )
    written = b"".join(result_file(csv_rows(body), results))
    return list(csv.DictReader(io.StringIO(written.decode(encoding)))), written


def sheet_of(rows: list[dict[str, str]], encoding: str, delimiter: str = ",") -> bytes:
    """Saved again, by a spreadsheet."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ","), ("cp932", ","), ("utf-16", "\t")])
def test_a_result_file_that_was_corrected_in_its_cells_is_accepted(encoding: str, delimiter: str) -> None:
    wrong = [
        fields(registration_id="R2", valid_from="R8.4.1"),
        fields(registration_id="R3", birth_date="1980/2/30", email="no"),
        fields(registration_id="R4", pass_number="0012", registration_number="21-0001", family_name="髙橋"),
    ]
    body = (
        ",".join(HEADERS) + "\n\n" + "\n".join(",".join(str(v or "") for v in each.values()) for each in wrong)
    ).encode()
    rows, _ = result_of(body)
    assert [row["【結果】元の行"] for row in rows] == ["3", "4", "5"]
    assert [row["【結果】判定"] for row in rows] == ["受付", "受け取れません", "受付"]
    assert rows[1]["【結果】項目"] == "生年月日 ／ メールアドレス"
    assert rows[1]["【結果】届いた値"] == "1980/2/30 ／ no"
    assert rows[0]["有効期間開始日"] == "R8.4.1"
    rows[1] |= {"生年月日": "昭和55年2月29日", "メールアドレス": "taro@example.jp"}
    again = read_delivery(sheet_of(rows, encoding, delimiter), "csv", rules())
    assert again.rejected == ()
    assert [(row, record.registration_id) for row, record in again.records] == [(2, "R2"), (3, "R3"), (4, "R4")]
    assert (again.records[2][1].pass_number, again.records[2][1].registration_number) == ("0012", "21-0001")


def test_the_file_begins_as_excel_needs_it_and_holds_no_formula() -> None:
    formulas = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "\r\n=1"]
    body = b"\n".join(
        [",".join(FIELDS).encode()] + [",".join([f'"{text}"'] * len(FIELDS)).encode() for text in formulas]
    )
    rows, written = result_of(body)
    assert written.startswith(b"\xef\xbb\xbf")
    assert len(rows) >= len(formulas)
    cells = [cell for row in rows for cell in row.values()]
    assert [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))] == []
    assert {row["氏"] for row in rows} >= {f"'{text}" for text in formulas[:4]}


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=20), max_size=20))
def test_a_row_comes_back_as_it_was(cells: dict[str, str]) -> None:
    row = DeliveryRow(2, dict.fromkeys(FIELDS, "") | cells, typed=True)
    if not any(str(value).strip() for value in row.fields.values()):
        return
    line = result_line(row, rejected_result([("email", "=x", "an address in ASCII letters")]))
    found = list(csv_rows((",".join([*RESULT_HEADERS, *HEADERS]) + "\n" + line).encode(errors="surrogatepass")))
    if len(found) == 1 and isinstance(found[0], DeliveryRow):
        one_kind = {name: re.sub("\r\n?", "\n", str(text)) for name, text in row.fields.items()}  # of line breaks
        assert as_typed(found[0].fields) == as_typed(one_kind)


def test_a_row_that_was_torn_keeps_all_of_its_cells() -> None:
    body = (",".join(HEADERS) + "\nR1,P1,余分," + ",".join("x" * 1 for _ in range(20)) + '\nR2,"open,骨材\n').encode()
    rows, _ = result_of(body)
    assert rows[0]["登録ID"] == "R1" and rows[0]["有効期間満了日"].endswith(",x,x,x")
    assert (rows[1]["登録ID"], rows[1]["個人ID"], rows[1]["資格"]) == ("R2", "open", "骨材")


def test_a_hold_says_what_came_and_what_is_needed() -> None:
    (told,) = held_result("shared-address", None, fields()).fields
    assert (told.field, told.got) == ("メールアドレス", "taro@example.jp")
    assert "ご本人だけのメールアドレス" in told.expected


def test_rows_that_were_not_delivered_say_so() -> None:
    rows = [DeliveryRow(number, fields()) for number in (2, 3)] + [
        RejectedField(4, FieldProblem("row", "x", "a JSON object"))
    ]
    lines = b"".join(result_file(rows, RowResults(), not_delivered_from=3)).decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["2", "受付"], ["3", "未送信"], ["4", "未送信"]]
