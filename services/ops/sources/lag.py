"""The lag of each service: its committed offsets against the ends of its topics.

Measured by a tick, so that no page waits for the broker. Without a measurement there is a reason instead of a number.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from shared.clock import Clock, system_clock
from shared.runtime.broker import offsets_at, partitions_of, without_messages
from shared.runtime.kafka_access import KafkaAccess
from shared.topics import READ_BY, SERVICES

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
        now: Clock = system_clock,
    ) -> None:
        self._broker = broker
        self._now = now
        self.away_since: datetime | None = None  # since when the broker does not answer
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
                self.away_since = None
            except (KafkaError, OSError, RuntimeError) as error:
                lag = _unknown(self._services, f"the broker did not answer ({type(error).__name__})")
                self.away_since = self.away_since or self._now()
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


Span = tuple[TopicPartition, int, int]
"""A partition, the offset of the next message to read, and the offset behind the last."""


def unread_spans(
    committed: Mapping[TopicPartition, int],
    first: Mapping[TopicPartition, int],
    end: Mapping[TopicPartition, int],
) -> list[Span]:
    """What of the partitions of `end` is not read; one without a committed offset is read from its first message."""
    spans = ((tp, max(committed.get(tp, 0), first.get(tp, 0)), last) for tp, last in end.items())
    return [(partition, position, last) for partition, position, last in spans if position < last]


def topics_read(seen: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """By service the topics that it reads. `seen`: those that its group has now, or has read before.

    One that is down has none now, and may have stopped before the first message of a topic came: that waits for it as
    well. Nothing is said of one that never read anything, nor of a topic that nobody has.
    """
    there = set().union(*seen.values())
    return {
        service: topics | ({topic.name for topic in READ_BY.get(service, ())} & there if topics else set())
        for service, topics in seen.items()
    }


def messages_waiting(unread: Iterable[Span], empty: Collection[Span] = ()) -> int:
    """The sum over `unread`, without those that hold no message."""
    return sum(last - position for tp, position, last in unread if (tp, position, last) not in empty)


class EmptySpans:
    """Which unread spans hold no message: a topic that ends with the marker of a transaction. See `broker.py`.

    Looked at only where nothing was read since the last time: of a reader at work the offsets say enough.
    """

    def __init__(self, look: Callable[[Mapping[TopicPartition, tuple[int, int]]], set[TopicPartition]]) -> None:
        self._look = look
        self._before: set[Span] = set()
        self._is_empty: dict[Span, bool] = {}

    def among(self, unread: Iterable[Span]) -> set[Span]:
        spans = set(unread)
        self._is_empty = {span: known for span, known in self._is_empty.items() if span in spans}
        still = {span for span in spans & self._before if span not in self._is_empty}
        self._before = spans
        # Two readers may stand at two places of one partition: the earliest first, the others by the next measurement.
        earliest = {span[0]: span for span in sorted(still, key=lambda span: -span[1])}
        found = self._look({partition: (first, last) for partition, first, last in earliest.values()})
        self._is_empty |= {span: partition in found for partition, span in earliest.items()}
        return {span for span, is_empty in self._is_empty.items() if is_empty}


class KafkaBroker:
    """Asks Kafka. The connection is made when it is first needed and again after an error."""

    def __init__(self, kafka: KafkaAccess) -> None:
        self._kafka = kafka
        self._admin: Any = None
        self._empty = EmptySpans(partial(without_messages, kafka))

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
                **self._kafka.client,
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
        topics = topics_read(
            {
                service: _assigned(groups.get(service, {})) | {partition.topic for partition in committed[service]}
                for service in services
            }
        )
        partitions = self._partitions(set().union(*topics.values()))
        first = offsets_at(self._admin, partitions, OffsetSpec.EARLIEST)
        end = offsets_at(self._admin, partitions, OffsetSpec.LATEST)
        unread: dict[str, list[Span]] = {}
        for service in services:
            if not topics[service]:
                lag.messages[service] = None
                lag.unknown[service] = "it has not read anything yet"
                continue
            own = {partition: offset for partition, offset in end.items() if partition.topic in topics[service]}
            unread[service] = unread_spans(committed[service], first, own)
        empty = self._empty.among(span for spans in unread.values() for span in spans)
        lag.messages.update({service: messages_waiting(spans, empty) for service, spans in unread.items()})
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
