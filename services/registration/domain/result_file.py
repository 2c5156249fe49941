"""The result file: the rows of a delivery with what became of each, in Japanese. Its rows can be corrected in it. Pure.

A CSV that Excel opens (UTF-8 with a byte order mark) and that is a delivery itself: the columns of the result are
ignored when it is read. What Excel would change or compute has an apostrophe in front, which is left out in reading.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.registration.domain.csv_file import RESULT_MARK
from services.registration.domain.record import FIELDS, HEADERS, printable
from services.registration.domain.rows import DeliveryRow, RejectedField
from services.registration.domain.spreadsheet import as_cell, unmarked
from services.registration.domain.wording import expected_in_japanese, field_in_japanese, held_in_japanese
from shared.events import HeldReason
from shared.plain_text import cell

RESULT_HEADERS = tuple(f"{RESULT_MARK}{name}" for name in ("元の行", "判定", "項目", "届いた値", "求められる値"))

MARK = "\ufeff"
"""Begins the file: without it Excel takes UTF-8 for something else."""

Outcome = Literal["accepted", "held", "not-applied", "rejected", "erased", "not-delivered"]

_WORDS: Mapping[Outcome, str] = {
    "accepted": "受付",
    "held": "保留",
    "not-applied": "一部反映なし",
    "rejected": "受け取れません",
    "erased": "消去済み",
    "not-delivered": "未送信",
}
_BETWEEN = " ／ "


@dataclass(frozen=True)
class FieldResult:
    """What is wrong with a field: in Japanese, as the file shows it."""

    field: str
    got: str
    expected: str


@dataclass(frozen=True)
class RowResult:
    """What became of a row."""

    outcome: Outcome
    fields: Sequence[FieldResult] = ()


def rejected_result(problems: Iterable[tuple[str, str | None, str]]) -> RowResult:
    """Of a row that was rejected: each problem as field, got and expected, in English."""
    return RowResult(
        "rejected",
        [FieldResult(field_in_japanese(name), got or "", expected_in_japanese(text)) for name, got, text in problems],
    )


def not_applied_result(changes: Iterable[tuple[str, str | None, str | None]]) -> RowResult:
    """Of a row that came after the issue: each field that keeps its value, with what came and what is kept."""
    return RowResult(
        "not-applied",
        [
            FieldResult(
                field_in_japanese(name), got or "", f"発行済みのため「{kept or ''}」のまま。訂正は事務局の画面から"
            )
            for name, got, kept in changes
        ],
    )


def erased_result() -> RowResult:
    """Of a row of somebody who was erased: nothing of it is kept."""
    told = "個人情報を消去した登録のため、登録していません。同じ方の新しい登録には別の登録 ID を付けてください"
    return RowResult("erased", [FieldResult(field_in_japanese("registration_id"), "", told)])


def held_result(reason: HeldReason, first_registration_id: str | None, fields: Mapping[str, object]) -> RowResult:
    """Of a row that was taken, and whose registration is held."""
    name, needed = held_in_japanese(reason, first_registration_id)
    got = printable(fields.get(HEADERS.get(name, ""))) or ""
    return RowResult("held", [FieldResult(name, got, needed)])


def result_head() -> str:
    """The first line of a result file, with the byte order mark."""
    return MARK + _line([*RESULT_HEADERS, *HEADERS])


def result_line(row: DeliveryRow | RejectedField, result: RowResult) -> str:
    """The line of one row: its result, and its cells as they came."""
    cells = _cells(row)
    number = row.number if isinstance(row, DeliveryRow) else row.row
    told = zip(*((each.field, each.got, each.expected) for each in result.fields), strict=True)
    about = [_BETWEEN.join(each) for each in told] or ["", "", ""]
    return _line(["" if number is None else str(number), _WORDS[result.outcome], *map(cell, about), *cells])


def _cells(row: DeliveryRow | RejectedField) -> list[str]:
    if isinstance(row, RejectedField):
        texts = dict(zip(FIELDS, row.cells, strict=False))
        return [as_cell(name, unmarked(name, texts.get(name, ""))) for name in FIELDS]
    found = []
    for name in FIELDS:
        value = row.fields.get(name)
        text = value if isinstance(value, str) else "" if value is None else repr(value)
        found.append(as_cell(name, unmarked(name, text) if row.typed else text))
    return found


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
