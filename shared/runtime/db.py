"""One service's PostgreSQL schema: transactions that hold inbox and outbox. Used by every service's `store.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from shared.clock import Clock
from shared.events import Event
from shared.runtime.metrics import SKIPPED
from shared.topics import Topic
from shared.wire import encode

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed)
"""What psycopg raises while the database can't do its work: wait, the data are not at fault."""

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound="Transaction")

CHANNEL = "outbox"


class Transaction:
    """One transaction on the service's own schema: what is claimed, changed and announced becomes true together."""

    def __init__(self, connection: psycopg.Connection[Any], source: str, clock: Clock) -> None:
        self.connection = connection
        self.cursor: psycopg.Cursor[Any] = connection.cursor(binary=True)
        self.now = clock
        self._source = source
        self._outbox: list[tuple[str, bytes | None, bytes]] = []

    def claim(self, events: Sequence[E]) -> list[E]:
        """Those of `events` that this service never handled, in order, each once. They count as handled at commit."""
        by_id: dict[UUID, E] = {}
        for event in events:
            by_id.setdefault(event.id, event)
        new = {
            row[0]
            for row in self.cursor.execute(
                "insert into inbox (event_id, claimed_at) select id, %s from unnest(%s::uuid[]) as id order by id"
                " on conflict do nothing returning event_id",
                (self.now(), list(by_id)),
            )
        }
        claimed = [event for id, event in by_id.items() if id in new]
        for event in events[:1]:
            SKIPPED.labels(type(event).__name__).inc(len(events) - len(claimed))
        return claimed

    def announce(self, *events: Event, cause: Event | None = None) -> None:
        """Say `events` to the other services: in the outbox when this transaction commits, on Kafka soon after."""
        at = self.now()
        for event in events:
            value = encode(event, source=self._source, at=at, cause=cause)
            self._outbox.append((event.topic.name, event.key.encode(), value))

    def forward(self, topic: Topic, key: bytes | None, value: bytes) -> None:
        """Send bytes as they are: a dead letter, or one that is played again."""
        self._outbox.append((topic.name, key, value))

    def forget_claims(self, before: datetime) -> int:
        """Forget the events claimed before a moment long after which Kafka no longer holds them; how many."""
        return self.cursor.execute("delete from inbox where claimed_at < %s", (before,)).rowcount

    def flush(self) -> None:
        """Append what was announced to the outbox. The relay wakes when the transaction commits."""
        if self._outbox:
            topics, keys, values = zip(*self._outbox, strict=True)
            self.cursor.execute(
                "insert into outbox (topic, key, value) select * from unnest(%s::text[], %b::bytea[], %b::bytea[])",
                (list(topics), list(keys), list(values)),
            )
            self.cursor.execute(f"notify {CHANNEL}")
            self._outbox.clear()


class Database(Generic[T]):
    """The connections of one service. Opens no connection before the first transaction."""

    def __init__(self, url: str, service: str, transaction: type[T], clock: Clock, *, pool: int = 4) -> None:
        self.url = url
        self.service = service
        self._transaction = transaction
        self.now = clock
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=pool,
            open=False,
            timeout=5,
            reconnect_timeout=2,
            kwargs={"connect_timeout": 3, "application_name": service},
        )

    @contextmanager
    def transaction(self) -> Iterator[T]:
        """Commits at the end; rolls everything back when the block raises. One of AWAY while the database is away."""
        if self._pool.closed:
            self._pool.open()
        with self._pool.connection() as connection:
            tx = self._transaction(connection, self.service, self.now)
            yield tx
            tx.flush()

    def close(self) -> None:
        self._pool.close(timeout=5)
