"""A service whose database was restored: it takes back what it announced since, as `shared/runtime/recall.py` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.events import Event
from shared.runtime.db import Database
from shared.runtime.recall import Recall
from shared.wire import decode

Fact = tuple[UUID, str, bytes, bytes]
"""Id, topic, key and value of an announced event."""


def announced(database: Database[Any]) -> list[Fact]:
    """All that the service ever announced, in order."""
    with database.transaction() as tx:
        rows = tx.cursor.execute("select event_id, topic, key, value from announced order by seq").fetchall()
    return [(id, topic, bytes(key), bytes(value)) for id, topic, key, value in rows]


def recalled(database: Database[Any], facts: Sequence[Fact], recalls: Mapping[type[Event], Recall]) -> int:
    """Take back those of `facts` that the tables don't know, as one batch; how many."""
    known = {fact[0] for fact in announced(database)}
    unknown = [fact for fact in facts if fact[0] not in known]
    with database.transaction() as tx:
        if unknown:
            tx.recall(unknown)
        taken_back(tx, [decode(value) for _, _, _, value in unknown], recalls)
    return len(unknown)


def taken_back(tx: Any, events: Sequence[Event], recalls: Mapping[type[Event], Recall]) -> None:
    for kind, take_back in recalls.items():
        if of_kind := [event for event in events if type(event) is kind]:
            take_back(tx, of_kind)
