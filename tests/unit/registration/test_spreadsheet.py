"""What people type into spreadsheets and what Excel makes of it: `spreadsheet.py`, `forms.py`, `csv_file.py`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.csv_file import csv_parts, csv_rows
from services.registration.domain.delivery import Delivery
from services.registration.domain.forms import in_form, with_zeros
from services.registration.domain.record import FIELDS, HEADERS, Rules
from services.registration.domain.rows import DeliveryRow
from services.registration.domain.spreadsheet import as_cell, as_typed, day_of
from shared.programme import Programme
from tests.worlds.records import fields, programme, read_delivery, rules

FORMED = msgspec.structs.replace(
    programme(),
    qualifications={
        **programme().qualifications,
        "gishi": msgspec.structs.replace(
            programme().qualifications["gishi"],
            pass_number_forms=("000000", "A0-0000"),
            registration_number_forms=("00-00000",),
            valid_years=4,
        ),
    },
)


def sheet(*records: Mapping[str, object], head: object = HEADERS, delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(list(head))  # type: ignore[call-overload]  # any iterable of headers
    for each in records:
        writer.writerow([each[name] or "" for name in FIELDS])
    return text.getvalue()


def read(text: str, encoding: str = "utf-8", of: Programme | None = None) -> Delivery:
    rules_of = rules() if of is None else Rules(of, lambda text: [])
    return read_delivery(text.encode(encoding), "csv", rules_of)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8", "cp932"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize("head", [HEADERS, FIELDS, [f" {name.upper()} " for name in FIELDS]], ids=["ja", "en", "EN"])
def test_each_way_to_save_a_sheet_is_read(encoding: str, delimiter: str, head: object) -> None:
    delivery = read(
        sheet(fields(family_name="髙橋"), fields(registration_id="R2"), head=head, delimiter=delimiter), encoding
    )
    assert [(row, each.registration_id, each.family_name) for row, each in delivery.records] == [
        (2, "R1", "髙橋"),
        (3, "R2", "骨材"),
    ]
    assert delivery.rejected == ()


def test_headers_are_known_in_other_widths() -> None:
    heads = [name.replace("ID", "ＩＤ").replace("カナ", "ｶﾅ") for name in HEADERS]
    assert len(read(sheet(fields(), head=heads)).records) == 1


@pytest.mark.parametrize(
    ("cut", "put", "row"),
    [(-1, b"", 4), (-5, b"", 3), (-6, b"\x42\xd8\r\0\n\0", 3)],  # a byte of the line end, of a day; half a pair
)
def test_a_broken_unit_of_utf_16_costs_its_row(cut: int, put: bytes, row: int) -> None:
    body = sheet(fields(), fields(registration_id="R2")).encode("utf-16-le")
    delivery = read_delivery(b"\xff\xfe" + body[:cut] + put, "csv", rules())
    assert [number for number, _ in delivery.records] == [each for each in (2, 3) if each != row]
    assert {each.row for each in delivery.rejected} == {row}


@pytest.mark.parametrize(
    "written",
    [
        *("2026/4/1", "2026-04-01", "2026.4.1", "2026年4月1日", "令和8年4月1日", "R8.4.1", "r8/4/1", "R08-04-01"),
        *("令和８年４月１日", "２０２６/４/１", "２０２６－０４－０１", "㋿8年4月1日", "'2026/4/1", "2026/4/1 0:00"),
        *("2026-04-01 00:00:00", "令和 8 年 4 月 1 日", "\u3000R8.4.1 ", "Ｒ８．４．１", "2026-04-01T00:00:00"),
    ],
)
def test_a_day_is_read_in_each_way_that_offices_write_it(written: str) -> None:
    assert read(sheet(fields(valid_from=written))).records[0][1].valid_from == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("平成元年1月8日", date(1989, 1, 8)),
        ("H31.4.30", date(2019, 4, 30)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("S64.1.7", date(1989, 1, 7)),
        ("昭和55年2月29日", date(1980, 2, 29)),
        ("T1.7.30", date(1912, 7, 30)),
        *(
            (text, None)
            for text in ("平成元年1月7日", "H31.5.1", "令和元年4月30日", "S64.1.8", "令和8年2月29日", "R0.4.1")
        ),
        *(
            (text, None)
            for text in ("4/1/2026", "26/4/1", "8.4.1", "R8.13.1", "46113", "X8.4.1", "R8.4", "2026/4/1 9:30")
        ),
    ],
)
def test_a_day_of_an_era_is_one_of_its_days(written: str, meant: date | None) -> None:
    assert day_of(written) == meant


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
def test_every_day_is_read_as_its_era_writes_it(day: date) -> None:
    assert day_of(f"{day.year}年{day.month}月{day.day}日") == day
    if day >= date(2019, 5, 1):
        assert (
            day_of(f"令和{day.year - 2018}年{day.month}月{day.day}日")
            == day
            == day_of(f"R{day.year - 2018}.{day.month}.{day.day}")
        )


def test_a_day_that_is_none_is_rejected_with_what_was_typed() -> None:
    (rejected,) = read(sheet(fields(birth_date="令和8年2月30日"))).rejected
    assert (rejected.problem.field, rejected.problem.got) == ("birth_date", "令和8年2月30日")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("'21-0001", "21-0001"), ("２１－０００１", "21-0001"), ("'２１ー０００１", "21-0001"), ("21−0001", "21-0001")],
)
def test_numbers_lose_apostrophes_and_full_width_digits(written: str, meant: str) -> None:
    assert read(sheet(fields(pass_number=written))).records[0][1].pass_number == meant


@pytest.mark.parametrize(("written", "meant"), [("'t Hooft", "'t Hooft"), ("'佐藤", "佐藤"), ("'Sato", "Sato")])
def test_of_names_only_an_apostrophe_that_is_no_part_of_them_is_left_out(written: str, meant: str) -> None:
    assert read(sheet(fields(family_name=written))).records[0][1].family_name == meant


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("1234", "001234"), ("001234", "001234"), ("０１２３４", "001234"), ("0", "000000"), ("'12", "000012")),
        *(("A1-2345", "A1-2345"), ("a1-2345", "A1-2345"), ("Ａ１ー２３４５", "A1-2345")),
    ],
)
def test_zeros_that_excel_ate_come_back_where_the_form_is_known(text: str, found: str) -> None:
    ((_, record),) = read(sheet(fields(pass_number=text, registration_number="6-00001")), of=FORMED).records
    assert (record.pass_number, record.registration_number) == (found, "06-00001")


@pytest.mark.parametrize("text", ["1234567", "B12345", "A1-234", "12 34", "１２-３４"])
def test_a_number_of_no_form_is_rejected_with_the_forms(text: str) -> None:
    (rejected,) = read(sheet(fields(pass_number=text, registration_number="26-00001")), of=FORMED).rejected
    assert (rejected.problem.field, rejected.problem.got) == ("pass_number", text)
    assert "000000 or A0-0000" in rejected.problem.expected


def test_zeros_are_added_only_where_one_form_alone_has_them() -> None:
    assert with_zeros("1", ["000", "0000"]) == "1"
    assert with_zeros("12", ["00", "000"]) == "12"
    assert with_zeros("", ["00"]) == ""


@given(st.from_regex(r"[0-9]{1,6}", fullmatch=True))
def test_a_number_has_its_form_after_excel(digits: str) -> None:
    number = digits.zfill(6)
    assert with_zeros(str(int(number)), ["000000"]) == number == in_form(number, ["000000"])


def test_a_period_lasts_the_years_of_its_qualification() -> None:
    (rejected,) = read(
        sheet(fields(pass_number="000001", registration_number="26-00001", valid_until="2031-03-31")), of=FORMED
    ).rejected
    assert (rejected.problem.field, rejected.problem.expected) == ("valid_until", "2030-03-31, the last day of 4 years")


def test_a_cell_with_a_line_break_is_one_row() -> None:
    delivery = read(sheet(fields(email="taro@example.jp\n", given_name="太郎\n"), fields(registration_id="R3")))
    assert [(row, each.registration_id) for row, each in delivery.records] == [(2, "R1"), (3, "R3")]


def test_a_quote_that_is_never_closed_costs_its_own_row() -> None:
    first, *others = sheet(*(fields(registration_id=f"R{n}") for n in range(2, 7))).splitlines()
    opened = [others[0], others[1].replace("骨材", '"骨材'), others[2], others[3].replace("骨材", '"骨材'), others[4]]
    found = read("\r\n".join([first, *opened]))
    assert [(row, each.registration_id) for row, each in found.records] == [(2, "R2"), (4, "R4"), (6, "R6")]
    assert [each.row for each in found.rejected] == [3, 5]


def test_a_line_break_inside_a_name_is_rejected_on_its_field_and_rows_stay_counted_as_excel_does() -> None:
    delivery = read(sheet(fields(given_name="太\n郎"), fields(registration_id="R3", birth_date="x")))
    assert [(each.row, each.problem.field) for each in delivery.rejected] == [(2, "given_name"), (3, "birth_date")]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_sheet_in_parts_keeps_rows_over_lines_whole(size: int) -> None:
    text = sheet(*(fields(registration_id=f"R{n}", email=f"p{n}@example.jp\n") for n in range(2, 7)))
    for encoding in ("utf-8", "cp932", "utf-16"):
        parts = list(csv_parts(text.encode(encoding), size))
        found = [
            read_delivery(part.body, "csv", rules(), first_row=part.first_row, charset=part.charset) for part in parts
        ]
        assert [each for one in found for each in one.records] == list(read(text).records)
        assert [row for one in found for row, _ in one.records] == [2, 3, 4, 5, 6]


def test_the_columns_of_a_result_file_are_ignored() -> None:
    heads = [*HEADERS, "【結果】判定"]
    text = ",".join(heads) + "\n" + sheet(fields()).splitlines()[1] + ",=cmd()\n"
    assert len(read(text).records) == 1


FORMULAS = [
    "=cmd()",
    "+1+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "＝1",
    "'x",
    "''x",
    "0012",
    "1-2",
    "21-0001",
    "2E5",
    "TRUE",
    "1.0",
]


@given(st.sampled_from(FORMULAS) | st.text(max_size=12), st.sampled_from(sorted(set(FIELDS) - {"valid_from"})))
def test_what_a_cell_was_made_of_is_read_back(text: str, name: str) -> None:
    written = as_cell(name, text)
    assert not written.startswith(("=", "+", "-", "@", "\t"))
    if name not in ("birth_date", "completed_on", "valid_until"):
        again = as_typed({name: written})[name]
        assert again == as_typed({name: text})[name] or (text.startswith("'") and again == text.strip())


def test_rows_keep_what_was_typed() -> None:
    (row,) = csv_rows(sheet(fields(valid_from="R8.4.1")).encode())
    assert isinstance(row, DeliveryRow)
    assert (row.fields["valid_from"], as_typed(row.fields)["valid_from"]) == ("R8.4.1", "2026-04-01")
