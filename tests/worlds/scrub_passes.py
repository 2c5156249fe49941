"""Passes over object storage, for tests: ordered, one page after the other, to their end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from shared.office_events import DecisionSettled, ObjectsScrubbed, ScrubCount, ScrubOrdered
from shared.runtime.db import Database
from shared.runtime.log import logger
from shared.runtime.objects import ErasableObjects
from shared.runtime.scrub import Inventory, Scrub
from shared.runtime.scrub_record import ALL, note_ordered
from shared.wire import decode

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def ordered(id: str, subject: str = ALL, *, repair: bool = True) -> ScrubOrdered:
    return ScrubOrdered(decision_id=id, subject=subject, repair=repair, by="office", why="check", ordered_at=NOW)


def order(database: Database[Any], id: str, *, repair: bool = True, before: str | None = None) -> None:
    with database.transaction() as tx:
        note_ordered(tx, tx.claim([ordered(id, repair=repair)]), before)


def scrubber(
    database: Database[Any], objects: ErasableObjects, inventories: Sequence[Inventory], *, hours: float = 0
) -> Scrub:
    return Scrub(database, objects, inventories, hours, logger(database.service))


def scrubbed(
    database: Database[Any], objects: ErasableObjects, inventories: Sequence[Inventory], *, repair: bool
) -> ObjectsScrubbed:
    """The report of a pass that is ordered now."""
    order(database, f"scrub/{len(reports(database))}", repair=repair)
    finish(scrubber(database, objects, inventories))
    return reports(database)[-1]


def finish(scrub: Scrub) -> None:
    """Until nothing is due, without the rest after each page of a pass by itself."""
    while scrub.step():
        scrub._rests_until = 0.0


def reports(database: Database[Any]) -> list[ObjectsScrubbed]:
    return [event for event in _announced(database) if isinstance(event, ObjectsScrubbed) and event.finished]


def outcomes(database: Database[Any]) -> list[str]:
    """Of the passes that were ordered."""
    settled = [event for event in _announced(database) if isinstance(event, DecisionSettled)]
    return [event.outcome for event in settled if event.detail and event.detail.endswith("at fault")]


def _announced(database: Database[Any]) -> list[Any]:
    query = "select value from announced where topic = 'office.decisions' order by seq"
    with psycopg.connect(database.url) as connection:
        return [decode(bytes(value)) for (value,) in connection.execute(query).fetchall()]


def count(report: ObjectsScrubbed, kind: str) -> ScrubCount:
    return next(count for count in report.counts if count.kind == kind)


def found(report: ObjectsScrubbed) -> dict[str, tuple[str, str | None]]:
    """Key → what was wrong and what became of it."""
    return {fault.key: (fault.found, fault.outcome) for fault in report.named}
