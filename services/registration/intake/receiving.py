"""Step 1 for deliveries of any length: rows are taken in part by part, each part in a transaction of its own.

Memory holds one part. What has to be known of all rows, their registrations and persons, lies in temporary files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from services.registration import handlers
from services.registration.domain.delivery import read_rows
from services.registration.domain.intake import NotApplied
from services.registration.domain.look_alikes import described
from services.registration.domain.rows import DeliveryRow, RejectedField, rejected_as_json
from services.registration.handlers import DeliveryResult, Ports
from services.registration.intake.persons import Persons
from services.registration.office.outlook import MOST_ASKED, outlook_of

PART_ROWS = 100
"""Rows of one transaction. Meanwhile no other writes: a person who confirms an address waits for a part at most."""

MOST_LISTED = 10_000
"""The most rows that one list of a summary names; the counts are of all."""

_COUNTED = ("rows", "accepted", "unchanged", "not_applied", "rejected", "erased", "held")

Row = DeliveryRow | RejectedField
Told = Callable[[dict[str, Any]], None]


@dataclass
class Summary:
    """What became of the rows of a delivery so far. Its fields are the JSON answer.

    Each row counts as accepted, unchanged, not applied, rejected or erased (of somebody who was erased: left out).
    Those that are held are among the first two.
    """

    accepted: int = 0
    unchanged: int = 0
    not_applied: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    erased: list[dict[str, Any]] = field(default_factory=list)
    look_alikes: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))


class Receiving:
    """A delivery on its way in. `tell` hears of each row that is not simply accepted, in the words of the answer."""

    def __init__(self, source: str, ports: Ports, tell: Told | None = None) -> None:
        self.summary = Summary()
        self._source = source
        self._ports = ports
        self._tell = tell or (lambda told: None)
        self._persons = Persons()
        self._registrations = tempfile.TemporaryFile(prefix="akashi-delivery-")  # noqa: SIM115  closed at the end of the delivery

    def take(self, rows: Iterable[Row]) -> None:
        """Accept these rows. When this returns, all of them are committed, or an error left none of the last part."""
        rows = iter(rows)
        while part := list(islice(rows, PART_ROWS)):
            self._ports.foreground.give_way()
            delivery = read_rows(part, self._ports.rules)
            self._ports.foreground.give_way()
            result = handlers.accept(delivery, self._source, self._ports, self._persons)
            self._add(result, len(part))
            not_taken = {(each.row, each.registration_id) for each in result.rejected}
            not_taken |= {(each.row, each.registration_id) for each in result.erased}
            for row, record in delivery.records:
                if (row, record.registration_id) not in not_taken:
                    self._registrations.write(msgspec.json.encode((row, record.registration_id)) + b"\n")

    def finish(self) -> Summary:
        """Who of the delivery is held, as things stand at its end; then the whole summary."""
        self._registrations.seek(0)
        while lines := list(islice(self._registrations, MOST_ASKED)):
            rows = [msgspec.json.decode(line, type=tuple[int | None, str]) for line in lines]
            outlook = outlook_of({id for _, id in rows}, self._ports)
            for row, id in rows:
                found = outlook.get(id)
                if found is not None and found.reason is not None:
                    told = {"row": row, "registration_id": id, "reason": found.reason}
                    self._told("held", told | {"first_registration_id": found.first_registration_id})
        self._registrations.close()
        self._persons.close()
        return self.summary

    def _add(self, result: DeliveryResult, rows: int) -> None:
        summary = self.summary
        summary.accepted += result.accepted
        summary.unchanged += result.unchanged
        summary.counts["rows"] += rows
        summary.counts["accepted"] += result.accepted
        summary.counts["unchanged"] += result.unchanged
        for late in result.not_applied:
            self._told("not_applied", not_applied_as_json(late))
        last: tuple[int | None, str | None] | None = None
        for problem in result.rejected:
            is_same_row = last == (problem.row, problem.registration_id)
            self._told("rejected", rejected_as_json(problem), count=not is_same_row)
            last = problem.row, problem.registration_id
        for left_out in result.erased:
            self._told("erased", {"row": left_out.row, "registration_id": left_out.registration_id})
        for row, id, each in result.look_alikes:
            meant = described(each.meant) if each.meant else None
            told = {"row": row, "registration_id": id, "field": each.field}
            self._told("look_alikes", told | {"got": described(each.found), "expected": meant}, count=False)

    def _told(self, kind: str, told: dict[str, Any], *, count: bool = True) -> None:
        if count:
            self.summary.counts[kind] += 1
        listed = getattr(self.summary, kind)
        if len(listed) < MOST_LISTED:
            listed.append(told)
        self._tell({"outcome": kind.replace("_", "-"), **told})


def not_applied_as_json(late: NotApplied) -> dict[str, Any]:
    """Field by field: what came, and what is kept."""
    return {
        "row": late.row,
        "registration_id": late.registration_id,
        "fields": late.fields,
        "changes": [{"field": name, "got": got, "kept": kept} for name, got, kept in late.changes],
    }
