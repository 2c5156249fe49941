"""One service process: consumers, relay, ticks, web server and metrics, started in order and stopped gracefully.

Used by every service. Faust runs in our own event loop; whatever touches the database runs in threads.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import uvloop
from kafka.errors import KafkaError

from shared.errors import TryLater, cause_of
from shared.events import Event
from shared.office_events import DecisionSettled, ObjectsScrubbed, RebuildOrdered, ScrubOrdered
from shared.readiness import Question, Report
from shared.runtime.batches import RawMessage
from shared.runtime.catching_up import CatchingUp
from shared.runtime.consume import Consumer
from shared.runtime.db import Database, Transaction, is_unavailable
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log, logger
from shared.runtime.memory import keep_little
from shared.runtime.migrate import migrate_apart
from shared.runtime.objects import ErasableObjects
from shared.runtime.outbox import Relay, report_outbox
from shared.runtime.positions import pass_markers, report_gaps, seek_to_kept
from shared.runtime.reader import SESSION_SECONDS, faust_app
from shared.runtime.readiness import Checks, Readiness, certificates_report, database_report
from shared.runtime.rebuild import announce_again, note_rebuilds
from shared.runtime.recall import Recall
from shared.runtime.restored import Storage, compare
from shared.runtime.scrub import Inventory, Scrub
from shared.runtime.scrub_record import note_finished, note_ordered, report_faults
from shared.runtime.settings import Runtime
from shared.runtime.structs import compile_structs
from shared.runtime.ticks import Tick
from shared.runtime.tracing import forget_traces, start_tracing, stop_tracing
from shared.runtime.truncation import find_truncated
from shared.runtime.unread import topics_of_unread
from shared.runtime.web.metrics import serve_metrics
from shared.runtime.web.server import WebServer, web_server
from shared.topics import ASKED_FOR, INBOX_MEMORY, Topic

_GRACE = 12.0  # seconds for the batch in hand at a stop
_BACKLOG_EVERY = 5.0
_ORDERS_EVERY = 1.0  # rare: woken by each batch, these ticks would cost as much as the batch
_FORGET_EVERY = 3600.0
_FORGET_AT_ONCE = 10_000
_KEPT_EVERY = 30.0  # seconds between two looks at what older replicas kept
_RECURSION = 1000  # py_ecc, which web3 needs, sets 100,000: nested JSON then overflows the stack and kills the process

E = TypeVar("E", bound=Event)
P = TypeVar("P")
T = TypeVar("T", bound=Transaction)


class Process:
    """Declare what the service does (`consume`, `tick`, `serve`), then `run`."""

    def __init__(self, runtime: Runtime, database: Database[Any], migrations: Path) -> None:
        """`migrations`: the folder of this service's own; see `migrate.py`."""
        self._runtime = runtime
        self._migrations = migrations
        self._database = database
        self._log = logger(runtime.service)
        self._catching_up = CatchingUp(database, self._log)
        self._folder = tempfile.TemporaryDirectory(prefix=f"akashi-{runtime.service}-")  # Faust insists on one
        self._app = faust_app(runtime, self._folder.name)
        self._checks: list[Callable[[], None]] = []
        self._at_start: list[Callable[[], None]] = []
        self._recalls: dict[type[Event], Recall] = {}
        self._storage: Callable[[], Storage] = Storage
        self._interrupted = threading.Event()
        self._consumers: dict[str, Consumer] = {}
        self._ticks: list[Tick] = []
        self._eager: list[Tick] = []
        self._web: list[WebServer] = []
        self._readiness = Checks()
        self._ended = asyncio.Event()
        self._broken: asyncio.Future[str] | None = None
        self.tick(
            "backlog", partial(_report_backlog, log=self._log, reported={}), database, every=_BACKLOG_EVERY, waits=False
        )
        self.note(RebuildOrdered, note_rebuilds)
        self.tick("rebuild", partial(announce_again, log=self._log), database, every=_ORDERS_EVERY, waits=False)
        self.tick("inbox", _forget_past, database, every=_FORGET_EVERY, waits=False)
        self.tick(
            "topics",
            partial(_look_at_topics, kafka=runtime.kafka, log=self._log),
            database,
            every=_FORGET_EVERY,
            waits=False,
        )
        self.ready("database", lambda _, to: database_report(*to), (database, migrations))
        self.ready("certificates", lambda _, to: certificates_report(*to), (runtime.certificates, runtime.clock))
        self.tick("kept", self._read_kept, database, every=_KEPT_EVERY, waits=False)

    def check(self, work: Callable[[P], None], ports: P) -> None:
        """Call `work` at each start, once the schema is there and before Kafka is read. RefuseToStart ends the process.

        It changes nothing: own announcements are not taken back yet.
        """
        self._checks.append(partial(work, ports))

    def ready(self, name: str, ask: Callable[[Question, P], Report], ports: P) -> None:
        """At `/readiness`, answer with what `ask` says. It changes nothing, and is given up on after some seconds."""
        self._readiness.add(name, lambda question: ask(question, ports))

    def at_start(self, work: Callable[[P], None], ports: P) -> None:
        """Call `work` at each start, once own announcements are taken back, before all else. See `recall.py`.

        RefuseToStart ends the process.
        """
        self._at_start.append(partial(work, ports))

    def compare(self, storage: Callable[[P], Storage], ports: P) -> None:
        """At each start, once own announcements are taken back, compare tables and object storage: see `restored.py`.

        `storage` changes nothing. TryLater while the storage is away.
        """
        self._storage = partial(storage, ports)

    def consume(
        self,
        event: type[E],
        handler: Callable[[Sequence[E], P], None],
        ports: P,
        *,
        predicate: Callable[[E], bool] = lambda event: True,
    ) -> None:
        """Hand each batch of `event` (at most 500, in a partition's order) to `handler`, which is one transaction.

        An event for which `predicate` is false costs nothing: no transaction, no claim, no line in the log.
        """
        self._consumer(event.topic).add(event, partial(_handle, handler, ports), predicate)

    def note(
        self,
        event: type[E],
        write: Callable[[T, Sequence[E]], None],
        *,
        predicate: Callable[[E], bool] = lambda event: True,
    ) -> None:
        """Consume `event` by writing it down and nothing else: `write` is a method of the service's transaction.

        It gets the events that this service never handled, in order; claims and rows are committed together, also
        those of other types that are noted and come in the same batch.
        """
        self._consumer(event.topic).note(event, write, predicate)

    def consume_raw(self, topic: Topic, handler: Callable[[Sequence[RawMessage], P], None], ports: P) -> None:
        """The same as `consume` for a topic whose messages come from outside, without our envelope."""
        self._consumer(topic).add(RawMessage, partial(_handle, handler, ports))

    def recall(self, event: type[E], take_back: Callable[[T, Sequence[E]], None]) -> None:
        """At a start after a restore, hand own announcements that the tables don't know to `take_back`.

        It is a method of the service's transaction; see `recall.py`. Before any tick, consumer or request.
        """
        self._recalls[event] = take_back
        self._recalls.setdefault(DecisionSettled, _nothing)  # orders that were settled are not carried out again

    def tick(
        self,
        name: str,
        work: Callable[[P], int],
        ports: P,
        *,
        every: float | None = None,
        full: int = 1,
        waits: bool = True,
    ) -> None:
        """Call `work` again and again: at once if it acted on rows, else after a handled batch or the usual pause.

        With `every` (seconds) it goes by the clock alone: a handled batch doesn't wake it. After a run that acted on
        fewer rows than `full` more of them gather first, for as long as `pace.py` says. After a restore one that
        `waits` does nothing before what was read is read again (`catching_up.py`); one that only looks need not.
        """
        pause = self._runtime.tick_seconds if every is None else every
        run = partial(work, ports)
        if waits:
            run = partial(self._once_read_again, run)
        tick = Tick(name, run, pause, self._log, acted=self.wake, full=full)
        self._ticks.append(tick)
        if every is None:
            self._eager.append(tick)

    def _once_read_again(self, work: Callable[[], int]) -> int:
        return work() if self._catching_up.is_over() else 0

    def scrub(self, objects: ErasableObjects, *inventories: Inventory, before: str | None = None) -> None:
        """Compare these kinds of objects with the tables, ordered or by itself every SCRUB_HOURS; see `scrub.py`.

        `before` is the service whose objects ours are made from: its pass comes first.
        """
        self.note(ScrubOrdered, partial(note_ordered, before=before))
        if before is not None:
            self.note(ObjectsScrubbed, partial(note_finished, before=before))
        scrub = Scrub(self._database, objects, inventories, self._runtime.scrub_hours, self._log)
        self.tick("scrub", Scrub.step, scrub, every=_ORDERS_EVERY)
        self.tick("faults", report_faults, self._database, every=_BACKLOG_EVERY, waits=False)

    def serve(self, app: Any, *, host: str, port: int) -> None:
        """Serve an ASGI app over HTTP; port 0 takes any free one."""
        most = self._runtime.access.most_connections
        self._web.append(web_server(app, host=host, port=port, most_connections=most))

    def wake(self) -> None:
        """Let the ticks look now: there are new rows."""
        for tick in self._eager:
            tick.wake()

    def run(self) -> None:
        """Until TERM or Ctrl-C. Raises when a part breaks that can't go on, so that the supervisor starts us again."""
        with self._folder:
            keep_little()
            sys.setrecursionlimit(_RECURSION)  # here: the wiring has imported what raises it
            start_tracing(self._runtime.service, self._runtime.traces)
            compile_structs()
            self._migrate()
            for check in self._checks:
                check()
            if self._recalls:
                self._compare()
            for work in self._at_start:
                work()
            for consumer in self._consumers.values():
                consumer.read_again()
            uvloop.run(self._main())

    def _consumer(self, topic: Topic) -> Consumer:
        if topic.name not in self._consumers:
            self._consumers[topic.name] = Consumer(
                self._app, topic, self._database, self._log, handled=self.wake, failed=self._fail
            )
        return self._consumers[topic.name]

    def _read_kept(self, database: Database[Any]) -> int:
        """What a replica of the former release kept beside us. Acts on no row of its own: always 0."""
        for topic in topics_of_unread(database):
            if topic in self._consumers:
                self._consumers[topic].read_kept()
        return 0

    def _migrate(self) -> None:
        while True:
            try:
                if migrate_apart(self._runtime.database_url, self._runtime.service, self._migrations):
                    self._log.info("migrated")
                return
            except psycopg.OperationalError as error:
                self._log.warning("waiting", part="database", cause=str(error).splitlines()[0][:200])
                time.sleep(1)

    def _compare(self) -> None:
        """Take own facts back and notice a restore; until it is done, or a stop is ordered."""
        while not self._interrupted.is_set():
            try:
                found = compare(self._runtime.kafka, self._database, self._recalls, self._storage, self._log)
                own = {place: to for place, to in found.behind.items() if place[0] in self._consumers}
                self._catching_up.wait_for(own)
                return
            except Exception as error:
                if not is_unavailable(error) and not isinstance(error, TryLater | KafkaError):
                    raise
                self._log.warning("waiting", part="comparison", cause=cause_of(error, 200))
                self._interrupted.wait(1)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        relay = Relay(self._database.url, self._runtime.kafka, self._log, check=self._database.check)
        relay.start()
        for tick in self._ticks:
            tick.start()
        web = [asyncio.create_task(server.serve()) for server in self._web]
        self._app.on_partitions_revoked.connect(self._revoked, weak=False)
        broken = self._broken = loop.create_future()
        reader: Any = self._app.consumer
        reader.seek_to_committed = partial(seek_to_kept, reader, reader.seek_to_committed, self._database, self._log)
        if not self._recalls:  # its pages need no Kafka: they are served meanwhile
            await asyncio.to_thread(self._compare)
        crashed = asyncio.create_task(self._app.wait_until_stopped())
        ended = asyncio.create_task(self._ended.wait())
        ends = [crashed, ended, broken, *web]
        if not self._interrupted.is_set():
            await self._start_reading(ends)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        is_broken = not self._ended.is_set()
        reason = broken.result() if broken.done() else self._app.crash_reason
        crashed.cancel()
        await self._stop(relay, web)
        self._log.info("stopped", pid=os.getpid(), broken=is_broken, cause=str(reason) if is_broken else None)
        if is_broken:
            raise SystemExit(f"{self._runtime.service}: {reason or 'a part ended'}; start again")

    async def _start_reading(self, ends: Sequence[asyncio.Future[Any]]) -> None:
        """Returns once messages are read, however long Kafka and database let it wait, or with the first of `ends`."""
        starting = asyncio.create_task(self._app.start())
        await asyncio.wait([starting, *ends], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return
        starting.result()
        runtime = self._runtime
        key = runtime.readiness_key
        asked = Readiness(runtime.service, runtime.clock, key, self._readiness) if key is not None else None
        port = serve_metrics(runtime.metrics_host, runtime.metrics_port, runtime.access, asked)
        self._log.info("started", pid=os.getpid(), metrics_port=port)

    def _end(self) -> None:
        self._interrupted.set()
        self._ended.set()

    def _fail(self, reason: str) -> None:
        """In the event loop: end the process, so that the next start reads on from what is committed."""
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(reason)

    async def _stop(self, relay: Relay, web: Sequence[asyncio.Task[None]]) -> None:
        """In the order of the flow: no new requests, no new events, no new ticks; then publish the outbox."""
        for server in self._web:
            server.should_exit = True
        await asyncio.gather(*(consumer.stop(_GRACE) for consumer in self._consumers.values()))
        if web:
            await asyncio.wait(web, timeout=5)
        try:
            await asyncio.wait_for(self._app.consumer.commit(), 5)
            await asyncio.wait_for(self._app.stop(), 10)
        except Exception as error:
            # The broker is away: what isn't committed there is read again and dropped by the inbox.
            self._log.warning("failed", part="faust", cause=cause_of(error, 200))
        for tick in self._ticks:
            tick.stop()
        for tick in self._ticks:
            await asyncio.to_thread(tick.join, 10)
        await asyncio.to_thread(relay.stop, 10)
        await asyncio.to_thread(stop_tracing)
        self._database.close()

    async def _revoked(self, *_: Any, **__: Any) -> None:
        # What is in hand is acknowledged before another worker gets the partition; what isn't, its inbox drops.
        await asyncio.gather(*(consumer.drain(SESSION_SECONDS / 3) for consumer in self._consumers.values()))
        await self._app.consumer.commit()
        for consumer in self._consumers.values():
            consumer.shows_no_trouble()  # of messages that are another's now; what is in hand shows it again


def _report_backlog(database: Database[Any], *, log: Log, reported: dict[str, int]) -> int:
    report_outbox(database)
    return report_gaps(database, log, reported)


def _look_at_topics(database: Database[Any], *, kafka: KafkaAccess, log: Log) -> int:
    """What no message tells: what Kafka lost of our own, and the ends of transactions. KafkaError."""
    find_truncated(database, kafka=kafka, log=log)
    return pass_markers(database, kafka)


def _forget_past(database: Database[Any]) -> int:
    with database.transaction() as tx:
        before = tx.now() - INBOX_MEMORY
        forget_traces(tx, before)
        for topic in ASKED_FOR:
            tx.forget_announced(topic, before, _FORGET_AT_ONCE)
        return int(tx.forget_claims(before))


def _nothing(tx: Any, events: Sequence[Event]) -> None:
    """Nothing to write: `claim` drops an order whose settlement was announced."""


def _handle(handler: Callable[[Any, Any], None], ports: Any, events: Sequence[Event]) -> None:
    handler(events, ports)
