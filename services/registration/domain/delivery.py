"""A delivery: a file, a request or a message with upstream records, taken apart row by row.

A row that can't be read never keeps the others from being read. Rows are numbered as the sender sees them: line 1 of a
CSV holds the heads and line 2 the first record; JSON Lines and JSON arrays begin with record 1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from services.registration.domain.registration import HEADERS, Problem, Rules, UpstreamRecord, read_record, shown

Form = Literal["csv", "jsonl", "json"]

FORMS: Mapping[str, Form] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/ndjson": "jsonl",
    "application/x-ndjson": "jsonl",
}
"""Media types that a delivery may have. NDJSON never got a registered one: the three in use are taken."""

_NEWLINE = re.compile(r"\r\n|\n|\r")  # str.splitlines breaks at eight more characters, some of which names could hold


@dataclass(frozen=True)
class Rejected:
    """One field of one row that couldn't be read. `row` is None where rows have no number (Kafka)."""

    row: int | None
    problem: Problem
    registration_id: str | None = None  # if that much could be read


def told_to_sender(rejected: Rejected) -> dict[str, Any]:
    """The answer's form of it, as JSON. `got` is as sent: the sender has it anyway."""
    problem = rejected.problem
    return {"row": rejected.row, "field": problem.field, "got": problem.got, "expected": problem.expected}


@dataclass(frozen=True)
class Delivery:
    """What was read, in order, each with its row."""

    records: tuple[tuple[int | None, UpstreamRecord], ...]
    rejected: tuple[Rejected, ...]

    @property
    def rejected_rows(self) -> int:
        return len({each.row for each in self.rejected})


@dataclass(frozen=True)
class Row:
    """The fields of one row by their English names, not yet checked."""

    number: int | None
    fields: Mapping[str, object]


class UnreadableDeliveryError(ValueError):
    """Nothing of the delivery can be read: its encoding, its heads or its outermost form is wrong."""

    def __init__(self, row: int, problem: Problem) -> None:
        super().__init__(f"row {row}, {problem.field}: got {problem.got!r}, expected {problem.expected}")
        self.rejected = Rejected(row, problem)


def read_delivery(body: bytes, form: Form, rules: Rules, *, first_row: int | None = None) -> Delivery:
    """All records of `body`, and all problems of the rows that hold none. UnreadableDeliveryError if it has no rows.

    `first_row` is the number of the first record, when the delivery is a part of a longer one.
    """
    rows = {"csv": csv_rows, "jsonl": json_lines, "json": json_rows}[form](body, first_row)
    return read_rows(rows, rules)


def read_rows(rows: Iterable[Row | Rejected], rules: Rules) -> Delivery:
    """Check each row that could be taken apart."""
    records: list[tuple[int | None, UpstreamRecord]] = []
    rejected: list[Rejected] = []
    for row in rows:
        if isinstance(row, Rejected):
            rejected.append(row)
            continue
        record = read_record(row.fields, rules)
        if isinstance(record, UpstreamRecord):
            records.append((row.number, record))
        else:
            id = shown(row.fields.get("registration_id"))
            rejected.extend(Rejected(row.number, problem, id) for problem in record)
    return Delivery(tuple(records), tuple(rejected))


def csv_rows(body: bytes, first_row: int | None = None) -> Iterator[Row | Rejected]:
    """The rows of an office's export: heads in Japanese or in English, in any order; UTF-8 or CP932.

    Each line is a row, whatever its quotes: no field can hold a line break, and a quote that is never closed would
    otherwise swallow the rest of the file. Empty lines are let pass. UnreadableDeliveryError for wrong heads.
    """
    return _csv_rows(lines_of(decoded(body)), first_row or 2)


def _csv_rows(lines: Sequence[str], first_row: int) -> Iterator[Row | Rejected]:
    names = heads(lines[0] if lines else "")
    for number, line in enumerate(lines[1:], first_row):
        cells = _cells(line)
        if cells is None:
            yield Rejected(number, Problem("row", shown(line), "cells between commas, quotes in pairs"))
        elif not any(cells):
            continue
        elif len(cells) != len(names):
            yield Rejected(number, Problem("row", f"{len(cells)} cells", f"{len(names)} cells, one for each head"))
        else:
            yield Row(number, dict(zip(names, cells, strict=True)))


def heads(line: str) -> list[str]:
    """The fields that a CSV's first line names. UnreadableDeliveryError names what is unknown, doubled or missing."""
    names = []
    for cell in _cells(line) or []:
        head = cell.strip()
        name = HEADERS.get(head, head)
        if name not in HEADERS.values():
            raise UnreadableDeliveryError(1, Problem("heads", shown(head), "heads among " + ", ".join(HEADERS)))
        if name in names:
            raise UnreadableDeliveryError(1, Problem("heads", shown(head), "each head once"))
        names.append(name)
    missing = [head for head, name in HEADERS.items() if name not in names]
    if missing:
        raise UnreadableDeliveryError(1, Problem("heads", f"{len(names)} heads", "also " + ", ".join(missing)))
    return names


def json_lines(body: bytes, first_row: int | None = None) -> Iterator[Row | Rejected]:
    """One JSON object a line (NDJSON, JSON Lines). Empty lines are let pass."""
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), first_row or 1):
        if line.strip():
            yield json_row(number, line)


def json_row(number: int | None, text: bytes) -> Row | Rejected:
    """The row in one JSON object."""
    try:
        return _row(number, msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Rejected(number, Problem("row", f"{len(text)} bytes", f"a JSON object ({error})"))


def json_rows(body: bytes, first_row: int | None = None) -> Iterator[Row | Rejected]:
    """One JSON object, or an array of them. UnreadableDeliveryError when the whole is not JSON."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = Problem("delivery", f"{len(body)} bytes", f"a JSON object or an array of them ({error})")
        raise UnreadableDeliveryError(1, problem) from error
    items = found if isinstance(found, list) else [found]
    return (_row(number, item) for number, item in enumerate(items, first_row or 1))


def decoded(body: bytes) -> str:
    """The text of a CSV, strictly: UTF-8, with or without its mark, or CP932. UnreadableDeliveryError names the row.

    Japanese heads in CP932 are never valid UTF-8 (their first byte only ever continues a character there), so the
    order of trying can't mistake one for the other.
    """
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError as error:
            row, byte = body.count(b"\n", 0, error.start) + 1, body[error.start]
    problem = Problem("encoding", f"byte 0x{byte:02x}", "UTF-8 or CP932 (Shift_JIS of Windows)")
    raise UnreadableDeliveryError(row, problem)


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends."""
    return _NEWLINE.split(text)


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _row(number: int | None, found: object) -> Row | Rejected:
    if isinstance(found, dict):
        return Row(number, found)
    return Rejected(number, Problem("row", shown(found), "a JSON object"))
