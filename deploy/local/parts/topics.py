"""Creates the topics of the pipeline and their dead-letter topics. Used by the stack and by `akashi topics`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from shared.errors import TryLater
from shared.topics import TOPICS


def provision_topics(bootstrap: str, *, replication: int = -1) -> list[str]:
    """Create the missing topics; returns their names. `replication` -1 takes the broker's default.

    When this returns, each partition of each topic has a leader. TryLater while the broker is unreachable.
    """
    wanted = {topic.name: topic for topic in (*TOPICS, *(topic.dead for topic in TOPICS))}
    try:
        with (
            _no_kafka_log(),
            closing(KafkaAdminClient(bootstrap_servers=bootstrap, client_id="akashi-topics")) as admin,
        ):
            missing = sorted(set(wanted) - set(admin.list_topics()))
            if missing:
                new = {
                    name: {"num_partitions": wanted[name].partitions, "replication_factor": replication}
                    for name in missing
                }
                admin.create_topics(new, wait_for_metadata=True)
    except TopicAlreadyExistsError:  # another process created them in between
        return provision_topics(bootstrap, replication=replication)
    except KafkaError as error:
        raise TryLater(f"Kafka at {bootstrap}: {type(error).__name__}; is it up?") from error
    return missing


def broker_answers(bootstrap: str) -> bool:
    """Whether the broker lists itself in its metadata; answers within three seconds."""
    with _no_kafka_log():
        try:
            with closing(
                KafkaAdminClient(
                    bootstrap_servers=bootstrap,
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
