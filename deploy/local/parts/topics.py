"""Creates the topics of the pipeline and their dead-letter topics. Used by the stack and by `akashi topics`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from shared.errors import RefuseToStart, TryLater
from shared.runtime.kafka_access import KafkaAccess
from shared.topics import ALL_TOPICS, LONGEST_RETENTION, MOST_PARTITIONS, PARTITIONS, RETENTION, TOPICS

_SEGMENT = timedelta(days=1)
"""Kafka deletes whole segments: a message goes at most this much after its retention."""


def retention_from(environment: Mapping[str, str]) -> timedelta:
    """TOPIC_RETENTION_DAYS, 30 unless it is set. RefuseToStart when it is impossible."""
    return timedelta(days=_number(environment, "TOPIC_RETENTION_DAYS", RETENTION.days, LONGEST_RETENTION.days))


def partitions_from(environment: Mapping[str, str]) -> int:
    """TOPIC_PARTITIONS, 4 unless it is set. RefuseToStart when it is impossible."""
    return _number(environment, "TOPIC_PARTITIONS", PARTITIONS, MOST_PARTITIONS)


def _number(environment: Mapping[str, str], name: str, default: int, most: int) -> int:
    raw = environment.get(name, "").strip() or str(default)
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= most:
        raise RefuseToStart(f"setting {name}: got {raw!r}, expected a whole number from 1 to {most}")
    return int(raw)


def provision_topics(
    kafka: KafkaAccess, *, replication: int = -1, partitions: int = PARTITIONS, retention: timedelta = RETENTION
) -> list[str]:
    """Create the missing topics; returns their names. `replication` -1 takes the broker's default.

    `retention` is set on all of them, the existing ones too. Those with fewer `partitions` get more, except topics of
    dead letters, which have one; none loses any. Other settings stay as they are. When this returns, each partition of
    each topic has a leader. TryLater while the broker is unreachable.
    """
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": str(retention // timedelta(milliseconds=1)),
        "segment.ms": str(_SEGMENT // timedelta(milliseconds=1)),
        # Retention goes by the broker's clock. By a producer's, messages of one that is behind would be deleted unread,
        # and those of one that is an hour ahead would be refused.
        "message.timestamp.type": "LogAppendTime",
    }
    wanted = {topic.name: topic for topic in ALL_TOPICS}
    try:
        with (
            _no_kafka_log(),
            closing(KafkaAdminClient(**kafka.client, client_id="akashi-topics")) as admin,
        ):
            missing = sorted(set(wanted) - set(admin.list_topics()))
            if missing:
                new = {
                    name: {
                        "num_partitions": partitions if wanted[name] in TOPICS else wanted[name].partitions,
                        "replication_factor": replication,
                        "configs": configs,
                    }
                    for name in missing
                }
                admin.create_topics(new, wait_for_metadata=True)
            if existing := sorted(set(wanted) - set(missing)):
                resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=configs) for name in existing]
                admin.alter_configs(resources, incremental=True)
                described = admin.describe_topics([name for name in existing if wanted[name] in TOPICS])
                few = [topic["name"] for topic in described if len(topic["partitions"]) < partitions]
                if few:
                    admin.create_partitions(dict.fromkeys(few, partitions))
    except TopicAlreadyExistsError:  # another process created them in between
        return provision_topics(kafka, replication=replication, partitions=partitions, retention=retention)
    except KafkaError as error:
        raise TryLater(f"Kafka at {kafka}: {type(error).__name__}; is it up?") from error
    return missing


def broker_answers(kafka: KafkaAccess) -> bool:
    """Whether the broker lists itself in its metadata; answers within three seconds."""
    with _no_kafka_log():
        try:
            with closing(
                KafkaAdminClient(
                    **kafka.client,
                    client_id="akashi-ready",
                    bootstrap_timeout_ms=1000,
                    request_timeout_ms=2000,
                    reconnect_backoff_max_ms=100,
                )
            ) as admin:
                return bool(admin.describe_cluster()["brokers"])
        except KafkaError:
            return False


@contextmanager
def _no_kafka_log() -> Iterator[None]:
    """kafka-python logs each refused connection as an error; the caller reports it instead."""
    log = logging.getLogger("kafka")
    previous = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(previous)
