"""The result file of a delivery: what was noted of its rows while they were taken in, beside the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from services.registration.domain.result_file import (
    RowResult,
    erased_result,
    held_result,
    not_applied_result,
    rejected_result,
    result_head,
    result_line,
)
from services.registration.domain.rows import DeliveryRow, RejectedField

_LINES = 500  # a piece of the file

Row = DeliveryRow | RejectedField


class RowResults:
    """What became of the rows that are not simply accepted, by their numbers: from the words of an answer."""

    def __init__(self) -> None:
        self._rejected: dict[int | None, list[tuple[str, str | None, str]]] = {}
        self._late: dict[int | None, list[tuple[str, str | None, str | None]]] = {}
        self._held: dict[int | None, tuple[Any, str | None]] = {}
        self._erased: set[int | None] = set()

    def note(self, told: Mapping[str, Any]) -> None:
        """As `Receiving` tells it, or as a list of an answer has it with its `outcome`."""
        row = told["row"]
        if told["outcome"] == "rejected":
            self._rejected.setdefault(row, []).append((told["field"], told["got"], told["expected"]))
        elif told["outcome"] == "not-applied":
            self._late[row] = [(each["field"], each["got"], each["kept"]) for each in told["changes"]]
        elif told["outcome"] == "erased":
            self._erased.add(row)
        elif told["outcome"] == "held":
            self._held[row] = told["reason"], told["first_registration_id"]

    def of(self, row: Row) -> RowResult:
        number = number_of(row)
        if number in self._rejected:
            return rejected_result(self._rejected[number])
        if number in self._erased:
            return erased_result()
        if number in self._late:
            return not_applied_result(self._late[number])
        if number in self._held:
            return held_result(*self._held[number], row.fields if isinstance(row, DeliveryRow) else {})
        return RowResult("accepted")


def number_of(row: Row) -> int | None:
    """The row's number in its file."""
    return row.number if isinstance(row, DeliveryRow) else row.row


def result_file(rows: Iterable[Row], results: RowResults, not_delivered_from: int | None = None) -> Iterator[bytes]:
    """The file in pieces. `not_delivered_from`: the first row that was not delivered; None: all were."""
    yield result_head().encode()
    rows = iter(rows)
    while some := list(islice(rows, _LINES)):
        lines = []
        for row in some:
            number = number_of(row)
            is_missing = not_delivered_from is not None and number is not None and number >= not_delivered_from
            lines.append(result_line(row, RowResult("not-delivered") if is_missing else results.of(row)))
        yield "".join(lines).encode(errors="backslashreplace")
