"""The Faust app that reads Kafka for a process: only what is committed, from where our tables stand.

Used by every process. Faust reads uncommitted messages unless it also writes in transactions, which our outbox does not
need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import faust
from aiokafka.consumer import consumer as aiokafka_consumer
from aiokafka.consumer.fetcher import Fetcher
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode import Service

from shared.runtime.any_headers import take_any_headers
from shared.runtime.broker import READ_COMMITTED
from shared.runtime.drain import DrainingConsumer
from shared.runtime.settings import Runtime

SESSION_SECONDS = 10.0
"""After so long the broker gives a dead worker's partitions away."""


_LOOK_AGAIN = 0.05  # seconds
_WATCH_SECONDS = 1.0  # between two looks at aiokafka


class _SeekFirst(Fetcher):  # type: ignore[misc]  # aiokafka brings no types
    """Fetches nothing of a partition before it was sought: that is done after each assignment (`positions.py`).

    aiokafka would start at the group's offset meanwhile, and fail where the group has none: each process that joins
    or leaves could then end those that stay.
    """

    async def _update_fetch_positions(self, assignment: Any, node_id: Any, tps: Collection[Any]) -> bool:
        states = {tp: assignment.state_value(tp) for tp in tps}
        sought = [tp for tp, state in states.items() if state.has_valid_position or state.awaiting_reset]
        if len(sought) < len(states):
            await asyncio.sleep(_LOOK_AGAIN)
        return bool(sought) and bool(await super()._update_fetch_positions(assignment, node_id, sought))


class _CommittedThread(AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        # Read at its start, which is later. Faust has no setting for it; an upgrade is checked by
        # tests/e2e/test_poison.py.
        consumer._isolation_level = READ_COMMITTED
        return consumer

    @Service.task
    async def _look_after(self) -> None:
        """End the process after a fatal error of aiokafka, and look up topics that it doesn't know.

        aiokafka raises such an error only where messages are fetched. While partitions are being assigned nothing is
        fetched, so it would wait for ever. An exception that ends its fetcher is reported nowhere.
        A topic that no broker knew when this process joined its group (it was made later, or Kafka was just starting)
        has no partition assigned; aiokafka would look again only after five minutes.
        """
        while not self.should_stop:
            await self.sleep(_WATCH_SECONDS)
            consumer: Any = self._ensure_consumer()
            try:
                consumer._coordinator.check_errors()
                if consumer._fetcher.error_future.done() and not consumer._closed:
                    consumer._fetcher.error_future.result()
            except Exception as error:
                if not self.should_stop:
                    asyncio.run_coroutine_threadsafe(self.app.crash(error), self.parent_loop)
                return
            known = consumer._client.cluster.partitions_for_topic
            if not all(known(topic) for topic in consumer.subscription()):
                consumer._client.force_metadata_update()


class _PatientRecovery(Recovery):
    """Seeks after an assignment for as long as that takes: `positions.py` waits for the database.

    Faust would give up after `broker_request_timeout`, log nothing, and read nothing until the process ends.
    """

    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        await super()._wait(coro)


class _Tables(TableManager):
    """We have no tables, but Faust begins to read after an assignment only when their recovery is done."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = _PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class _CommittedConsumer(DrainingConsumer):
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


def faust_app(runtime: Runtime, datadir: str) -> faust.App:
    take_any_headers()
    aiokafka_consumer.Fetcher = _SeekFirst  # there is no parameter for it
    app = faust.App(
        runtime.service,
        **runtime.kafka.reader,
        datadir=datadir,
        web_enabled=False,
        web_port=6066,  # unused; given, because Faust reads WEB_PORT, which is our own setting, and refuses 0
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="none",  # what was deleted under a reader ends it: the next start notes the gap
        broker_commit_interval=1.0,
        broker_commit_every=1_000_000,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=2.0,
        broker_rebalance_timeout=20.0,
        broker_max_poll_records=1000,
        stream_buffer_maxsize=2000,
        stream_wait_empty=False,
        TableManager=_Tables,
    )
    transport: Any = app.transport
    transport.Consumer = _CommittedConsumer
    return app
