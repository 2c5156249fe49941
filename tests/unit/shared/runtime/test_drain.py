"""What reaches an agent's queue of what was fetched; Faust's own objects, no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import faust
import pytest
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.types import TP

from shared.runtime.drain import DrainingConsumer

TOPIC = "badge.received"
FIRST, SECOND = TP(TOPIC, 0), TP(TOPIC, 1)


def record(offset: int, tp: TP = FIRST) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        timestamp=1,
        timestamp_type=0,
        key=b"k",
        value=b"%d" % offset,
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=1,
        headers=[("no utf-8", b"\xff")],
    )


class Broker(DrainingConsumer):
    """Each fetch answers what the test says, which may also change the world meanwhile; then the reader is stopped."""

    def read(self, *fetches: Any) -> list[tuple[int, int]]:
        """(partition, offset) of what is in the agent's queue after these fetches, in order."""
        self.fetches: Iterator[Any] = iter(fetches)
        self.asked: list[set[TP]] = []
        self.sought = 0
        asyncio.get_event_loop().run_until_complete(self._drain_messages(self))
        return [(event.message.partition, event.message.offset) for event in self.queue._queue]

    @property
    def queue(self) -> Any:
        conductor: Any = self.app.topics
        (channel,) = conductor._tp_index[FIRST]
        return channel.queue

    async def _getmany(self, active: Any, timeout: float) -> Any:
        self.asked.append(set(active))
        answer = next(self.fetches, None)
        if answer is None:
            self._stopped.set()
            return {}
        return answer() if callable(answer) else answer

    async def perform_seek(self) -> None:
        self.sought += 1


@pytest.fixture
def broker() -> Iterator[Broker]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app: Any = faust.App(
        "probe", broker="aiokafka://localhost:1", web_enabled=False, stream_buffer_maxsize=10, loop=loop
    )
    app.transport.Consumer = Broker
    topic = app.topic(TOPIC, value_type=bytes, key_serializer="raw", value_serializer="raw")
    app.topics.add(topic)
    consumer: Any = app.consumer
    app.topics._tp_index[FIRST].add(topic)
    app.topics._tp_index[SECOND].add(topic)
    app.topics._acking_topics.add(TOPIC)
    app.flow_control.resume()
    consumer._active_partitions = {FIRST, SECOND}
    yield consumer
    asyncio.set_event_loop(None)
    loop.close()


def offsets(*numbers: int) -> Sequence[Any]:
    return [record(number) for number in numbers]


def test_each_partition_is_handed_on_in_order_with_key_and_value(broker: Broker) -> None:
    fetched = {FIRST: offsets(0, 1, 2), SECOND: [record(7, SECOND)]}
    assert broker.read(fetched, {FIRST: offsets(3)}) == [(0, 0), (0, 1), (0, 2), (1, 7), (0, 3)]
    event = broker.queue.get_nowait()
    assert (event.key, event.value, event.headers) == (b"k", b"0", {})


def test_what_was_read_before_the_place_sought_is_left_out(broker: Broker) -> None:
    broker._read_offset[FIRST] = 5
    assert broker.read({FIRST: offsets(3, 4, 5, 6)}) == [(0, 5), (0, 6)]


def test_what_is_acknowledged_is_committed_over_offsets_that_nobody_is_handed(broker: Broker) -> None:
    broker._committed_offset[FIRST] = 10
    broker._read_offset[FIRST] = 10
    broker.read({FIRST: offsets(10, 11, 14, 15)})  # 12 and 13: ends of transactions
    for _ in range(3):
        broker.queue.get_nowait().ack()
    assert broker._filter_committable_offsets([FIRST]) == {FIRST: 15}


def test_the_message_behind_such_a_gap_is_not_committed_before_it_is_acknowledged(broker: Broker) -> None:
    broker._committed_offset[FIRST] = 10
    broker._read_offset[FIRST] = 10
    broker.read({FIRST: offsets(10, 11, 14, 15)})
    for _ in range(2):
        broker.queue.get_nowait().ack()
    assert broker._filter_committable_offsets([FIRST]) == {FIRST: 12}


@pytest.mark.parametrize("change", ["assignment", "flow of the consumer", "flow of the streams"])
def test_what_was_fetched_while_partitions_were_given_away_is_dropped_and_sought_again(
    broker: Broker, change: str
) -> None:
    def meanwhile() -> Any:
        if change == "assignment":
            broker.app.consumer_generation_id += 1
        elif change == "flow of the streams":
            broker.app.flow_control.suspend()
        else:
            broker.stop_flow()
            asyncio.get_event_loop().call_later(0.01, broker.resume_flow)
        return {FIRST: offsets(0), SECOND: [record(0, SECOND)]}

    assert broker.read(meanwhile) == []
    assert broker.sought == 1
    assert broker._read_offset[FIRST] is None


@pytest.mark.parametrize("kind", [TP, TopicPartition])  # Faust's own, and that of what aiokafka fetched
def test_a_partition_is_not_fetched_from_while_its_queue_is_nearly_full(broker: Broker, kind: type[Any]) -> None:
    broker.read({kind(*FIRST): offsets(*range(9))}, {})
    assert broker.asked[1] == {SECOND}
    while broker.queue.qsize():
        broker.queue.get_nowait()
    broker.queue.maybe_endorse_pressure_drop()
    assert broker._get_active_partitions() == {FIRST, SECOND}
