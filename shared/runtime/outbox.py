"""The relay: what a service announced goes from its outbox to Kafka, in order, at least once. Used by each process."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnsupportedForMessageFormatError,
)

from shared.errors import cause_of
from shared.runtime.db import CHANNEL, Database
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log
from shared.runtime.metrics import OUTBOX_AGE, OUTBOX_DEPTH, OUTBOX_REFUSED_ROWS, PUBLISHED, RELAY_FAILED
from shared.runtime.pace import pause_after
from shared.runtime.sessions import connection_settings
from shared.runtime.tracing import Sending
from shared.runtime.truncation import Place, announce_all_again, below, marks_of, tell
from shared.wire import CONTENT_TYPE

_ROUND = 2000  # rows a round: 500 or more keep the producer's batches full
_FULL = 500  # a round of so many is followed by the next at once
_HEADERS = (("content-type", CONTENT_TYPE),)
_HANGS_AFTER = 120  # seconds without a statement, after which another replica becomes the relay
_LOOK = 5.0  # seconds between two looks at an outbox that nobody told of: each commit does, so nothing should be there
_SHARE_LOCK = "select pg_try_advisory_lock(hashtext('relay/' || current_schema()))"


_REFUSALS = (
    *(MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError, InvalidTopicError),
    *(InvalidTimestampError, PolicyViolationError, UnsupportedForMessageFormatError),
    *(TypeError, ValueError, AssertionError),  # of the client, before it sends
)
"""What is said of a message that no broker will ever take. Every other error is about its topic or the broker."""

_FIRST_WAIT, _LONGEST_WAIT = 0.5, 60.0  # seconds that a topic's rows wait after a failure; doubled with each in a row


class _Row(NamedTuple):
    id: int
    topic: str
    key: bytes | None
    value: bytes
    traceparent: str | None = None


class _Sent(NamedTuple):
    """A row that Kafka has, and where. `offset` is negative when it doesn't say: of a batch that it had already."""

    row: _Row
    place: Place
    offset: int


class _Round(NamedTuple):
    """What became of the rows of a round; those of a topic that failed, from its first failure on, are in no list."""

    sent: list[_Sent]
    refused: list[_Row]  # if only because they shared a batch with a bad one
    failed: dict[str, Exception]  # by topic


class _TopicFailed(Exception):
    """The rows of a topic wait; those of others are published."""


class Relay(threading.Thread):
    """One active relay per schema (advisory lock), others stand by. Rows leave the outbox after Kafka has them all.

    One row never blocks the others. One that Kafka refuses for good goes to the table `refused`, with a count and a log
    line. Those of a topic that can't be written (it isn't there, we may not) wait in the outbox, in their order, while
    all other topics go on. A row leaves the outbox only for a place that lies behind all that Kafka ever had of ours in
    that partition: see `truncation.py`.
    """

    def __init__(
        self,
        url: str,
        kafka: KafkaAccess,
        log: Log,
        *,
        check: Callable[[psycopg.Connection[Any]], None] = lambda _: None,
    ) -> None:
        """`check` raises for a connection that must not be used: of a database that was replaced."""
        super().__init__(name="relay", daemon=True)
        self._check = check
        self._url = url
        self._kafka = kafka
        self._log = log
        self._stopping = threading.Event()
        self._waits: dict[str, float] = {}  # topic → seconds, doubled with each failure in a row
        self._again_at: dict[str, float] = {}  # topic → monotonic time
        self._truncated: set[Place] = set()  # until what we publish there is behind the mark

    def stop(self, timeout: float) -> None:
        """Finish the round in hand, then end. What is left in the outbox goes with the next start."""
        self._stopping.set()
        self.join(timeout)

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except Exception as error:  # broker or database away: the rows stay, the next round sends them again
                RELAY_FAILED.inc()
                self._log.warning("retried", part="relay", cause=f"{type(error).__name__}: {str(error)[:150]}")
                self._stopping.wait(0.5)

    def _serve(self) -> None:
        given = connection_settings(self._url, idle_seconds=_HANGS_AFTER)
        with psycopg.connect(self._url, autocommit=True, **given) as connection:
            # What is published from a restored database would hide what was lost of it: see `_note_published`.
            self._check(connection)
            self._truncated.clear()  # of a round that was not committed, nothing stands
            while not self._locked(connection):
                if self._stopping.wait(1.0):
                    return
            (channel,) = connection.execute(f"select quote_ident({CHANNEL})").fetchone() or ("",)
            connection.execute(f"listen {channel}")
            producer = self._producer()
            try:
                while not self._stopping.is_set():
                    began = time.monotonic()
                    rows = self._round(connection, producer)
                    if not rows:
                        self._await_rows(connection)
                    elif rows < _FULL:
                        self._stopping.wait(pause_after(time.monotonic() - began))  # the next rows gather
            finally:
                producer.close(timeout=2)

    def _await_rows(self, connection: psycopg.Connection[Any]) -> None:
        """Until a commit tells of new rows, those of a topic that failed are due, or `_LOOK` has passed."""
        now = time.monotonic()
        until = max(now + _FIRST_WAIT, min([now + _LOOK, *self._again_at.values()]))
        while not list(connection.notifies(timeout=0)) and not self._stopping.is_set() and time.monotonic() < until:
            select.select([connection], [], [], _FIRST_WAIT)  # psycopg's own wait looks up ten times a second

    def _locked(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(_SHARE_LOCK).fetchone()
        return bool(row and row[0])

    def _producer(self) -> Any:
        return KafkaProducer(
            **self._kafka.client,
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            batch_size=256 * 1024,
            max_block_ms=10_000,
            request_timeout_ms=8_000,
            delivery_timeout_ms=20_000,
        )

    def _round(self, connection: psycopg.Connection[Any], producer: Any) -> int:
        cursor = connection.cursor(binary=True)
        waiting = [topic for topic, at in self._again_at.items() if time.monotonic() < at]
        selected = cursor.execute(
            "select id, topic, key, value, traceparent from outbox where topic <> all(%s) order by id limit %s",
            (waiting, _ROUND),
        ).fetchall()
        rows = [_Row(*row) for row in selected]
        if not rows:
            return 0
        marks = marks_of(cursor, (row.topic for row in rows))
        sent, suspects, failed = self._publish(producer, rows)
        refused: list[_Row] = []
        for row in suspects:
            # A broker that refuses one message refuses its whole batch: only what it refuses alone is at fault.
            try:
                if (alone := self._publish_alone(cursor, row)) is not None:
                    sent.append(alone)
                else:
                    refused.append(row)
            except KafkaError as error:
                failed.setdefault(row.topic, error)
        # If we die here Kafka has the rows and the outbox too: they go out again; the readers' inboxes drop them.
        if sent or refused:
            with connection.transaction():
                again = self._sent_again(cursor, sent, marks)
                done = [each for each in sent if each.place not in again]
                self._forget(cursor, [each.row.id for each in done] + [row.id for row in refused])
                self._note_published(cursor, done)
            PUBLISHED.inc(len(done))
        self._note_waits({each.row.topic for each in sent} | {row.topic for row in refused}, failed)
        if failed:  # with a new producer: of this one the numbers of its batches are not sure any more
            topic, cause = next(iter(failed.items()))
            raise _TopicFailed(f"{topic}: {type(cause).__name__}: {cause}") from cause
        return len(sent) + len(refused)

    def _sent_again(self, cursor: psycopg.Cursor[Any], sent: Sequence[_Sent], marks: Mapping[Place, int]) -> set[Place]:
        """The partitions whose rows of this round stay in the outbox, all of them so that they keep their order.

        Kafka lost messages there, so each fact of ours on the topic is announced again. Not of a topic on which we have
        no facts (replayed bytes, dead letters): nothing would fill it up to the mark.
        """
        first: dict[Place, int] = {}
        for each in sent:
            if each.offset >= 0:
                first[each.place] = min(each.offset, first.get(each.place, each.offset))
        low = below(marks, first)
        self._truncated -= first.keys() - low.keys()
        if new := low.keys() - self._truncated:
            begun = announce_all_again(cursor, (topic for topic, _ in new))
            for place in sorted(new):
                tell(self._log, place, low[place], marks[place])
            self._truncated |= {place for place in new if place[0] in begun}
        return low.keys() & self._truncated

    def _note_waits(self, done: set[str], failed: Mapping[str, Exception]) -> None:
        for topic in done - failed.keys():
            self._waits.pop(topic, None)
            self._again_at.pop(topic, None)
        for topic in failed:
            self._waits[topic] = min(self._waits.get(topic, _FIRST_WAIT / 2) * 2, _LONGEST_WAIT)
            self._again_at[topic] = time.monotonic() + self._waits[topic]

    def _publish(self, producer: Any, rows: Sequence[_Row]) -> _Round:
        result = _Round([], [], {})
        flying: list[tuple[_Row, Sending, Any]] = []
        for row in rows:
            if row.topic in result.failed or self._stopping.is_set():
                continue
            try:
                flying.append((row, *_send(producer, row)))
            except _REFUSALS:
                result.refused.append(row)
            except KafkaError as error:
                result.failed[row.topic] = error
        with suppress(KafkaTimeoutError):  # each future tells of its own row
            producer.flush(timeout=20)
        for row, sending, future in flying:
            try:
                if row.topic in result.failed:
                    continue  # in order: it is sent again behind the one that failed
                place = future.get(timeout=1)
                result.sent.append(_Sent(row, (row.topic, place.partition), place.offset))
                sending.sent()
            except _REFUSALS:
                result.refused.append(row)
            except KafkaError as error:
                result.failed[row.topic] = error
        return result

    def _note_published(self, cursor: psycopg.Cursor[Any], done: Sequence[_Sent]) -> None:
        """How far our own words reach on each topic: what is on Kafka behind it, a restored database doesn't know."""
        ends: dict[Place, int] = {}
        for each in done:
            if each.offset >= 0:
                ends[each.place] = max(each.offset + 1, ends.get(each.place, 0))
        cursor.execute(
            "insert into published (topic, partition, next_offset)"
            " select * from unnest(%s::text[], %s::integer[], %s::bigint[])"
            " on conflict (topic, partition) do update set next_offset = excluded.next_offset",
            ([topic for topic, _ in ends], [partition for _, partition in ends], list(ends.values())),
        )

    def _publish_alone(self, cursor: psycopg.Cursor[Any], row: _Row) -> _Sent | None:
        """None when Kafka refuses it for good: it is in the table `refused` then."""
        producer = self._producer()
        try:
            sending, future = _send(producer, row)
            place = future.get(20)
            sending.sent()
            return _Sent(row, (row.topic, place.partition), place.offset)
        except _REFUSALS as error:
            cursor.execute(
                "insert into refused (id, topic, key, value, cause, refused_at) values (%s, %s, %s, %b, %s, now())"
                " on conflict do nothing",
                (row.id, row.topic, row.key, row.value, cause_of(error, 500)),
            )
            self._log.error("failed", part="relay", row=row.id, topic=row.topic, cause=type(error).__name__)
            return None
        finally:
            producer.close(timeout=2)

    def _forget(self, cursor: psycopg.Cursor[Any], ids: list[int]) -> None:
        cursor.execute("delete from outbox where id = any(%b)", (ids,))


def _send(producer: Any, row: _Row) -> tuple[Sending, Any]:
    """Hand a row to the producer; its trace, and the future of its place. Raises what the producer refuses at once."""
    sending = Sending(row.topic, row.traceparent)
    headers = [*_HEADERS, *sending.headers]
    return sending, producer.send(row.topic, key=row.key, value=row.value, headers=headers)


def report_outbox(database: Database[Any]) -> None:
    """Set the gauges: how many rows wait to be published, and how long the oldest has."""
    with database.transaction() as tx:
        row = tx.cursor.execute(
            "select count(*), min(announced_at), (select count(*) from refused) from outbox"
        ).fetchone()
        depth, oldest, refused = row or (0, None, 0)
        OUTBOX_DEPTH.set(depth)
        OUTBOX_AGE.set(max((tx.now() - oldest).total_seconds(), 0.0) if oldest is not None else 0.0)
        OUTBOX_REFUSED_ROWS.set(refused)
