"""Rows of a delivery as they were sent, before they are checked, and why one can't be read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.registration.domain.record import FieldProblem


@dataclass(frozen=True)
class DeliveryRow:
    """The fields of one row by their English names, not checked yet. `typed`: cells of a spreadsheet, as typed."""

    number: int | None
    fields: Mapping[str, object]
    typed: bool = False


@dataclass(frozen=True)
class RejectedField:
    """One invalid field of one row. `row` is None where rows have no number (Kafka).

    `cells`: what could be read of a row that has no fields, so that its sender finds it again.
    """

    row: int | None
    problem: FieldProblem
    registration_id: str | None = None  # if it could be read
    cells: tuple[str, ...] = ()


def rejected_as_json(rejected: RejectedField) -> dict[str, Any]:
    """As the sender's answer shows it. `got` is included, personal or not: the sender wrote it."""
    problem = rejected.problem
    return {"row": rejected.row, "field": problem.field, "got": problem.got, "expected": problem.expected}


class UnreadableDeliveryError(ValueError):
    """Nothing of the delivery can be read: its encoding, its headers or its outermost form is wrong."""

    def __init__(self, row: int, problem: FieldProblem) -> None:
        super().__init__(f"row {row}, {problem.field}: got {problem.got!r}, expected {problem.expected}")
        self.rejected = RejectedField(row, problem)
