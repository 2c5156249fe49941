"""The consume loop: Faust reads, PostgreSQL commits, then the offset is acknowledged. Used by every service process.

Four rules hold whatever happens: no exception leaves an agent (Faust acknowledges what raised); nothing is acknowledged
before its commit; acknowledged in offset order only (Faust commits over a gap); no event is in hand while waiting for
the next one. `stream.take` and `stream.events` break them, so the loop reads the stream's queue itself.
What happens to the messages of a batch: `batches.py`. Why it is built so: docs/decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import faust
import mode

from shared.events import Event
from shared.runtime.batches import Batches, Handler, Predicate, Received, Write
from shared.runtime.db import Database
from shared.runtime.dead_letters import Record
from shared.runtime.log import Log
from shared.runtime.metrics import BREAKER, DATABASE_AWAY
from shared.runtime.pace import pause_after
from shared.runtime.tracing import header_of
from shared.topics import Topic

_BATCH = 500
_FULL = _BATCH // 4  # a batch of so many is followed by the next at once


class Consumer:
    """All that one service does with one topic: read in batches, have them handled, acknowledge what is done with."""

    def __init__(
        self,
        app: faust.App,
        topic: Topic,
        database: Database[Any],
        log: Log,
        *,
        handled: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        """`handled` is called after each batch, in its thread; `failed` when one was not wholly done, in the loop."""
        self._topic = topic
        self._log = log
        self._handled = handled
        self._failed = failed
        self._app = app
        self._batches = Batches(topic, database, log)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"consume-{topic.name}")
        self._working: asyncio.Future[int] | None = None
        self._stopping = asyncio.Event()
        app.agent(
            app.topic(topic.name, value_type=bytes, key_serializer="raw", value_serializer="raw"),
            name=f"{database.service}-{topic.name}",
            supervisor_strategy=mode.CrashingSupervisor,
        )(self._read)

    def add(self, event: type[Event], handler: Handler, predicate: Predicate = lambda event: True) -> None:
        self._batches.add(event, handler, predicate)

    def note(self, event: type[Event], write: Write, predicate: Predicate = lambda event: True) -> None:
        self._batches.note(event, write, predicate)

    def read_again(self) -> int:
        """Handle what an earlier release kept because it did not know it. Before the first read; see `batches.py`."""
        return self._batches.read_again()

    def read_kept(self) -> int:
        """The same while batches are read: between two of them, in their thread. From a thread of its own."""
        return self._pool.submit(self._batches.read_again).result()

    def shows_no_trouble(self) -> None:
        """Set the gauges of this topic back, until a batch meets trouble again."""
        DATABASE_AWAY.labels(self._topic.name).set(0)
        BREAKER.labels(self._topic.name).set(0)

    async def drain(self, seconds: float) -> None:
        """Wait for the batch in hand, so that it is acknowledged before the partition is given away."""
        if self._working is not None and not self._working.done():
            await asyncio.wait([self._working], timeout=seconds)
        await asyncio.sleep(0)

    async def stop(self, seconds: float) -> None:
        """Finish the batch in hand and begin no other; give up half way when the database stays unavailable."""
        self._stopping.set()
        await self.drain(seconds / 2)
        self._batches.interrupt()
        await self.drain(seconds / 2)

    async def _read(self, stream: Any) -> None:
        queue, loop = stream.channel.queue, asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                # From here to the thread nothing is awaited: a cancel finds no event in hand.
                batch = [await queue.get()]
                while len(batch) < _BATCH and queue.qsize():
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
            began = loop.time()
            working = self._working = loop.run_in_executor(self._pool, self._handle, batch)
            working.add_done_callback(partial(self._acknowledge, batch))
            try:
                await asyncio.shield(working)  # when we are cancelled the thread goes on, and it is acknowledged then
                if working.result() < len(batch):
                    break  # the process ends: never a next batch before this one is done with
                if len(batch) < _FULL:
                    await asyncio.sleep(pause_after(loop.time() - began))  # they gather in the queue, none is in hand
            except asyncio.CancelledError:
                if self._stopping.is_set() or self._app.should_stop:
                    return
                raise
            except Exception:
                break  # as above; `_acknowledge` says why
        await asyncio.Event().wait()  # stopped: hold still until Faust cancels us

    def _handle(self, batch: Sequence[Any]) -> int:
        done = self._batches.handle([_record_of(event) for event in batch])
        self._handled()
        return done

    def _acknowledge(self, batch: Sequence[Any], working: asyncio.Future[int]) -> None:
        if working.cancelled():
            return
        error = working.exception()
        done = 0 if error is not None else working.result()
        for event in batch[:done]:
            event.ack()
        if done < len(batch) and not self._stopping.is_set():
            # To read on would acknowledge over the gap. The next start reads on from the place that is committed.
            cause = f"{type(error).__name__}: {error}" if error is not None else "a batch was not wholly handled"
            self._failed(f"topic {self._topic.name}: {cause}"[:500])


def _record_of(event: Any) -> Record:
    place = event.message
    return Received(
        topic=place.topic,
        partition=place.partition,
        offset=place.offset,
        key=event.key,
        value=event.value,
        traceparent=header_of(place.headers),
    )
