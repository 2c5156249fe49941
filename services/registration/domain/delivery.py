"""A delivery: a file, a request or a message with upstream records, parsed row by row.

Pure. An invalid row does not affect the others. Rows are numbered as the sender sees them: line 1 of a CSV holds the
headers and line 2 the first record; JSON Lines and JSON arrays begin with record 1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from services.registration.domain.record import HEADERS, FieldProblem, Rules, UpstreamRecord, printable, read_record

Form = Literal["csv", "jsonl", "json"]

FORMS: Mapping[str, Form] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/ndjson": "jsonl",
    "application/x-ndjson": "jsonl",
}
"""The media types of a delivery. NDJSON has no registered one: the three in use are accepted."""

# PNG, JPEG, GIF, PDF, ZIP (xlsx), OLE (xls), gzip, TIFF, RIFF (WebP); HEIC has its mark at byte 4.
_OTHER_KINDS = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF-",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"II*\0",
    b"MM\0*",
    b"RIFF",
)
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)  # strings hold brackets and commas
_NEWLINE = re.compile(r"\r\n|\n|\r")  # str.splitlines breaks at eight more characters, some of which could be in names


@dataclass(frozen=True)
class RejectedField:
    """One invalid field of one row. `row` is None where rows have no number (Kafka)."""

    row: int | None
    problem: FieldProblem
    registration_id: str | None = None  # if it could be read


def rejected_as_json(rejected: RejectedField) -> dict[str, Any]:
    """As the sender's answer shows it. `got` is included, personal or not: the sender wrote it."""
    problem = rejected.problem
    return {"row": rejected.row, "field": problem.field, "got": problem.got, "expected": problem.expected}


@dataclass(frozen=True)
class Delivery:
    """The valid records, in order, each with its row number, and the invalid fields."""

    records: tuple[tuple[int | None, UpstreamRecord], ...]
    rejected: tuple[RejectedField, ...]

    @property
    def rejected_rows(self) -> int:
        return len({each.row for each in self.rejected})


@dataclass(frozen=True)
class DeliveryRow:
    """The fields of one row by their English names, not checked yet."""

    number: int | None
    fields: Mapping[str, object]


@dataclass(frozen=True)
class FilePart:
    """Some rows of a file, as a delivery of its own. `first_row` is the number of its first record in the file."""

    body: bytes
    first_row: int
    rows: int


class UnreadableDeliveryError(ValueError):
    """Nothing of the delivery can be read: its encoding, its headers or its outermost form is wrong."""

    def __init__(self, row: int, problem: FieldProblem) -> None:
        super().__init__(f"row {row}, {problem.field}: got {problem.got!r}, expected {problem.expected}")
        self.rejected = RejectedField(row, problem)


def read_delivery(body: bytes, form: Form, rules: Rules, *, first_row: int | None = None) -> Delivery:
    """All records of `body` and all problems of its invalid rows. UnreadableDeliveryError if it has no rows.

    `first_row` is the number of the first record if the delivery is a part of a longer one.
    """
    rows = {"csv": csv_rows, "jsonl": json_lines, "json": json_rows}[form](body, first_row)
    return read_rows(rows, rules)


def read_rows(rows: Iterable[DeliveryRow | RejectedField], rules: Rules) -> Delivery:
    """Check each row that could be parsed."""
    records: list[tuple[int | None, UpstreamRecord]] = []
    rejected: list[RejectedField] = []
    for row in rows:
        if isinstance(row, RejectedField):
            rejected.append(row)
            continue
        record = read_record(row.fields, rules)
        if isinstance(record, UpstreamRecord):
            records.append((row.number, record))
        else:
            id = printable(row.fields.get("registration_id"))
            rejected.extend(RejectedField(row.number, problem, id) for problem in record)
    return Delivery(tuple(records), tuple(rejected))


def csv_rows(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """The rows of an office's export: headers in Japanese or English, in any order; UTF-8 or CP932.

    Each line is a row, whatever its quotes: no field can hold a line break, and an unclosed quote would otherwise
    take in the rest of the file. Empty lines are ignored. UnreadableDeliveryError for wrong headers.
    """
    return _csv_rows(lines_of(decoded(body)), first_row or 2)


def _csv_rows(lines: Sequence[str], first_row: int) -> Iterator[DeliveryRow | RejectedField]:
    names = header_fields(lines[0] if lines else "")
    for number, line in enumerate(lines[1:], first_row):
        cells = _cells(line)
        if cells is None:
            yield RejectedField(number, FieldProblem("row", printable(line), "cells between commas, quotes in pairs"))
        elif not any(cells):
            continue
        elif len(cells) != len(names):
            yield RejectedField(
                number, FieldProblem("row", f"{len(cells)} cells", f"{len(names)} cells, one for each head")
            )
        else:
            yield DeliveryRow(number, dict(zip(names, cells, strict=True)))


def header_fields(line: str) -> list[str]:
    """The fields in a CSV's first line. UnreadableDeliveryError names what is unknown, repeated or missing."""
    names = []
    for cell in _cells(line) or []:
        header = cell.strip()
        name = HEADERS.get(header, header)
        if name not in HEADERS.values():
            raise UnreadableDeliveryError(
                1, FieldProblem("heads", printable(header), "heads among " + ", ".join(HEADERS))
            )
        if name in names:
            raise UnreadableDeliveryError(1, FieldProblem("heads", printable(header), "each head once"))
        names.append(name)
    missing = [header for header, name in HEADERS.items() if name not in names]
    if missing:
        raise UnreadableDeliveryError(1, FieldProblem("heads", f"{len(names)} heads", "also " + ", ".join(missing)))
    return names


def json_lines(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """One JSON object a line (NDJSON, JSON Lines). Empty lines are ignored.

    UnreadableDeliveryError for a file of another kind: a picture is no delivery, not a thousand rejected rows.
    """
    refuse_other_kinds(body)
    return _json_lines(body, first_row)


def _json_lines(body: bytes, first_row: int | None) -> Iterator[DeliveryRow | RejectedField]:
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), first_row or 1):
        if line.strip():
            yield json_row(number, line)


def refuse_other_kinds(body: bytes) -> None:
    """UnreadableDeliveryError for what begins as a picture, PDF or workbook, or has no line that begins as JSON.

    One bad line among others stays one bad line.
    """
    lines = (line.lstrip() for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    begins = [line[:1] for line in lines if line]
    if body.startswith(_OTHER_KINDS) or body[4:8] == b"ftyp" or (begins and not {b"{", b"["} & set(begins)):
        problem = FieldProblem(
            "delivery", f"{len(body)} bytes of another kind", "registrations: a CSV with its heads, or JSON objects"
        )
        raise UnreadableDeliveryError(1, problem)


def json_row(number: int | None, text: bytes) -> DeliveryRow | RejectedField:
    """The row in one JSON object, or why there is none."""
    try:
        return _row(number, msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return RejectedField(number, FieldProblem("row", f"{len(text)} bytes", f"a JSON object ({error})"))


def json_rows(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """One JSON object or an array of them. UnreadableDeliveryError if the body is not JSON.

    A value that is nested too deeply costs its own row.
    """
    try:
        found = msgspec.json.decode(body)
    except RecursionError:
        return (json_row(number, text) for number, text in enumerate(_items(body), first_row or 1))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = FieldProblem("delivery", f"{len(body)} bytes", f"a JSON object or an array of them ({error})")
        raise UnreadableDeliveryError(1, problem) from error
    items = found if isinstance(found, list) else [found]
    return (_row(number, item) for number, item in enumerate(items, first_row or 1))


def _items(body: bytes) -> Iterator[bytes]:
    """The texts of the values in a JSON array, however deeply nested; the whole text if it is none."""
    text = body.strip()
    if not text.startswith(b"["):
        yield text
        return
    depth, start = 0, 1
    for token in _JSON_TOKEN.finditer(text):
        if token[0] in b"[{":
            depth += 1
        elif token[0] in b"]}":
            depth -= 1
        if depth == 0 or (depth == 1 and token[0] == b","):
            yield text[start : token.start()]
            start = token.end()
        if depth == 0:
            break
    if rest := text[start:].strip():
        yield rest


def decoded(body: bytes) -> str:
    """The text of a CSV in UTF-8, with or without BOM, or CP932. UnreadableDeliveryError names the row.

    Japanese headers in CP932 are never valid UTF-8 (their first byte is a continuation byte there), so trying UTF-8
    first can't misread CP932.
    """
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError as error:
            row, byte = body.count(b"\n", 0, error.start) + 1, body[error.start]
    problem = FieldProblem("encoding", f"byte 0x{byte:02x}", "UTF-8 or CP932 (Shift_JIS of Windows)")
    raise UnreadableDeliveryError(row, problem)


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their line ends."""
    return _NEWLINE.split(text)


def parts_of(body: bytes, form: str, size: int) -> Iterator[FilePart]:
    """A file in parts of `size` rows, a CSV's each with the headers. UnreadableDeliveryError for its encoding."""
    if form == "csv":
        header, *lines = lines_of(decoded(body))
        for at in range(0, max(len(lines), 1), size):
            some = lines[at : at + size]
            yield FilePart("\r\n".join([header, *some]).encode(), at + 2, len(some))
    else:
        refuse_other_kinds(body)
        records = body.split(b"\n")
        for at in range(0, len(records), size):
            some_records = records[at : at + size]
            yield FilePart(b"\n".join(some_records), at + 1, len(some_records))


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _row(number: int | None, found: object) -> DeliveryRow | RejectedField:
    if isinstance(found, dict):
        return DeliveryRow(number, found)
    return RejectedField(number, FieldProblem("row", printable(found), "a JSON object"))
