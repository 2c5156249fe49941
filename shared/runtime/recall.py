"""What this service announced after the backup that its database was restored from. Used at each start of a process.

If our announcements on Kafka reach further than our tables, the database was restored. So the process reads its own
topics from the place that its tables know, and takes its own facts back; only then does it act. In the usual case there
is nothing behind that place, or only what the relay had sent when the process died. What was taken back is counted in
`recalled_facts`, until `restored.py` has told of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition

from shared.errors import TryLater, Unreadable, cause_of
from shared.events import Event
from shared.runtime.broker import READ_COMMITTED
from shared.runtime.db import Database, Transaction
from shared.runtime.erasure import erased_among, subjects_of, without_erased
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log
from shared.runtime.metrics import RECALLED
from shared.runtime.rows import in_parts
from shared.runtime.truncation import marks_of
from shared.wire import decode, source_of

_BATCH = 500
_PATIENCE_MS = 10_000

Recall = Callable[[Any, Sequence[Any]], None]
"""A method of the service's transaction: take back facts of one type, in order. Doing it again changes nothing."""


@dataclass(frozen=True)
class _Fact:
    id: UUID
    topic: str
    key: bytes
    value: bytes
    event: Event

    @property
    def stated(self) -> tuple[UUID, str, bytes, bytes]:
        return self.id, self.topic, self.key, self.value


def recall(kafka: KafkaAccess, database: Database[Any], recalls: Mapping[type[Event], Recall], log: Log) -> int:
    """Take back what this service announced and its tables don't know; how many facts. TryLater while Kafka is away.

    When this returns, they and their places are committed: dying half way, the next start reads the rest.
    """
    with database.transaction() as tx:
        places = marks_of(tx.cursor)
    own = {event.topic.name for event in recalls}
    taken = 0
    with closing(_consumer(kafka)) as consumer:
        missing = own - consumer.topics()
        if missing:  # or a cluster that is starting doesn't list them yet: what lies there would be passed over
            raise TryLater(f"Kafka at {kafka}: got no topic {', '.join(sorted(missing))}, expected it: akashi topics")
        partitions = [
            TopicPartition(topic, partition)
            for topic in sorted(own)
            for partition in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        ends = consumer.end_offsets(partitions)
        beginnings = consumer.beginning_offsets(partitions)
        for tp in partitions:
            start = max(places.get((tp.topic, tp.partition), 0), beginnings[tp])
            if start >= ends[tp]:
                continue
            for batch in _batches(consumer, tp, start, ends[tp]):
                taken += _take_back(batch, tp, database, recalls, log)
    return taken


def _take_back(
    records: Sequence[Any],
    tp: TopicPartition,
    database: Database[Any],
    recalls: Mapping[type[Event], Recall],
    log: Log,
) -> int:
    facts = list(_own_facts(records, database.service))
    with database.transaction() as tx:
        # One replica at a time: a fact is taken back, and counted, once.
        tx.cursor.execute("select pg_advisory_xact_lock(hashtext('recall/' || current_schema()))")
        known = {
            row[0]
            for row in tx.cursor.execute(
                "select event_id from announced where event_id = any(%s)", ([fact.id for fact in facts],)
            )
        }
        # Once each: the relay may have repeated them, or a rebuild.
        unknown = list({fact.id: fact for fact in reversed(facts) if fact.id not in known}.values())[::-1]
        if unknown:
            erased = erased_among(tx, (subject for fact in unknown for subject in subjects_of(fact.event)))
            kept = without_erased([fact.event for fact in unknown], erased)
            tx.recall([_forgotten(fact) if erased & set(subjects_of(fact.event)) else fact.stated for fact in unknown])
            for kind, take_back in recalls.items():
                events = [event for event in kept if type(event) is kind]
                in_parts(tx, events, partial(take_back, tx), partial(_not_taken_back, log), tick="recall")
            _count(tx, tp, unknown, records[0].offset, records[-1].offset + 1)
        _note_place(tx, tp, records[-1].offset + 1)
    # Dying before the commit, the next start reads this batch again; after it, the next one.
    if unknown:
        RECALLED.inc(len(unknown))
        log.warning("recalled", topic=tp.topic, partition=tp.partition, events=len(unknown), to=records[-1].offset + 1)
    return len(unknown)


def _forgotten(fact: _Fact) -> tuple[UUID, str, bytes, bytes]:
    """Of somebody who was erased: that it was announced, and no more."""
    return fact.id, "", b"", b""


def _not_taken_back(log: Log, event: Event, error: Exception) -> None:
    """A fact that the tables refuse: it stays known as announced, so it is not announced another time."""
    cause = cause_of(error, 300)
    log.error("failed", part="recall", message=type(event).__name__, subject=event.key, cause=cause)


def _count(tx: Transaction, tp: TopicPartition, facts: Sequence[_Fact], first: int, following: int) -> None:
    tx.insert_rows(
        "recalled_facts",
        [
            {
                "topic": tp.topic,
                "partition": tp.partition,
                "first_offset": first,
                "next_offset": following,
                "event": event,
                "facts": facts,
            }
            for event, facts in Counter(type(fact.event).__name__ for fact in facts).items()
        ],
        # Read from the same place after another restore: it is that restore's.
        "(topic, partition, first_offset, event) do update set next_offset = excluded.next_offset,"
        " facts = excluded.facts, restore_id = null",
    )


def _own_facts(records: Sequence[Any], service: str) -> Iterator[_Fact]:
    for record in records:
        if record.value is None or source_of(record.value) != service:
            continue
        try:
            event = decode(record.value)
        except Unreadable:
            continue  # of a later release: it knows nothing that this one acts on
        yield _Fact(event.id, record.topic, record.key or b"", record.value, event)


def _note_place(tx: Transaction, tp: TopicPartition, offset: int) -> None:
    tx.insert_rows(
        "published",
        [{"topic": tp.topic, "partition": tp.partition, "next_offset": offset}],
        "(topic, partition) do update set next_offset = excluded.next_offset",
    )


def _consumer(kafka: KafkaAccess) -> Any:
    try:
        return KafkaConsumer(
            **kafka.client,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            consumer_timeout_ms=_PATIENCE_MS,
            isolation_level=READ_COMMITTED,
        )
    except Exception as error:
        raise TryLater(f"Kafka at {kafka}: {type(error).__name__}; waiting before anything is done") from error


def _batches(consumer: Any, tp: TopicPartition, start: int, end: int) -> Iterator[list[Any]]:
    """The records from `start` to before `end`. TryLater when Kafka stops answering in between."""
    consumer.assign([tp])
    consumer.seek(tp, start)
    batch: list[Any] = []
    while consumer.position(tp) < end:
        got = consumer.poll(timeout_ms=_PATIENCE_MS, max_records=_BATCH).get(tp, [])
        if not got and consumer.position(tp) < end:
            raise TryLater(f"Kafka: got nothing of {tp.topic}/{tp.partition} at {consumer.position(tp)}")
        batch = [record for record in got if record.offset < end]
        if batch:
            yield batch
