"""Rows as CSV that Excel opens: what it would take for a formula, or change, is kept as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from shared.plain_text import spreadsheet_cell

MARK = b"\xef\xbb\xbf"
"""The byte order mark at the beginning of a file, by which Excel reads it as UTF-8."""


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([spreadsheet_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
