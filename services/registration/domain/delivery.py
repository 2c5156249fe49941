"""A delivery: a file, a request or a message with upstream records, parsed row by row.

Pure. An invalid row does not affect the others. Rows are numbered as the sender sees them: a CSV's as Excel shows them;
JSON Lines and JSON arrays begin with record 1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from services.registration.domain.csv_file import FilePart, csv_parts, csv_rows
from services.registration.domain.encoding import UTF_8_MARK, Charset, wide_encoding
from services.registration.domain.record import (
    FieldProblem,
    Rules,
    UpstreamRecord,
    printable,
    read_record,
    registration_id_in,
)
from services.registration.domain.rows import (
    DeliveryRow,
    ErasedRow,
    RejectedField,
    UnreadableDeliveryError,
    another_kind,
    is_of_another_kind,
)
from services.registration.domain.soundness import trimmed
from services.registration.domain.spreadsheet import as_typed

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
class Delivery:
    """The valid records, in order, each with its row number, and the invalid fields."""

    records: tuple[tuple[int | None, UpstreamRecord], ...]
    rejected: tuple[RejectedField, ...]

    @property
    def rejected_rows(self) -> int:
        return len({each.row for each in self.rejected})

    @property
    def registration_ids(self) -> set[str]:
        """All that its rows name, valid or not."""
        named = {each.registration_id for each in self.rejected if each.registration_id is not None}
        return named | {record.registration_id for _, record in self.records}

    def without(self, erased: Collection[str]) -> tuple[Delivery, tuple[ErasedRow, ...]]:
        """The rows that are not about `erased` registrations, and those that are, a row at fault like any other."""
        if not erased:
            return self, ()
        left_out = [
            ErasedRow(row, each.registration_id) for row, each in self.records if each.registration_id in erased
        ]
        at_fault = {(each.row, each.registration_id) for each in self.rejected if each.registration_id in erased}
        left_out += [ErasedRow(row, id) for row, id in at_fault if id is not None]
        return Delivery(
            tuple((row, each) for row, each in self.records if each.registration_id not in erased),
            tuple(each for each in self.rejected if each.registration_id not in erased),
        ), tuple(sorted(left_out, key=lambda each: (each.row or 0, each.registration_id)))


def rows_of(
    body: bytes, form: Form, *, first_row: int | None = None, charset: Charset | None = None
) -> Iterator[DeliveryRow | RejectedField]:
    """The rows of `body` as they came. UnreadableDeliveryError if it has none.

    `first_row` is the number of the first record if the delivery is a part of a longer one. `charset` is the encoding
    that the sender declared for a CSV: no other is tried.
    """
    if form == "csv":
        return csv_rows(body, first_row, charset)
    if (wide := wide_encoding(body)) is not None:
        raise UnreadableDeliveryError(1, FieldProblem("encoding", wide, "JSON in UTF-8"))
    return {"jsonl": json_lines, "json": json_rows}[form](body, first_row)


def read_rows(rows: Iterable[DeliveryRow | RejectedField], rules: Rules) -> Delivery:
    """Check each row that could be parsed."""
    records: list[tuple[int | None, UpstreamRecord]] = []
    rejected: list[RejectedField] = []
    for row in rows:
        if isinstance(row, RejectedField):
            rejected.append(row)
            continue
        fields = as_typed(row.fields, rules.programme) if row.typed else row.fields
        record = read_record(fields, rules)
        if isinstance(record, UpstreamRecord):
            records.append((row.number, record))
        else:
            id = registration_id_in(fields)
            rejected.extend(RejectedField(row.number, _as_sent(problem, row), id) for problem in record)
    return Delivery(tuple(records), tuple(rejected))


def _as_sent(problem: FieldProblem, row: DeliveryRow) -> FieldProblem:
    return FieldProblem(problem.field, printable(row.fields.get(problem.field)), problem.expected)


def json_lines(body: bytes, first_row: int | None = None) -> Iterator[DeliveryRow | RejectedField]:
    """One JSON object a line (NDJSON, JSON Lines). Empty lines are ignored.

    UnreadableDeliveryError for a file of another kind: a picture is no delivery, not a thousand rejected rows.
    """
    refuse_other_kinds(body)
    return _json_lines(body, first_row)


def _json_lines(body: bytes, first_row: int | None) -> Iterator[DeliveryRow | RejectedField]:
    for number, line in enumerate(body.split(b"\n"), first_row or 1):
        if trimmed(line.decode("utf-8", "replace")):
            yield json_row(number, line)


def refuse_other_kinds(body: bytes) -> None:
    """UnreadableDeliveryError for what begins as a picture, PDF or workbook, or has no line that begins as JSON.

    One bad line among others stays one bad line.
    """
    texts = (trimmed(line.decode("utf-8", "replace")) for line in body.split(b"\n"))
    begins = {text[0] for text in texts if text}
    is_no_text = bool(begins) and not begins & {"{", "["} and wide_encoding(body) is None
    if is_of_another_kind(body) or is_no_text:
        raise another_kind(body)


def json_row(number: int | None, text: bytes) -> DeliveryRow | RejectedField:
    """The row in one JSON object, or why there is none."""
    try:
        return _row(number, msgspec.json.decode(_unmarked(text)))
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} (byte {error.start + 1} of the row)"
        return RejectedField(number, FieldProblem("encoding", got, "JSON in UTF-8"))
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


def parts_of(body: bytes, form: str, size: int) -> Iterator[FilePart]:
    """A file in parts of `size` rows, a CSV's each with the headers. UnreadableDeliveryError for its encoding."""
    if form == "csv":
        yield from csv_parts(body, size)
    else:
        refuse_other_kinds(body)
        records = body.split(b"\n")
        for at in range(0, len(records), size):
            some = records[at : at + size]
            yield FilePart(b"\n".join(some), at + 1, len(some), "utf-8")


def _row(number: int | None, found: object) -> DeliveryRow | RejectedField:
    if isinstance(found, dict):
        return DeliveryRow(number, {trimmed(name): value for name, value in found.items()})
    return RejectedField(number, FieldProblem("row", printable(found), "a JSON object"))
