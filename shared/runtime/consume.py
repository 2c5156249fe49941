"""The consume loop: Faust reads, PostgreSQL commits, then the offset is acknowledged. Used by every service process.

Four rules hold whatever happens: no exception leaves an agent (Faust acknowledges what raised); nothing is acknowledged
before its commit; acknowledged in offset order only (Faust commits over a gap); no event is in hand while waiting for
the next one. `stream.take` and `stream.events` break them, so the loop reads the stream's queue itself.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import faust
import mode
import msgspec

from shared.errors import TryLater, Unreadable
from shared.events import Event
from shared.runtime.db import AWAY, Database
from shared.runtime.log import Log
from shared.runtime.metrics import BREAKER, BURIED, HANDLED, RETRIED, WAITING
from shared.topics import Topic
from shared.wire import decode

BATCH = 500
_PAUSE = 0.2  # seconds before the next read after a small batch: single events would cost ten times as much each
_TRIES = 3
_BREAKER = 50  # so many failures of handlers in a row are a bug of ours, not bad messages
_BREAKER_SECONDS = 5.0

Handler = Callable[[Sequence[Any]], None]
Concerns = Callable[[Any], bool]
"""Whether an event of a consumed type is this service's at all."""


class Bare(Event, frozen=True, kw_only=True):
    """A message without our envelope, from outside: bytes as they came. The same bytes are one message."""

    record_key: bytes | None
    value: bytes

    @property
    def key(self) -> str:
        return (self.record_key or b"").decode(errors="replace")

    @property
    def identity(self) -> str:
        return f"{self.value!r}"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a message on `<topic>.dead`: where it was, the bytes (base64), who failed, and why."""

    id: UUID
    topic: str
    partition: int
    offset: int
    key: str | None
    value: str | None
    consumer: str
    cause: str
    at: datetime


class Consumer:
    """All that one service does with one topic: read in batches, hand on by type, acknowledge what is committed."""

    def __init__(
        self, app: faust.App, topic: Topic, database: Database[Any], log: Log, handled: Callable[[], None]
    ) -> None:
        self._topic = topic
        self._database = database
        self._log = log
        self._handled = handled
        self._handlers: dict[type[Event], tuple[Handler, Concerns]] = {}
        self._bare = False
        self._failures = 0
        self._app = app
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"consume-{topic.name}")
        self._working: asyncio.Future[int] | None = None
        self._stopping = asyncio.Event()
        self._cut = threading.Event()  # give up at the next attempt
        app.agent(
            app.topic(topic.name, value_type=bytes, key_serializer="raw", value_serializer="raw"),
            name=f"{database.service}-{topic.name}",
            supervisor_strategy=mode.CrashingSupervisor,
        )(self._read)

    def add(self, event: type[Event], handler: Handler, concerns: Concerns = lambda event: True) -> None:
        self._handlers[event] = (handler, concerns)
        self._bare = self._bare or event is Bare

    # ── in the event loop ──────────────────────────────────────────────────────────────────────────────

    async def _read(self, stream: Any) -> None:
        queue, loop = stream.channel.queue, asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                batch = [
                    await queue.get()
                ]  # from here to the thread nothing is awaited: a cancel finds no event in hand
                while len(batch) < BATCH and queue.qsize():
                    batch.append(queue.get_nowait())
            except (asyncio.CancelledError, StopAsyncIteration):
                if self._stopping.is_set() or self._app.should_stop:
                    return
                raise
            if self._stopping.is_set():
                break  # unacknowledged: the next owner of the partition reads them
            batch = [event for event in batch if event.message.generation_id == self._app.consumer_generation_id]
            if not batch:
                continue
            working = self._working = loop.run_in_executor(self._pool, self._work, batch)
            working.add_done_callback(partial(self._settle, batch))
            try:
                await asyncio.shield(working)  # when we are cancelled the thread goes on and _settle acknowledges
                if len(batch) < BATCH // 4:
                    await asyncio.sleep(_PAUSE)  # the next ones gather in the queue, none is in hand
            except asyncio.CancelledError:
                if self._stopping.is_set() or self._app.should_stop:
                    return
                raise
        await asyncio.Event().wait()  # stopped: hold still until Faust cancels us

    def _settle(self, batch: Sequence[Any], working: asyncio.Future[int]) -> None:
        if working.cancelled():
            return
        if (error := working.exception()) is not None:
            self._log.error("failed", topic=self._topic.name, cause=f"{type(error).__name__}: {error}")
            return
        for event in batch[: working.result()]:
            event.ack()

    async def drain(self, seconds: float) -> None:
        """Wait for the batch in hand, so that it is acknowledged before the partition is given away."""
        if self._working is not None and not self._working.done():
            await asyncio.wait([self._working], timeout=seconds)
        await asyncio.sleep(0)

    async def stop(self, seconds: float) -> None:
        """Finish the batch in hand and begin no other; give up half way when the database stays away."""
        self._stopping.set()
        await self.drain(seconds / 2)
        self._cut.set()
        await self.drain(seconds / 2)

    # ── in the thread ──────────────────────────────────────────────────────────────────────────────────

    def _work(self, batch: Sequence[Any]) -> int:
        """Handle `batch` in order; how many from the front are done. Fewer than all only when told to stop."""
        done = 0
        run: list[tuple[Any, Event]] = []
        for message in batch:
            try:
                event = self._decode(message)
            except Unreadable as error:
                handled = self._run(run)
                done += handled
                if handled < len(run) or not self._bury(message, error):
                    return done
                done, run = done + 1, []
                continue
            if run and type(run[-1][1]) is not type(event):
                handled = self._run(run)
                done += handled
                if handled < len(run):
                    return done
                run = []
            run.append((message, event))
        done += self._run(run)
        self._handled()
        return done

    def _decode(self, message: Any) -> Event:
        if not self._bare:
            return decode(message.value)
        if message.value is None:
            raise Unreadable("got no value, expected JSON")
        return Bare(record_key=message.key, value=message.value)

    def _run(self, run: Sequence[tuple[Any, Event]]) -> int:
        """A run of events of one type. A failure is found by halving, in order; what fails alone is buried."""
        if not run:
            return 0
        kind = type(run[0][1])
        handler, concerns = self._handlers.get(kind, (None, None))
        if handler is None or concerns is None:
            return len(run)  # of no interest to this service
        events = [event for _, event in run if concerns(event)]
        if not events:
            return len(run)
        error = self._attempt(handler, events)
        if error is None:
            self._failures = 0
            HANDLED.labels(self._topic.name, kind.__name__).inc(len(events))
            for event in events:
                self._log.info("handled", message=kind.__name__, event_id=str(event.id), subject=event.key)
            return len(run)
        if isinstance(error, _Stopped):
            return 0
        RETRIED.labels(self._topic.name).inc()
        self._log.warning(
            "retried", topic=self._topic.name, events=len(run), cause=f"{type(error).__name__}: {error}"[:300]
        )
        if len(run) > 1:
            half = len(run) // 2
            first = self._run(run[:half])
            return first + self._run(run[half:]) if first == half else first
        return self._last_tries(run[0][0], handler, events, error)

    def _last_tries(self, message: Any, handler: Handler, events: Sequence[Event], error: Exception) -> int:
        tries = 1
        while True:
            if not isinstance(error, Unreadable):
                broken = self._failures >= _BREAKER
                BREAKER.labels(self._topic.name).set(broken)
                if broken:  # burying on would bury everything: stay here until a release mends the bug
                    self._log.error("failed", topic=self._topic.name, cause="every message fails: stopped here")
                    if self._cut.wait(_BREAKER_SECONDS) or self._stopping.is_set():
                        return 0
                elif tries >= _TRIES:
                    self._failures += 1
                    return 1 if self._bury(message, error) else 0
            else:
                return 1 if self._bury(message, error) else 0
            tries += 1
            again = self._attempt(handler, events)
            if again is None:
                self._failures = 0
                BREAKER.labels(self._topic.name).set(0)
                return 1
            if isinstance(again, _Stopped):
                return 0
            error = again

    def _attempt(self, work: Callable[..., None], *arguments: Any) -> Exception | None:
        """None when done; the error otherwise. While the database is away: wait, and try again without end."""
        delay = 0.1
        while True:
            try:
                work(*arguments)
            except (*AWAY, TryLater) as error:
                WAITING.labels(self._topic.name).set(1)
                self._log.warning("waiting", topic=self._topic.name, cause=f"{type(error).__name__}: {error}"[:200])
            except Exception as error:
                return error
            else:
                WAITING.labels(self._topic.name).set(0)
                return None
            if self._cut.wait(delay):
                return _Stopped()
            delay = min(delay * 2, 2.0)

    def _bury(self, message: Any, error: Exception) -> bool:
        """Write the dead letter, once per message however often we come here. False when told to stop."""
        record = message.message
        where = f"{self._database.service}/{record.topic}/{record.partition}/{record.offset}"
        letter = DeadLetter(
            id=uuid5(NAMESPACE_URL, where),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=_base64(message.key),
            value=_base64(message.value),
            consumer=self._database.service,
            cause=f"{type(error).__name__}: {error}"[:2000],
            at=self._database.now(),
        )

        def write() -> None:
            with self._database.transaction() as tx:
                claimed = tx.cursor.execute(
                    "insert into inbox (event_id, claimed_at) values (%s, %s) on conflict do nothing returning 1",
                    (letter.id, letter.at),
                ).fetchone()
                if claimed:
                    tx.forward(self._topic.dead, str(letter.id).encode(), msgspec.json.encode(letter))

        failed = self._attempt(write)
        if failed is None:
            BURIED.labels(self._topic.name).inc()
            self._log.error("buried", dead_letter=str(letter.id), where=where, cause=letter.cause[:200])
            return True
        if not isinstance(failed, _Stopped):
            self._log.error("failed", where=where, cause=f"{type(failed).__name__}: {failed}"[:200])
        return False


class _Stopped(Exception):
    """We were told to stop while the database was away."""


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
