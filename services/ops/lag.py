"""The lag of each service: its committed offsets against the ends of its topics.

Measured by a tick, so that no page waits for the broker. Without a measurement there is a reason instead of a number.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from shared.runtime.broker import offsets_at, partitions_of
from shared.topics import SERVICES

_EVERY = 2.0  # seconds between two measurements
_STALE = 15.0  # seconds after which the lag is unknown without a new one
_TIMEOUT_MS = 4000

# kafka-python can't decode the subscription that Faust writes and logs it each time; we read the assignment only.
logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Lag:
    """Messages waiting by service; None where it is not known, then `unknown` says why."""

    messages: dict[str, int | None] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


class Broker(Protocol):
    """Reads lags. Raises when it can't; the error is the reason shown."""

    def lags(self, services: Sequence[str]) -> Lag: ...


class LagMeter:
    """The last measurement; a new one at most every two seconds. Thread-safe."""

    def __init__(
        self,
        broker: Broker,
        *,
        services: Sequence[str] = SERVICES,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._services = services
        self._seconds = seconds
        self._measuring = threading.Lock()
        self._latest: tuple[float, Lag] | None = None

    def measure(self) -> bool:
        """Ask the broker; False if it was asked less than two seconds ago. Broker errors make the lag unknown."""
        with self._measuring:
            if self._latest is not None and self._seconds() - self._latest[0] < _EVERY:
                return False
            try:
                lag = self._broker.lags(self._services)
            except (KafkaError, OSError, RuntimeError) as error:
                lag = _unknown(self._services, f"the broker did not answer ({type(error).__name__})")
            self._latest = (self._seconds(), lag)
            return True

    def latest(self) -> Lag:
        if self._latest is None:
            return _unknown(self._services, "not measured yet")
        at, lag = self._latest
        age = self._seconds() - at
        return lag if age < _STALE else _unknown(self._services, f"last measured {age:.0f} s ago")


def _unknown(services: Iterable[str], why: str) -> Lag:
    return Lag(messages=dict.fromkeys(services), unknown=dict.fromkeys(services, why))


def messages_waiting(
    committed: Mapping[TopicPartition, int],
    first: Mapping[TopicPartition, int],
    end: Mapping[TopicPartition, int],
) -> int:
    """The sum over the partitions of `end`; one without a committed offset is read from its first message."""
    waiting = 0
    for partition, last in end.items():
        position = max(committed.get(partition, 0), first.get(partition, 0))
        waiting += max(0, last - position)
    return waiting


class KafkaBroker:
    """Asks Kafka. The connection is made when it is first needed and again after an error."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin: Any = None

    def lags(self, services: Sequence[str]) -> Lag:
        try:
            return self._lags(services)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()

    def _lags(self, services: Sequence[str]) -> Lag:
        if self._admin is None:
            self._admin = KafkaAdminClient(
                bootstrap_servers=self._bootstrap.split(","),
                client_id="ops-lag",
                request_timeout_ms=_TIMEOUT_MS,
                bootstrap_timeout_ms=_TIMEOUT_MS,
            )
        groups = self._admin.describe_groups(list(services))
        lag = Lag()
        offsets = self._admin.list_group_offsets(list(services))
        committed = {
            service: {
                partition: found.offset for partition, found in offsets.get(service, {}).items() if found.offset >= 0
            }
            for service in services
        }
        topics = {
            service: _assigned(groups.get(service, {})) | {partition.topic for partition in committed[service]}
            for service in services
        }
        partitions = self._partitions(set().union(*topics.values()))
        first = offsets_at(self._admin, partitions, OffsetSpec.EARLIEST)
        end = offsets_at(self._admin, partitions, OffsetSpec.LATEST)
        for service in services:
            if not topics[service]:
                lag.messages[service] = None
                lag.unknown[service] = "it has not read anything yet"
                continue
            own = {partition: offset for partition, offset in end.items() if partition.topic in topics[service]}
            lag.messages[service] = messages_waiting(committed[service], first, own)
        return lag

    def _partitions(self, topics: set[str]) -> list[TopicPartition]:
        return partitions_of(self._admin.describe_topics(sorted(topics))) if topics else []


def _assigned(group: Mapping[str, Any]) -> set[str]:
    """The topics assigned to the present members of a consumer group."""
    topics: set[str] = set()
    for member in group.get("members", ()):
        assignment = member.get("member_assignment")
        if isinstance(assignment, Mapping):
            topics.update(assigned["topic"] for assigned in assignment.get("assigned_partitions", ()))
    return topics
