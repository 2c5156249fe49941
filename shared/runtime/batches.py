"""Batches of messages: handed on by type, tried again, halved, dead-lettered. Used by the consume loop (`consume.py`).

Knows neither Faust nor Kafka: it gets the records of one topic and says how many from the front are done with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from shared.errors import NotYetKnown, TryLater, Unreadable, cause_of
from shared.events import Event
from shared.runtime.db import Database, Positions, is_unavailable
from shared.runtime.dead_letters import Record, dead_letter_of, write_dead_letter
from shared.runtime.log import Log
from shared.runtime.metrics import BATCHES_FAILED, BREAKER, DATABASE_AWAY, DEAD_LETTERED, HANDLED, UNREAD
from shared.runtime.tracing import handling
from shared.runtime.unread import forget_unread, keep_unread, unread_of
from shared.topics import Topic
from shared.wire import decode

_TRIES = 3
_BREAKER_FAILURES = 50  # consecutive failures of handlers that are a bug of ours and not bad messages
_BREAKER_SECONDS = 5.0
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0  # seconds between two tries while the database is unavailable

Handler = Callable[[Sequence[Any]], None]
"""One transaction over events of one type, in order."""
Write = Callable[[Any, Sequence[Any]], None]
"""A method of the service's transaction: writes down events of its type that were never handled, in order."""
Predicate = Callable[[Any], bool]
"""Whether an event of a consumed type is for this service."""


class Received(Record, frozen=True, kw_only=True):
    """A message with the trace that it is in, if any; what is kept of a message is kept without it."""

    traceparent: str | None = None


class RawMessage(Event, frozen=True, kw_only=True):
    """A message from outside, without our envelope: bytes as they came. The same bytes are the same message."""

    record_key: bytes | None
    value: bytes

    @property
    def key(self) -> str:
        return (self.record_key or b"").decode(errors="replace")

    @property
    def identity(self) -> str:
        return f"{self.value!r}"


class Batches:
    """The handlers of one topic in one service. `handle` runs in one thread; `interrupt` may be called from another."""

    def __init__(self, topic: Topic, database: Database[Any], log: Log) -> None:
        self._topic = topic
        self._database = database
        self._log = log
        self._handlers: dict[type[Event], tuple[Handler, Predicate]] = {}
        self._writes: dict[type[Event], Write] = {}  # of those that `_note` handles
        self._is_raw = False
        self._failures = 0  # consecutive
        self._unkept: Positions = {}  # of messages that are done with without a transaction
        self._keeps_place = True
        self._interrupted = threading.Event()

    def add(self, event: type[Event], handler: Handler, predicate: Predicate = lambda event: True) -> None:
        self._handlers[event] = (handler, predicate)
        self._is_raw = self._is_raw or event is RawMessage

    def note(self, event: type[Event], write: Write, predicate: Predicate = lambda event: True) -> None:
        """Handle `event` by `write` alone. Types that are noted share a transaction when they come together."""
        self._writes[event] = write
        self.add(event, self._note, predicate)

    def _note(self, events: Sequence[Event]) -> None:
        with self._database.transaction() as tx:
            for write, together in groupby(tx.claim(events), key=lambda event: self._writes[type(event)]):
                write(tx, list(together))

    def interrupt(self) -> None:
        """Give up at the next try, so that a stop doesn't wait for a database that is unavailable."""
        self._interrupted.set()

    def handle(self, records: Sequence[Record]) -> int:
        """Handle `records` in order; how many from the front are done with. Fewer than all only after `interrupt`.

        Done with means committed, dead-lettered, kept for the next release, or of no interest to this service. The
        place in the topic is committed with each of them. A failure is located by halving. What this raises ends the
        process: nothing of the batch that was not committed is acknowledged.
        """
        done = 0
        run: list[tuple[Record, Event]] = []  # for one transaction
        for record in records:
            try:
                event = self._decode(record)
            except Unreadable as error:
                handled = self._handle_run(run)
                done += handled
                if handled < len(run) or not self._set_aside(record, error):
                    return done
                done, run = done + 1, []
                continue
            if run and self._handler_of(run[-1][1]) != self._handler_of(event):
                handled = self._handle_run(run)
                done += handled
                if handled < len(run):
                    return done
                run = []
            run.append((record, event))
        done += self._handle_run(run)
        return done if self._keep_unkept() else 0

    def _decode(self, record: Record) -> Event:
        if not self._is_raw:
            return decode(record.value)
        if record.value is None:
            raise Unreadable("got no value, expected JSON")
        return RawMessage(record_key=record.key, value=record.value)

    def _handler_of(self, event: Event) -> Handler | type[Event]:
        """What is the same for events that one transaction handles together."""
        kind = type(event)
        if kind in self._writes or kind not in self._handlers:
            return self._note  # those of no interest come between without a transaction of their own
        return kind

    def _is_ours(self, event: Event) -> bool:
        _, predicate = self._handlers.get(type(event), (None, None))
        return predicate is not None and predicate(event)

    def _handle_run(self, run: Sequence[tuple[Record, Event]]) -> int:
        """Consecutive events that one transaction handles together; how many from the front are done with."""
        if not run:
            return 0
        positions = _positions_after(run)
        ours = [(record, event) for record, event in run if self._is_ours(event)]
        if not ours:
            self._unkept = {**self._unkept, **positions}
            return len(run)
        events = [event for _, event in ours]
        handler, _ = self._handlers[type(events[0])]
        handle = handling(handler, events, [_trace_of(record) for record, _ in ours], self._topic.name)
        error = self._try(handle, positions)
        if error is None:
            self._failures = 0
            for event in events:
                HANDLED.labels(self._topic.name, type(event).__name__).inc()
                self._log.info("handled", message=type(event).__name__, event_id=str(event.id), subject=event.key)
            return len(run)
        if isinstance(error, _Interrupted):
            return 0
        BATCHES_FAILED.labels(self._topic.name).inc()
        self._log.warning("retried", topic=self._topic.name, events=len(run), cause=cause_of(error, 300))
        if len(run) > 1:
            half = len(run) // 2
            first = self._handle_run(run[:half])
            return first + self._handle_run(run[half:]) if first == half else first
        return self._retry_one(run[0][0], handle, error)

    def _keep_unkept(self) -> bool:
        """Commit the place after messages that needed no transaction of their own. False when interrupted."""
        if not self._unkept:
            return True
        failed = self._try(self._write_nothing, self._unkept)
        if isinstance(failed, _Interrupted):
            return False
        if failed is not None:
            raise failed
        self._unkept = {}
        return True

    def _write_nothing(self) -> None:
        with self._database.transaction():
            pass

    def _retry_one(self, record: Record, handle: Callable[[], None], error: Exception) -> int:
        """A single message that failed: tried `_TRIES` times in all, then dead-lettered; 1 when done with, else 0.

        While the circuit breaker is open it is tried without end instead: to dead-letter it would dead-letter all.
        """
        tries = 1
        while True:
            if isinstance(error, Unreadable):
                return int(self._dead_letter(record, error))
            is_open = self._failures >= _BREAKER_FAILURES
            BREAKER.labels(self._topic.name).set(is_open)
            if is_open:
                self._log.error("failed", topic=self._topic.name, cause="every message fails: stopped here")
                if self._interrupted.wait(_BREAKER_SECONDS):
                    return 0
            elif tries >= _TRIES:
                self._failures += 1
                return int(self._dead_letter(record, error))
            tries += 1
            again = self._try(handle, _position_after(record))
            if again is None:
                self._failures = 0
                BREAKER.labels(self._topic.name).set(0)
                return 1
            if isinstance(again, _Interrupted):
                return 0
            error = again

    def _try(self, work: Callable[[], None], positions: Positions) -> Exception | None:
        """None when `work` and `positions` are committed, else the error.

        While the database is unavailable: wait, and try again without end.
        """
        delay = _FIRST_DELAY
        positions = {**self._unkept, **positions} if self._keeps_place else {}
        while True:
            try:
                with self._database.reading_to(positions):
                    work()
            except Exception as error:
                if not is_unavailable(error) and not isinstance(error, TryLater):
                    return error
                DATABASE_AWAY.labels(self._topic.name).set(1)
                self._log.warning("waiting", topic=self._topic.name, cause=cause_of(error, 200))
            else:
                self._unkept = {}
                DATABASE_AWAY.labels(self._topic.name).set(0)
                return None
            if self._interrupted.wait(delay):
                return _Interrupted()
            delay = min(delay * 2, _LONGEST_DELAY)

    def _dead_letter(self, record: Record, error: Exception) -> bool:
        """Write the dead letter, once per message however often it is read. False when interrupted before."""
        letter = dead_letter_of(record, consumer=self._database.service, error=error, at=self._database.now())
        failed = self._try(partial(write_dead_letter, letter, self._topic, self._database), _position_after(record))
        if isinstance(failed, _Interrupted):
            return False
        if failed is not None:
            raise failed
        DEAD_LETTERED.labels(self._topic.name).inc()
        self._log.error("dead-lettered", dead_letter=str(letter.id), place=_place(record), cause=letter.cause[:200])
        return True

    def _set_aside(self, record: Record, error: Unreadable) -> bool:
        """A message that can't be decoded: for the next release, or a dead letter. False when interrupted before."""
        if not isinstance(error, NotYetKnown):
            return self._dead_letter(record, error)
        failed = self._try(partial(keep_unread, record, error, self._database), _position_after(record))
        if isinstance(failed, _Interrupted):
            return False
        if failed is not None:
            raise failed
        UNREAD.labels(self._topic.name).inc()
        self._log.warning("kept", place=_place(record), cause=str(error)[:200])
        return True

    def read_again(self) -> int:
        """Handle what an earlier release kept because it did not know it, if this one does; how many. At start."""
        known = []
        for record in unread_of(self._topic, self._database):
            try:
                self._decode(record)
            except NotYetKnown:
                continue
            except Unreadable:
                pass  # a dead letter, now that its type is known
            known.append(record)
        if not known:
            return 0
        # Their places are behind us, or of a topic that was created again since: nothing is read to there now.
        self._keeps_place = False
        try:
            if self.handle(known) == len(known):
                forget_unread(known, self._database)
        finally:
            self._keeps_place, self._unkept = True, {}
        return len(known)


def _trace_of(record: Record) -> str | None:
    return record.traceparent if isinstance(record, Received) else None


def _position_after(record: Record) -> Positions:
    return {(record.topic, record.partition): record.offset + 1}


def _positions_after(run: Sequence[tuple[Record, Event]]) -> Positions:
    return {(record.topic, record.partition): record.offset + 1 for record, _ in run}


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


class _Interrupted(Exception):
    """A stop was ordered while the database was unavailable."""
