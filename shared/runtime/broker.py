"""What Kafka says of topics: partitions, offsets, and what is behind a place.

Used by `restored.py`, `positions.py`, `truncation.py` and ops' lag.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from shared.runtime.kafka_access import KafkaAccess

READ_COMMITTED = "read_committed"
"""A record of a transaction that its sender has aborted was never said: every reader of ours leaves it out."""
_TIMEOUT_MS = 4000
_LOOK_SECONDS = 2.0


def partitions_of(topics: Iterable[Mapping[str, Any]]) -> list[TopicPartition]:
    """All partitions of `topics`, as `describe_topics` answers them."""
    return [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in topics
        for partition in topic["partitions"]
    ]


def offsets_at(admin: Any, partitions: Sequence[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
    """Of each partition its first or last offset. Without partitions nothing is asked. KafkaError."""
    if not partitions:
        return {}
    found = admin.list_partition_offsets(dict.fromkeys(partitions, spec))
    return {partition: answer.offset for partition, answer in found.items()}


def ends_of_topics(kafka: KafkaAccess, names: Collection[str]) -> dict[TopicPartition, int]:
    """The offset behind the last message of each partition; of those topics that there are. KafkaError."""
    with closing(
        KafkaAdminClient(**kafka.client, request_timeout_ms=_TIMEOUT_MS, bootstrap_timeout_ms=_TIMEOUT_MS)
    ) as admin:
        there = [topic for topic in admin.describe_topics() if topic["name"] in names]
        return offsets_at(admin, partitions_of(there), OffsetSpec.LATEST)


def without_messages(kafka: KafkaAccess, spans: Mapping[TopicPartition, tuple[int, int]]) -> set[TopicPartition]:
    """Those of `spans` (first offset, offset behind the last) that hold nothing for a reader.

    That is: markers of transactions, and records of aborted ones. They have offsets, but nobody is ever handed one, so
    no reader's place gets behind them. What can't be read in two seconds counts as a message.
    """
    empty: set[TopicPartition] = set()
    if not spans:
        return empty
    try:
        with closing(_reader(kafka)) as consumer:
            consumer.assign(list(spans))
            for partition, (first, _) in spans.items():
                consumer.seek(partition, first)
            until = time.monotonic() + _LOOK_SECONDS
            waiting = set(spans)
            while waiting and time.monotonic() < until:
                for partition in consumer.poll(timeout_ms=100, max_records=1):
                    waiting.discard(partition)
                    consumer.pause(partition)
                reached = {partition for partition in waiting if consumer.position(partition) >= spans[partition][1]}
                empty |= reached
                waiting -= reached
    except (KafkaError, OSError, RuntimeError, ValueError, AssertionError):
        pass  # away, or bytes that it can't unpack: what was not seen to be empty is not
    return empty


def ends_of(kafka: KafkaAccess, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset behind the last message of each. KafkaError."""
    with closing(_reader(kafka)) as consumer:
        ends: dict[TopicPartition, int] = consumer.end_offsets(list(partitions))
        return ends


def _reader(kafka: KafkaAccess) -> Any:
    return KafkaConsumer(
        **kafka.client,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset=None,
        isolation_level=READ_COMMITTED,
        request_timeout_ms=_TIMEOUT_MS,
        max_partition_fetch_bytes=65_536,
    )
