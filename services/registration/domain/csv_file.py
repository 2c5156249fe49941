"""A CSV as offices and spreadsheets write it: encodings, delimiters, quotes, headers. Pure.

Rows are numbered as Excel shows them: the headers are row 1 unless empty lines stand above them, and a cell with line
breaks is in one row.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.registration.domain.encoding import (
    NAMES,
    Charset,
    charset_of,
    is_euc_jp,
    is_valid,
    lines_of,
    utf_8_of_utf_16,
    wide_encoding,
)
from services.registration.domain.mojibake import misread
from services.registration.domain.record import HEADERS, FieldProblem, printable
from services.registration.domain.rows import (
    DeliveryRow,
    RejectedField,
    UnreadableDeliveryError,
    another_kind,
    is_of_another_kind,
)
from services.registration.domain.soundness import SAVE_AS_UTF8, trimmed

RESULT_MARK = "【結果】"
"""Begins the headers of a result file's own columns: a reader ignores what stands in them."""

_IGNORED = ""  # in place of a field: a column of a result file
_DELIMITERS = ",\t;"  # ; where the comma is in decimal numbers; a tab in Excel's "Unicode text"
_MOST_LINES = 50  # of one row: an unclosed quote is not looked for further
_QUOTE = '"'


@dataclass(frozen=True)
class FilePart:
    """Some rows of a file, as a delivery of its own. `first_row` is the number of its first record in the file."""

    body: bytes
    first_row: int
    rows: int
    charset: Charset  # of the whole file


@dataclass(frozen=True)
class _Line:
    """A row of the table: its bytes, and its cells; or what is wrong with it."""

    number: int
    content: bytes
    cells: tuple[str, ...]
    problem: FieldProblem | None = None


@dataclass(frozen=True)
class Table:
    """A CSV whose headers could be read. `names`: the fields of its columns, None for one without a header."""

    lines: Sequence[bytes]  # below the headers
    charset: Charset
    delimiter: str
    head: bytes
    names: Sequence[str | None]
    first_row: int

    def rows(self) -> Iterator[_Line]:
        """Each row, with its number."""
        at, number = 0, self.first_row
        while at < len(self.lines):
            row, taken = self._row(at, number)
            yield row
            at, number = at + taken, number + 1

    def _row(self, at: int, number: int) -> tuple[_Line, int]:
        """The row that begins with this line, and how many lines it takes."""
        line = self.lines[at]
        try:
            text = decoded(line, self.charset, number)
        except UnreadableDeliveryError as error:
            lost = tuple(_loose_cells(line.decode(self.charset, "replace"), self.delimiter))
            return _Line(number, line, lost, error.rejected.problem), 1
        if text.count(_QUOTE) % 2 and (longer := self._over_lines(at, number, text)) is not None:
            return longer
        cells = _cells(text, self.delimiter)
        if cells is None:
            problem = FieldProblem("row", printable(text), "cells between commas, quotes in pairs")
            return _Line(number, line, tuple(_loose_cells(text, self.delimiter)), problem), 1
        return _Line(number, line, tuple(cells)), 1

    def _over_lines(self, at: int, number: int, text: str) -> tuple[_Line, int] | None:
        """A row with a line break in a quoted cell; None if its quote is never closed as in such a row."""
        for end in range(at + 1, min(at + _MOST_LINES, len(self.lines))):
            try:
                text += "\n" + decoded(self.lines[end], self.charset, number)
            except UnreadableDeliveryError:
                return None
            if text.count(_QUOTE) % 2 == 0:
                cells = _cells(text, self.delimiter)
                if cells is None or len(_without_empty(cells, len(self.names))) != len(self.names):
                    return None
                # Two rows, each with a lone quote, are no cell with a line break: rows would stand in it.
                if any("\n" in cell and cell.count(self.delimiter) * 2 >= len(self.names) for cell in cells):
                    return None
                return _Line(number, b"\n".join(self.lines[at : end + 1]), tuple(cells)), end + 1 - at
        return None


def read_table(body: bytes, first_row: int | None = None, charset: Charset | None = None) -> Table:
    """The table in `body`. UnreadableDeliveryError for wrong headers, and for an encoding that is not read.

    `first_row` is the number of the row below the headers if the table is a part of a longer one.
    """
    if is_of_another_kind(body):
        raise another_kind(body)
    if charset is None and (transcoded := utf_8_of_utf_16(body)) is not None:
        body, charset = transcoded, "utf-8"
    lines = lines_of(body)
    charset = charset or _charset(body, lines)
    above = _lines_above_head(lines)
    below = _end_of_head(lines, above)
    content = b"\n".join(lines[above:below])
    head = decoded(content, charset, above + 1)
    delimiter = max(_DELIMITERS, key=head.count)
    names = header_fields(head, above + 1, delimiter)
    return Table(lines[below:], charset, delimiter, content, names, first_row or above + 2)


def csv_rows(
    body: bytes, first_row: int | None = None, charset: Charset | None = None
) -> Iterator[DeliveryRow | RejectedField]:
    """The rows of an office's export: headers in Japanese or English, in any order; UTF-8, CP932 or UTF-16.

    A quote that is not closed costs its own row. What a spreadsheet leaves empty is ignored: rows, also above the
    headers, and columns without a header; so are the columns of a result file. UnreadableDeliveryError for wrong
    headers. A row in another encoding is rejected.
    """
    table = read_table(body, first_row, charset)
    return filter(None, (_delivered(row, table) for row in table.rows()))


def _delivered(row: _Line, table: Table) -> DeliveryRow | RejectedField | None:
    """The row's fields, or its problem; None if it is empty."""
    names = table.names
    cells = _without_empty(row.cells, len(names))
    problem = row.problem
    if problem is None:
        if not any(map(trimmed, cells)):
            return None
        pasted = _pasted(row.content, cells, table.delimiter) if table.charset == "cp932" else None
        if pasted is not None:
            problem = pasted
        elif len(cells) != len(names):
            problem = FieldProblem("row", f"{len(cells)} cells", f"{len(names)} cells, one for each head")
        elif any(name is None and trimmed(cell) for name, cell in zip(names, cells, strict=True)):
            problem = FieldProblem("row", "a cell under no head", "a head above each cell")
    if problem is not None:
        return RejectedField(row.number, problem, cells=tuple(_in_order(cells, table)))
    return DeliveryRow(row.number, {name: cell for name, cell in zip(names, cells, strict=True) if name}, typed=True)


def _in_order(cells: Sequence[str], table: Table) -> Iterator[str]:
    """The cells in the order of HEADERS, as far as there are any; what stands beyond the columns in the last one."""
    by_name: dict[str, str] = {name: cell for name, cell in zip(table.names, cells, strict=False) if name}
    last = [*HEADERS.values()][-1]
    if beyond := table.delimiter.join(cells[len(table.names) :]):
        by_name[last] = f"{by_name.get(last, '')}{table.delimiter}{beyond}"
    return (by_name.get(name, "") for name in HEADERS.values())


def _without_empty(cells: Sequence[str], columns: int) -> list[str]:
    """The cells, without empty ones to the right of the columns."""
    found = list(cells)
    while len(found) > columns and not trimmed(found[-1]):
        found.pop()
    return found


def _pasted(line: bytes, cells: Sequence[str], delimiter: str) -> FieldProblem | None:
    """What is wrong with a row that CP932 has characters for, but that was written in another encoding."""
    paths = filter(None, map(misread, cells))
    written = next((path.written for path in paths if path.read == "CP932"), None)
    if written is None and is_euc_jp(line.split(delimiter.encode())):
        written = "EUC-JP"
    if written is None:
        return None
    return FieldProblem("encoding", written, f"{NAMES['cp932']}, as in the other rows; {SAVE_AS_UTF8}")


def header_fields(line: str, number: int = 1, delimiter: str = ",") -> list[str | None]:
    """The fields in a CSV's headers, None for a column without one; those at the end are left out.

    Widths, case and spaces don't matter. UnreadableDeliveryError names what is unknown, repeated or missing.
    """
    names: list[str | None] = []
    for cell in _cells(line, delimiter) or []:
        header = trimmed(cell)
        name = _IGNORED if header.startswith(RESULT_MARK) else _FIELD_OF.get(_header_key(header), header) or None
        if name and name not in HEADERS.values():
            raise UnreadableDeliveryError(
                number, FieldProblem("heads", printable(header), "heads among " + ", ".join(HEADERS))
            )
        if name and name in names:
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


def _header_key(header: str) -> str:
    return "".join(unicodedata.normalize("NFKC", header).casefold().split())


_FIELD_OF = {_header_key(text): name for header, name in HEADERS.items() for text in (header, name)}


def _charset(body: bytes, lines: Sequence[bytes]) -> Charset:
    wide = wide_encoding(body)
    if wide is not None:
        raise UnreadableDeliveryError(
            1, FieldProblem("encoding", wide, f"{' or '.join(NAMES.values())}; {SAVE_AS_UTF8}")
        )
    return charset_of(body, lines[_lines_above_head(lines)])


def _lines_above_head(lines: Sequence[bytes]) -> int:
    """How many lines without any text there are at the top; 0 if there is no other line."""
    without_signs = str.maketrans(dict.fromkeys(_DELIMITERS + _QUOTE, " "))
    for number, line in enumerate(lines):
        charset: Charset = "utf-8" if is_valid(line, "utf-8") else "cp932"
        if trimmed(line.decode(charset, "replace").translate(without_signs)):
            return number
    return 0


def _end_of_head(lines: Sequence[bytes], above: int) -> int:
    """The line below the headers: there may be line breaks in them, between quotes. Both encodings write `"` so."""
    quotes = 0
    for at in range(above, min(above + _MOST_LINES, len(lines))):
        quotes += lines[at].count(b'"')
        if quotes % 2 == 0:
            return at + 1
    return above + 1


def decoded(content: bytes, charset: Charset | None = None, row: int = 1) -> str:
    """The text of a CSV or of its row `row`, without byte order marks. UnreadableDeliveryError names row and byte.

    Without `charset` it is the encoding of the content.
    """
    found = charset or _charset(content, lines_of(content))
    try:
        return content.decode(found).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        expected = f"{NAMES[found]}, as in the other rows; {SAVE_AS_UTF8}"
        if charset is None or row == 1:
            expected = " or ".join(NAMES.values())
        before = lines_of(content[: error.start])
        got = f"byte 0x{content[error.start]:02x} (byte {len(before[-1]) + 1} of the row)"
        raise UnreadableDeliveryError(row + len(before) - 1, FieldProblem("encoding", got, expected)) from error


def csv_parts(body: bytes, size: int) -> Iterator[FilePart]:
    """A CSV in parts of `size` rows, each with the headers. UnreadableDeliveryError as of `read_table`."""
    table = read_table(body)
    some: list[_Line] = []

    def part() -> FilePart:
        first = some[0].number if some else table.first_row
        return FilePart(b"\r\n".join([table.head, *(row.content for row in some)]), first, len(some), table.charset)

    for row in table.rows():
        some.append(row)
        if len(some) == size:
            yield part()
            some = []
    if some:
        yield part()


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([line], strict=True, delimiter=delimiter), [])
    except csv.Error:
        return None


def _loose_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line that can't be parsed, as far as they can be told apart."""
    return [cell.strip(_QUOTE) for cell in line.split(delimiter)]
