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

from services.registration.domain.encoding import (
    NAMES,
    UTF_8_MARK,
    Charset,
    charset_of,
    is_euc_jp,
    is_valid,
    lines_of,
    wide_encoding,
)
from services.registration.domain.mojibake import misread
from services.registration.domain.record import HEADERS, FieldProblem, Rules, UpstreamRecord, printable, read_record
from services.registration.domain.soundness import SAVE_AS_UTF8, trimmed

Form = Literal["csv", "jsonl", "json"]

FORMS: Mapping[str, Form] = {
    "text/csv": "csv",
    "application/json": "json",
    "application/jsonl": "jsonl",
    "application/ndjson": "jsonl",
    "application/x-ndjson": "jsonl",
}
"""The media types of a delivery. NDJSON has no registered one: the three in use are accepted."""

_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)  # strings hold brackets and commas


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
    charset: Charset  # of the whole file


class UnreadableDeliveryError(ValueError):
    """Nothing of the delivery can be read: its encoding, its headers or its outermost form is wrong."""

    def __init__(self, row: int, problem: FieldProblem) -> None:
        super().__init__(f"row {row}, {problem.field}: got {problem.got!r}, expected {problem.expected}")
        self.rejected = RejectedField(row, problem)


def read_delivery(
    body: bytes, form: Form, rules: Rules, *, first_row: int | None = None, charset: Charset | None = None
) -> Delivery:
    """All records of `body` and all problems of its invalid rows. UnreadableDeliveryError if it has no rows.

    `first_row` is the number of the first record if the delivery is a part of a longer one. `charset` is the encoding
    that the sender declared for a CSV: no other is tried.
    """
    if form == "csv":
        return read_rows(csv_rows(body, first_row, charset), rules)
    if (wide := wide_encoding(body)) is not None:
        raise UnreadableDeliveryError(1, FieldProblem("encoding", wide, "JSON in UTF-8"))
    return read_rows({"jsonl": json_lines, "json": json_rows}[form](body, first_row), rules)


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


def csv_rows(
    body: bytes, first_row: int | None = None, charset: Charset | None = None
) -> Iterator[DeliveryRow | RejectedField]:
    """The rows of an office's export: headers in Japanese or English, in any order; UTF-8 or CP932.

    Each line is a row, whatever its quotes: no field can hold a line break, and an unclosed quote would otherwise
    take in the rest of the file. What a spreadsheet leaves empty is ignored: lines, also above the headers, and columns
    without a header. UnreadableDeliveryError for wrong headers. A row in another encoding is rejected.
    """
    lines = lines_of(body)
    charset = charset or _charset(body, lines)
    above = _lines_above_head(lines)
    names = header_fields(decoded(lines[above], charset, above + 1), above + 1)
    return _csv_rows(lines[above + 1 :], names, charset, first_row or above + 2)


def _csv_rows(
    lines: Sequence[bytes], names: Sequence[str | None], charset: Charset, first_row: int
) -> Iterator[DeliveryRow | RejectedField]:
    for number, line in enumerate(lines, first_row):
        try:
            text = decoded(line, charset, number)
        except UnreadableDeliveryError as error:
            yield error.rejected
            continue
        cells = _cells(text)
        if cells is None:
            yield RejectedField(number, FieldProblem("row", printable(text), "cells between commas, quotes in pairs"))
            continue
        while cells and (len(cells) > len(names)) and not trimmed(cells[-1]):
            cells.pop()
        if not any(map(trimmed, cells)):
            continue
        if charset == "cp932" and (problem := _pasted(line, cells)) is not None:
            yield RejectedField(number, problem)
        elif len(cells) != len(names):
            yield RejectedField(
                number, FieldProblem("row", f"{len(cells)} cells", f"{len(names)} cells, one for each head")
            )
        elif any(name is None and trimmed(cell) for name, cell in zip(names, cells, strict=True)):
            yield RejectedField(number, FieldProblem("row", "a cell under no head", "a head above each cell"))
        else:
            yield DeliveryRow(number, {name: cell for name, cell in zip(names, cells, strict=True) if name is not None})


def _pasted(line: bytes, cells: Sequence[str]) -> FieldProblem | None:
    """What is wrong with a row that CP932 has characters for, but that was written in another encoding."""
    paths = filter(None, map(misread, cells))
    written = next((path.written for path in paths if path.read == "CP932"), None)
    if written is None and is_euc_jp(line.split(b",")):
        written = "EUC-JP"
    if written is None:
        return None
    return FieldProblem("encoding", written, f"{NAMES['cp932']}, as in the other rows; {SAVE_AS_UTF8}")


def header_fields(line: str, number: int = 1) -> list[str | None]:
    """The fields in a CSV's headers, None for a column without one; those at the end are left out.

    UnreadableDeliveryError names what is unknown, repeated or missing.
    """
    names: list[str | None] = []
    for cell in _cells(line) or []:
        header = trimmed(cell)
        name = HEADERS.get(header, header) or None
        if name is not None and name not in HEADERS.values():
            raise UnreadableDeliveryError(
                number, FieldProblem("heads", printable(header), "heads among " + ", ".join(HEADERS))
            )
        if name is not None and name in names:
            raise UnreadableDeliveryError(number, FieldProblem("heads", printable(header), "each head once"))
        names.append(name)
    while names and names[-1] is None:
        names.pop()
    missing = [header for header, name in HEADERS.items() if name not in names]
    if missing:
        raise UnreadableDeliveryError(
            number, FieldProblem("heads", f"{len(names)} heads", "also " + ", ".join(missing))
        )
    return names


def _charset(body: bytes, lines: Sequence[bytes]) -> Charset:
    wide = wide_encoding(body)
    if wide is not None:
        raise UnreadableDeliveryError(
            1, FieldProblem("encoding", wide, f"{' or '.join(NAMES.values())}; {SAVE_AS_UTF8}")
        )
    return charset_of(body, lines[_lines_above_head(lines)])


def _lines_above_head(lines: Sequence[bytes]) -> int:
    """How many lines without any text there are at the top; 0 if there is no other line."""
    for number, line in enumerate(lines):
        charset: Charset = "utf-8" if is_valid(line, "utf-8") else "cp932"
        if trimmed(line.decode(charset, "replace").replace(",", " ").replace('"', " ")):
            return number
    return 0


def json_lines(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """One JSON object a line (NDJSON, JSON Lines). Empty lines are ignored."""
    for number, line in enumerate(body.split(b"\n"), first_row or 1):
        if trimmed(line.decode("utf-8", "replace")):
            yield json_row(number, line)


def json_row(number: int | None, text: bytes) -> DeliveryRow | RejectedField:
    """The row in one JSON object, or why there is none."""
    try:
        return _row(number, msgspec.json.decode(_unmarked(text)))
    except UnicodeDecodeError as error:
        return RejectedField(
            number, FieldProblem("encoding", f"byte 0x{error.object[error.start]:02x}", "JSON in UTF-8")
        )
    except (msgspec.DecodeError, RecursionError) as error:
        return RejectedField(number, FieldProblem("row", f"{len(text)} bytes", f"a JSON object ({error})"))


def json_rows(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """One JSON object or an array of them. UnreadableDeliveryError if the body is not JSON.

    A value that is nested too deeply costs its own row.
    """
    body = _unmarked(body)
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


def _unmarked(text: bytes) -> bytes:
    """JSON without the byte order mark that some programs write: RFC 8259, 8.1 lets a reader ignore it."""
    while text.startswith(UTF_8_MARK):
        text = text.removeprefix(UTF_8_MARK)
    return text


def decoded(content: bytes, charset: Charset | None = None, row: int = 1) -> str:
    """The text of a CSV or of its line `row`, without byte order marks. UnreadableDeliveryError names the row.

    Without `charset` it is the encoding of the content.
    """
    found = charset or _charset(content, lines_of(content))
    try:
        return content.decode(found).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        expected = f"{NAMES[found]}, as in the other rows; {SAVE_AS_UTF8}"
        if charset is None or row == 1:
            expected = " or ".join(NAMES.values())
        problem = FieldProblem("encoding", f"byte 0x{content[error.start]:02x}", expected)
        raise UnreadableDeliveryError(row + len(lines_of(content[: error.start])) - 1, problem) from error


def parts_of(body: bytes, form: str, size: int) -> Iterator[FilePart]:
    """A file in parts of `size` rows, a CSV's each with the headers. UnreadableDeliveryError for its encoding."""
    if form == "csv":
        lines = lines_of(body)
        charset = _charset(body, lines)
        above = _lines_above_head(lines)
        head, rows = lines[above], lines[above + 1 :]
        decoded(head, charset, above + 1)
        for at in range(0, max(len(rows), 1), size):
            some = rows[at : at + size]
            yield FilePart(b"\r\n".join([head, *some]), above + at + 2, len(some), charset)
    else:
        records = body.split(b"\n")
        for at in range(0, len(records), size):
            some = records[at : at + size]
            yield FilePart(b"\n".join(some), at + 1, len(some), "utf-8")


def _cells(line: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None


def _row(number: int | None, found: object) -> DeliveryRow | RejectedField:
    if isinstance(found, dict):
        return DeliveryRow(number, {trimmed(name): value for name, value in found.items()})
    return RejectedField(number, FieldProblem("row", printable(found), "a JSON object"))
