"""Makes the topics of the pipeline and their dead letters. Used by the stack and by `akashi topics`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from shared.errors import TryLater
from shared.topics import TOPICS


def provision_topics(bootstrap: str, *, replication: int = -1) -> list[str]:
    """Create what is missing; the names of the new ones. `replication` -1 takes the broker's default.

    When this returns, each partition of each topic has a leader. TryLater while the broker is away.
    """
    wanted = {topic.name: topic for topic in (*TOPICS, *(topic.dead for topic in TOPICS))}
    try:
        with _hushed(), closing(KafkaAdminClient(bootstrap_servers=bootstrap, client_id="akashi-topics")) as admin:
            missing = sorted(set(wanted) - set(admin.list_topics()))
            if missing:
                new = {
                    name: {"num_partitions": wanted[name].partitions, "replication_factor": replication}
                    for name in missing
                }
                admin.create_topics(new, wait_for_metadata=True)
    except TopicAlreadyExistsError:  # another process made them in between: look again
        return provision_topics(bootstrap, replication=replication)
    except KafkaError as error:
        raise TryLater(f"Kafka at {bootstrap}: {type(error).__name__}; is it up?") from error
    return missing


def broker_answers(bootstrap: str) -> bool:
    """Whether the broker gives metadata with itself in it; no later than in three seconds."""
    with _hushed():
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
def _hushed() -> Iterator[None]:
    """kafka-python logs each refused connection as an error; here we say ourselves what it means."""
    log = logging.getLogger("kafka")
    former = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(former)
