"""Rows of a delivery as they were sent, before they are checked, and why one can't be read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.registration.domain.record import FieldProblem
from services.registration.domain.soundness import SAVE_AS_UTF8

_REGISTRATIONS = "registrations: a CSV with its heads, or JSON objects"
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


@dataclass(frozen=True)
class ErasedRow:
    """A row of somebody who was erased: left out, whatever it says."""

    row: int | None
    registration_id: str


def rejected_as_json(rejected: RejectedField) -> dict[str, Any]:
    """As the sender's answer shows it. `got` is included, personal or not: the sender wrote it."""
    problem = rejected.problem
    return {"row": rejected.row, "field": problem.field, "got": problem.got, "expected": problem.expected}


class UnreadableDeliveryError(ValueError):
    """Nothing of the delivery can be read: its encoding, its headers or its outermost form is wrong."""

    def __init__(self, row: int, problem: FieldProblem) -> None:
        super().__init__(f"row {row}, {problem.field}: got {problem.got!r}, expected {problem.expected}")
        self.rejected = RejectedField(row, problem)


def is_of_another_kind(body: bytes) -> bool:
    """Whether a file begins as a picture, PDF, archive or workbook."""
    return body.startswith(_OTHER_KINDS) or body[4:8] == b"ftyp"


def another_kind(body: bytes) -> UnreadableDeliveryError:
    """The error for a file that holds no registrations; it says what to do with a workbook."""
    expected = f"{_REGISTRATIONS}; {SAVE_AS_UTF8}" if is_of_another_kind(body) else _REGISTRATIONS
    return UnreadableDeliveryError(1, FieldProblem("delivery", f"{len(body)} bytes of another kind", expected))
