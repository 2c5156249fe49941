"""What an admin client of Kafka says of topics. Used by `restored.py` and by ops' lag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka.admin import OffsetSpec


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
