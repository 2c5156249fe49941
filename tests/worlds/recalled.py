"""A database that is restored to an earlier moment while Kafka keeps what was announced since, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from shared.events import Event
from shared.runtime.db import Database
from shared.runtime.recall import Recall
from shared.wire import decode

_TABLES = "select table_name from information_schema.tables where table_schema = 'public' order by table_name"


@dataclass(frozen=True)
class Fact:
    """What is on Kafka of an announced event."""

    id: UUID
    topic: str
    key: bytes
    value: bytes

    @property
    def event(self) -> Event:
        return decode(self.value)


@dataclass(frozen=True)
class Backup:
    """All rows of a database as they were, by table."""

    url: str
    rows: dict[str, bytes]

    def restore(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("set session_replication_role = replica")  # whatever the order of the tables
            connection.execute(f"truncate {', '.join(self.rows)}")
            for table, rows in self.rows.items():
                with connection.cursor().copy(f"copy {table} from stdin") as copy:
                    copy.write(rows)


def back_up(database: Database[Any]) -> Backup:
    with psycopg.connect(database.url) as connection:
        tables = [row[0] for row in connection.execute(_TABLES).fetchall()]
        rows = {}
        for table in tables:
            with connection.cursor().copy(f"copy {table} to stdout") as copy:
                rows[table] = b"".join(bytes(block) for block in copy)
    return Backup(database.url, rows)


def announced(database: Database[Any]) -> list[Fact]:
    """All that the service ever announced, in order."""
    with database.transaction() as tx:
        found = tx.cursor.execute("select event_id, topic, key, value from announced order by seq").fetchall()
    return [Fact(id, topic, bytes(key), bytes(value)) for id, topic, key, value in found]


def take_back(database: Database[Any], recalls: Mapping[type[Event], Recall], facts: list[Fact]) -> int:
    """What a start does with own facts that are on Kafka; how many its tables did not know."""
    known = {fact.id for fact in announced(database)}
    unknown = [fact for fact in facts if fact.id not in known]
    with database.transaction() as tx:
        if unknown:
            tx.recall([(fact.id, fact.topic, fact.key, fact.value) for fact in unknown])
        for kind, recall in recalls.items():
            if events := [fact.event for fact in unknown if type(fact.event) is kind]:
                recall(tx, events)
    return len(unknown)
