"""One service's PostgreSQL schema: transactions that hold inbox and outbox. Used by every service's `store.py`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
import psycopg.errors
from psycopg_pool import ConnectionPool

from shared.clock import Clock
from shared.errors import TooLarge
from shared.events import Event
from shared.office_events import DecisionSettled, OfficeDecided, RebuildOrdered, ScrubOrdered
from shared.runtime.erasure import forget, subjects_of, without_erased
from shared.runtime.lineage import Lineage, Replaced, end_process
from shared.runtime.metrics import SKIPPED
from shared.runtime.plans import Plans
from shared.runtime.row_statements import RowStatements
from shared.runtime.row_statements import replace as replace
from shared.runtime.sessions import connection_settings
from shared.runtime.tracing import Announcing
from shared.topics import Topic
from shared.wire import encode

UNAVAILABLE = (
    psycopg.InterfaceError,
    psycopg.OperationalError,
    psycopg.InternalError,
    psycopg.ProgrammingError,
    psycopg.NotSupportedError,
)
"""All that psycopg raises but data and integrity errors: a standby that refuses to write, a full disk, a deadlock, a
table that isn't there. The row is not at fault: wait, and try again. The pool's own errors are operational ones."""

_ABOUT_THE_ROW = (psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex)
"""Operational errors by class, yet of one row: a key that is too long for its index."""

UNSTORABLE = (psycopg.DataError, UnicodeEncodeError, *_ABOUT_THE_ROW)
"""A value that no column holds: a text with NUL or a lone surrogate, a number out of range."""

MAX_MESSAGE_BYTES = 900_000
"""Of key and value: below what Kafka takes by default (1 MiB with headers and record)."""


def is_unavailable(error: BaseException) -> bool:
    """Whether the database can't do its work now, so that the same work may succeed later."""
    return isinstance(error, UNAVAILABLE) and not isinstance(error, _ABOUT_THE_ROW)


E = TypeVar("E", bound=Event)
T = TypeVar("T", bound="Transaction")

CHANNEL = "'outbox/' || current_schema()"
"""SQL for the name on which the relay is told of new rows: one for each schema, or each commit would wake them all."""

Positions = Mapping[tuple[str, int], int]
"""Topic and partition → the offset of the next message to read."""


def _check_size(topic: Topic, key: bytes | None, value: bytes) -> None:
    if len(key or b"") + len(value) > MAX_MESSAGE_BYTES:
        raise TooLarge(f"message for {topic.name}: got {len(value)} bytes, expected {MAX_MESSAGE_BYTES} at most")


class Transaction(RowStatements):
    """One transaction on the service's own schema: what is claimed, changed and announced becomes true together."""

    def __init__(self, connection: psycopg.Connection[Any], source: str, clock: Clock) -> None:
        super().__init__(connection, source)
        self.now = clock
        self._announced: list[tuple[UUID, str, bytes, bytes]] = []
        self._outbox: list[tuple[str, bytes | None, bytes]] = []
        self.traced = Announcing()

    def claim(self, events: Sequence[E]) -> list[E]:
        """Those of `events` that this service never handled, in order, each once. They count as handled at commit.

        What is about somebody who was erased is left out (`erasure.py`), and counts as handled.
        """
        by_id: dict[UUID, E] = {}
        for event in events:
            by_id.setdefault(event.id, event)
        new, erased = self._claim_ids(list(by_id), [subject for each in events for subject in subjects_of(each)])
        settled = self._settled([event for id, event in by_id.items() if id in new])
        claimed = [event for id, event in by_id.items() if id in new and id not in settled]
        claimed = without_erased(claimed, erased)
        for kind, number in (Counter(map(type, events)) - Counter(map(type, claimed))).items():
            SKIPPED.labels(kind.__name__).inc(number)
        return claimed

    def _settled(self, events: Sequence[Event]) -> set[UUID]:
        """The orders among `events` that this service settled, however long ago: the inbox may have forgotten them."""
        orders = {
            DecisionSettled.id_of(event.decision_id, self.service): event.id
            for event in events
            if isinstance(event, OfficeDecided | RebuildOrdered | ScrubOrdered)
        }
        if not orders:
            return set()
        found = self.cursor.execute("select event_id from announced where event_id = any(%s)", (list(orders),))
        return {orders[row[0]] for row in found}

    def claim_id(self, id: UUID) -> bool:
        """Whether `id` is new to this service. It counts as handled at commit."""
        return bool(self._claim_ids([id], [])[0])

    def _claim_ids(self, ids: list[UUID], subjects: list[str]) -> tuple[set[UUID], set[str]]:
        """The ids that are new, and those of `subjects` who were erased."""
        found = self.cursor.execute(
            "with claimed as ("
            " insert into inbox (event_id, claimed_at) select id, %s from unnest(%b::uuid[]) as id order by id"
            " on conflict do nothing returning event_id)"
            " select event_id, null from claimed"
            " union all select null, subject from erased where subject = any(%b::text[])",
            (self.now(), ids, subjects),
        ).fetchall()
        return {id for id, _ in found if id is not None}, {subject for _, subject in found if subject is not None}

    def claim_erasures(self, events: Sequence[E]) -> list[E]:
        """As `claim`, first in its transaction, for those who are to be erased by it.

        It waits for the handlers that have claimed something, and no other one claims before this commits: what they
        wrote of a person is found, and what is read later is left out. So for others that `await_erasures`.
        """
        self.cursor.execute("lock table inbox in share row exclusive mode")
        return self.claim(events)

    def await_erasures(self) -> None:
        """An erasure in hand is committed, and none begins before this transaction ends. Before any row is locked.

        For what writes about people and claims no event: a request, a tick.
        """
        self.cursor.execute("lock table inbox in row exclusive mode")  # as a claim does

    def erase(self, decision_id: str, subjects: Sequence[str], addresses: Sequence[str] = ()) -> None:
        """From the commit on, whatever is read about `subjects` (registrations, assertions) is left out.

        What was announced of them, or as letters to `addresses`, is announced by no rebuild. Doing it again changes
        nothing. The service's own rows are its own to erase, in this transaction.
        """
        rows = [{"subject": id, "decision_id": decision_id, "erased_at": self.now()} for id in subjects]
        self.insert_rows("erased", rows)
        forget(self, subjects, addresses)

    def announce(self, *events: Event, cause: Event | None = None) -> None:
        """Announce `events`: in the outbox when this transaction commits, on Kafka soon after.

        A fact is announced once: an event whose id was announced before is left out, and the first stands. TooLarge
        for what no topic takes.
        """
        at = self.now()
        for event in events:
            key, value = event.key.encode(), encode(event, source=self.service, at=at, cause=cause)
            _check_size(event.topic, key, value)
            self._announced.append((event.id, event.topic.name, key, value))
            self.traced.add(event)

    def was_announced(self, id: UUID) -> bool:
        """Whether the fact with this id was announced by an earlier transaction."""
        return bool(self.fetch_value("select exists (select from announced where event_id = %s)", (id,)))

    def recall(self, facts: Sequence[tuple[UUID, str, bytes, bytes]]) -> None:
        """Note that these (id, topic, key, value) were announced before this database was restored."""
        self._note_announced(facts, "")

    def forward(self, topic: Topic, key: bytes | None, value: bytes) -> None:
        """Send bytes as they are: a dead letter, or one that is replayed. TooLarge for what no topic takes."""
        _check_size(topic, key, value)
        self._outbox.append((topic.name, key, value))

    def forget_claims(self, before: datetime) -> int:
        """Forget the events claimed before a moment long after which Kafka no longer holds them; how many."""
        return self.cursor.execute("delete from inbox where claimed_at < %s", (before,)).rowcount

    def forget_announced(self, topic: Topic, before: datetime, most: int) -> int:
        """Of facts on a topic that were announced before then: all but their ids; how many. None is announced again."""
        return self.cursor.execute(
            "update announced set topic = '', key = '', value = '' where seq = any(array("
            "select seq from (select seq, announced_at from announced where topic = %s order by seq limit %s) as oldest"
            " where announced_at < %s))",
            (topic.name, most, before),
        ).rowcount

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What the block changed and announced is undone when it raises; the rest of this transaction stands."""
        if self.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self.cursor.execute("select 1")  # begins the transaction: psycopg would else commit at the block's end
        announced, forwarded = len(self._announced), len(self._outbox)
        try:
            with self.connection.transaction():
                yield
        except BaseException:
            del self._announced[announced:], self._outbox[forwarded:]
            raise

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────

    def keep_position(self, positions: Positions, committed: Positions) -> str | None:
        """How far topics are read, with the rows of this transaction. What the table lacks of `committed`, else None.

        `committed` is what this process committed before: a table that has less was set back.
        """
        # The highest wins: a worker that lost the partition may commit after its successor.
        behind = self.cursor.execute(
            "with new as (select * from unnest(%s::text[], %s::integer[], %s::bigint[], %s::bigint[])"
            "  as new (topic, partition, next_offset, committed)),"
            " kept as ("
            " insert into positions (topic, partition, next_offset)"
            "  select topic, partition, next_offset from new order by topic, partition"
            " on conflict (topic, partition) do update"
            "  set next_offset = greatest(positions.next_offset, excluded.next_offset))"
            " select new.topic, new.partition, before.next_offset, new.committed from new"
            "  left join positions before using (topic, partition)"  # as it was before this statement
            "  where coalesce(before.next_offset, 0) < new.committed",
            (
                [topic for topic, _ in positions],
                [partition for _, partition in positions],
                list(positions.values()),
                [committed.get(place, 0) for place in positions],
            ),
        ).fetchone()
        return None if behind is None else "{}/{} is read to {}, was to {}".format(*behind)

    def _note_announced(self, facts: Sequence[tuple[UUID, str, bytes, bytes]], then: str, *more: Any) -> None:
        ids, topics, keys, values = zip(*facts, strict=True)
        self.cursor.execute(
            "with new as ("
            " insert into announced (announced_at, event_id, topic, key, value)"
            "  select %s, id, topic, key, value"
            "  from unnest(%b::uuid[], %b::text[], %b::bytea[], %b::bytea[]) with ordinality"
            "   as fact (id, topic, key, value, place) order by place"
            " on conflict (event_id) do nothing returning seq, event_id, announced_at, topic, key, value)"
            + (then or " select 1"),
            (self.now(), list(ids), list(topics), list(keys), list(values), *more),
        )

    def flush(self) -> None:
        """Append to the outbox what was announced and is new. The relay wakes when the transaction commits."""
        if self._outbox:  # first: the decision to replay a message is published behind its bytes
            topics, keys, values = zip(*self._outbox, strict=True)
            self.cursor.execute(
                "insert into outbox (announced_at, topic, key, value)"
                " select %s, * from unnest(%b::text[], %b::bytea[], %b::bytea[])",
                (self.now(), list(topics), list(keys), list(values)),
            )
        append, traces = self.traced.appended(self)
        if self._announced:
            then = f", appended as ({append}) select pg_notify({CHANNEL}, '')"
            self._note_announced(self._announced, then, *traces)
        elif self._outbox:
            self.cursor.execute(f"select pg_notify({CHANNEL}, '')")
        self._announced.clear()
        self._outbox.clear()

    @property
    def announces(self) -> bool:
        """Whether something waits for `flush`."""
        return bool(self._announced or self._outbox)


class Database(Generic[T]):
    """The connections of one service. Opens no connection before the first transaction.

    Inside of `reading_to` a thread's transaction also keeps how far a topic is read: see `positions.py`.
    """

    def __init__(
        self,
        url: str,
        service: str,
        transaction: type[T],
        clock: Clock,
        *,
        pool: int = 4,
        replaced: Replaced = end_process,
    ) -> None:
        """`replaced`: see `lineage.py`."""
        self.url = url
        self.service = service
        self._transaction = transaction
        self._thread = threading.local()
        self.now = clock
        self._lineage = Lineage(service, replaced)
        self._committed: dict[tuple[str, int], int] = {}
        self._plans = Plans()
        self._pool = ConnectionPool(
            url,
            configure=self._lineage.check,
            min_size=1,
            max_size=pool,
            open=False,
            timeout=5,
            reconnect_timeout=2,
            kwargs={**connection_settings(url), "application_name": service},
        )

    @contextmanager
    def transaction(self) -> Iterator[T]:
        """Commits at the end; rolls everything back when the block raises. One of UNAVAILABLE while it can't work."""
        if self._pool.closed:
            self._pool.open()
        with self._pool.connection() as connection:
            self._plans.renew(connection)
            tx = self._transaction(connection, self.service, self.now)
            positions = self._take_read_to()
            yield tx
            tx.flush()
            if positions is not None and (lost := tx.keep_position(positions, self._committed)) is not None:
                self._lineage.lost(lost)
        if positions is not None:
            self._committed.update(positions)

    @contextmanager
    def reading(self) -> Iterator[T]:
        """Statements of which each is a transaction of its own: two round trips less than `transaction`.

        For reads: isolation is READ COMMITTED either way, so each statement sees what was committed before it began.
        RuntimeError for a block that announces. One of UNAVAILABLE while the database can't work.
        """
        if self._pool.closed:
            self._pool.open()
        with self._pool.connection() as connection:
            connection.autocommit = True
            try:
                self._plans.renew(connection)
                tx = self._transaction(connection, self.service, self.now)
                yield tx
                if tx.announces:
                    raise RuntimeError(
                        f"{self.service}: got an announcement while reading, expected it in transaction()"
                    )
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @property
    def history(self) -> str | None:
        """Server and timeline, as this process found them: see `lineage.py`. None before the first connection."""
        return self._lineage.known

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """For a connection of somebody's own: as `Lineage.check`."""
        self._lineage.check(connection)

    @contextmanager
    def reading_to(self, positions: Positions) -> Iterator[None]:
        """The one transaction of this thread inside the block commits `positions` with its rows."""
        self._thread.read_to, self._thread.is_taken = positions, False
        try:
            yield
        finally:
            self._thread.read_to = None

    def reads_on_from(self, positions: Positions) -> None:
        """These places were set behind gaps, and may be lower than what was committed: the tables were not set back."""
        self._committed.update(positions)

    def _take_read_to(self) -> Positions | None:
        positions: Positions | None = getattr(self._thread, "read_to", None)
        if positions is not None:
            if self._thread.is_taken:  # a place that is committed before all rows are would lose messages
                raise RuntimeError(f"{self.service}: a handler of messages is one transaction, got a second one")
            self._thread.is_taken = True
        return positions

    def close(self) -> None:
        self._pool.close(timeout=5)
