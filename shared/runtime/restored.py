"""Was this service's database set back? Compared at each start with Kafka, object storage and PostgreSQL's history.

Four signs, each of which is certain:
1. an own fact is on Kafka that `announced` lacks: the relay sends only what is committed;
2. the consumer group's offset is ahead of `positions`: it is acknowledged only after they are committed;
3. object storage has what the tables lack: the service says what (`Storage`);
4. the cluster or its timeline is not that of our last start: restored, or failed over. Nothing need be lost then, but
   nothing else tells of what no topic holds.
None of them is there after a kill -9, a rebalance, in a new service, or when a topic was created again (that is a gap:
the topic has another id). At the first start over tables of a release that kept no places, 1 and 2 tell nothing.
What was noticed is a row and an event, `RestoreNoticed`, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from shared.errors import TryLater
from shared.events import Event
from shared.losses import LOSSES
from shared.office_events import RestoreNoticed
from shared.runtime.broker import offsets_at, partitions_of
from shared.runtime.db import Database, Transaction
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log
from shared.runtime.positions import Gap, kept_positions, note_gaps
from shared.runtime.recall import Recall, recall
from shared.topics import ALL_TOPICS

_TIMEOUT_MS = 10_000

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class Storage:
    """What a service finds in object storage: `marks` for the log; `ahead`, by kind, how much its tables don't know."""

    marks: Mapping[str, Any] = field(default_factory=dict)
    ahead: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Marks:
    """What Kafka says: the topics' ids, where partitions begin and end, how far the consumer group has read."""

    topic_ids: Mapping[str, str]
    beginnings: Mapping[Place, int]
    ends: Mapping[Place, int]
    group: Mapping[Place, int]


@dataclass(frozen=True)
class Compared:
    """What a start found. `notice`: the restore that it tells of, or None. `behind`: what is to be read again, also
    after an earlier restore: each partition with the offset up to which it had been read."""

    notice: RestoreNoticed | None
    behind: Mapping[Place, int]


class Again(msgspec.Struct, frozen=True, array_like=True):
    """A partition that is read again: `to` is the next message by the tables, `had` by the consumer group."""

    topic: str
    partition: int
    to: int
    had: int


def compare(
    kafka: KafkaAccess,
    database: Database[Any],
    recalls: Mapping[type[Event], Recall],
    storage: Callable[[], Storage],
    log: Log,
) -> Compared:
    """Take own facts back, compare, and tell of a restore: the event is announced.

    When this returns, all of it is committed. Dying before, the next start finds the same signs again. TryLater while a
    part is away.
    """
    marks = read_marks(kafka, database.service)  # before the tables: others may read on meanwhile, never back
    again = settle_topics(database, marks, log)
    recall(kafka, database, {**recalls, RestoreNoticed: take_back_notices}, log)
    found = storage()
    with database.transaction() as tx:
        tx.cursor.execute("select pg_advisory_xact_lock(hashtext('restored/' || current_schema()))")
        notice = _notice(tx, again, marks, found, database.history)
        behind = _behind(tx, marks)
        highest = tx.fetch_value("select coalesce(max(seq), 0) from announced")
        gaps = tx.fetch_value("select count(*) from gaps where settled_at is null")
    log.info(
        "compared",
        restored=notice is not None,
        announced=highest,
        recalled=sum(notice.recalled.values()) if notice else 0,
        read_again=_messages(again),
        gaps=gaps,
        history=database.history,
        **found.marks,
        **found.ahead,
    )
    if notice is not None:
        lost = LOSSES[database.service].what if database.service in LOSSES else None
        log.warning(
            "restored",
            restore_id=notice.restore_id,
            recalled=notice.recalled,
            read_again=notice.read_again,
            gone=notice.gone,
            storage=notice.storage,
            replaced=notice.replaced,
            lost=lost.en if lost else "nothing",
            do="akashi restores",
        )
    return Compared(notice, behind)


# ── Kafka ───────────────────────────────────────────────────────────────────────────────────────────────


def read_marks(kafka: KafkaAccess, service: str) -> Marks:
    """TryLater while Kafka is away."""
    ours = {topic.name for topic in ALL_TOPICS}
    try:
        with closing(
            KafkaAdminClient(
                **kafka.client,
                client_id=f"{service}-marks",
                request_timeout_ms=_TIMEOUT_MS,
                bootstrap_timeout_ms=_TIMEOUT_MS,
            )
        ) as admin:
            group = admin.list_group_offsets(service).get(service, {})
            topics = [topic for topic in admin.describe_topics() if topic["name"] in ours]
            partitions = partitions_of(topics)
            return Marks(
                topic_ids={topic["name"]: str(topic["topic_id"]) for topic in topics if topic.get("topic_id")},
                beginnings=_by_place(offsets_at(admin, partitions, OffsetSpec.EARLIEST)),
                ends=_by_place(offsets_at(admin, partitions, OffsetSpec.LATEST)),
                group=_by_place({tp: found.offset for tp, found in group.items() if found.offset >= 0}),
            )
    except KafkaError as error:
        raise TryLater(f"Kafka at {kafka}: {type(error).__name__}; waiting before anything is done") from error


def _by_place(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {(tp.topic, tp.partition): offset for tp, offset in offsets.items()}


def settle_topics(database: Database[Any], marks: Marks, log: Log) -> list[Again]:
    """Settle topics that were created again: gaps, and read from the beginning. What is read again after a restore."""
    with database.transaction() as tx:
        known = dict(tx.cursor.execute("select topic, topic_id from topics order by topic for update").fetchall())
        kept = kept_positions(tx)
        recreated = {topic for topic, id in marks.topic_ids.items() if known.get(topic, id) != id}
        gaps, moved = gaps_in(recreated, kept, marks)
        if recreated:
            # A partition that the topic gets later is read from its beginning.
            tx.cursor.execute("delete from positions where topic = any(%s)", (sorted(recreated),))
            note_gaps(tx, gaps, moved)
            # Our own words on them are read from the beginning as well.
            tx.cursor.execute("delete from published where topic = any(%s)", (sorted(recreated),))
        tx.upsert_rows("topics", [{"topic": t, "topic_id": id} for t, id in sorted(marks.topic_ids.items())], "topic")
    # If we die before the commit, the next start finds the other ids again; after it, the gaps are rows.
    for topic in sorted(recreated):
        log.warning("repositioned", topic=topic, to=0, cause="the topic was created again: it has another id")
    return read_again({place: at for place, at in kept.items() if place[0] not in recreated}, marks, skip=recreated)


def gaps_in(recreated: Iterable[str], kept: Mapping[Place, int], marks: Marks) -> tuple[list[Gap], dict[Place, int]]:
    """The gaps in topics that were created again, however long they have grown since, and where to read on.

    How many messages were not read of the former topic, nobody knows any more: the gap is all that had been on it, also
    of a partition that the topic doesn't have any more.
    """
    topics = set(recreated)
    places = sorted(place for place in kept if place[0] in topics)
    moved = {place: marks.beginnings[place] for place in places if place in marks.beginnings}
    cause = "the topic was created again since: what it held that was not read is gone"
    gaps = [Gap(*place, 0, kept[place], cause) for place in places if kept[place]]
    return gaps, moved


def read_again(kept: Mapping[Place, int], marks: Marks, *, skip: Iterable[str] = ()) -> list[Again]:
    """The partitions of which the consumer group has read more than the tables (`kept`) know.

    A group that is beyond the end of a partition says nothing: Kafka itself has lost messages.
    """
    skipped = set(skip)
    return [
        Again(topic, partition, kept.get((topic, partition), 0), had)
        for (topic, partition), had in sorted(marks.group.items())
        if topic not in skipped and kept.get((topic, partition), 0) < had <= marks.ends.get((topic, partition), -1)
    ]


def _behind(tx: Transaction, marks: Marks) -> dict[Place, int]:
    """Partitions that had been read further, by the notices, than our tables stand; those that Kafka still has."""
    had: dict[Place, int] = {}
    for (kept_again,) in tx.cursor.execute("select read_again from restore_notices").fetchall():
        for each in msgspec.json.decode(kept_again, type=list[Again]):
            place = (each.topic, each.partition)
            had[place] = max(each.had, had.get(place, 0))
    kept = kept_positions(tx)
    return {place: to for place, to in had.items() if kept.get(place, 0) < to <= marks.ends.get(place, -1)}


def _messages(again: Iterable[Again]) -> int:
    return sum(each.had - each.to for each in again)


# ── the notice ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Noticed:
    """The latest notice: what it tells of is not told again."""

    read_again: frozenset[tuple[str, int, int]] = frozenset()  # topic, partition, had
    storage: Mapping[str, int] = field(default_factory=dict)


def _notice(
    tx: Transaction, again: Sequence[Again], marks: Marks, found: Storage, history: str | None
) -> RestoreNoticed | None:
    """Write down and announce a restore that was not noticed before. Keeps the database's history."""
    last = _latest(tx)
    before = tx.fetch_value("select history from database_history")
    recalled = dict(
        tx.cursor.execute(
            "select event, sum(facts)::bigint from recalled_facts where restore_id is null group by 1 order by 1"
        ).fetchall()
    )
    replaced = None not in (before, history) and before != history
    is_first = before is None and _is_of_earlier_release(tx)
    if is_first:
        note_gaps(tx, (), retained(marks))
    is_told = {(each.topic, each.partition, each.had) for each in again} <= last.read_again
    more = {kind: count for kind, count in found.ahead.items() if count > last.storage.get(kind, 0)}
    if history is not None and before != history:
        tx.upsert_rows("database_history", [{"one": True, "history": history}], "one")
    if not (recalled or replaced or more) and is_told:
        return None
    now = tx.now()
    notice = RestoreNoticed(
        restore_id=f"{tx.service}-{now:%Y%m%dT%H%M%S.%f}Z",
        service=tx.service,
        noticed_at=now,
        recalled=recalled,
        read_again=_messages(again),
        gone=sum(max(0, marks.beginnings.get((e.topic, e.partition), 0) - e.to) for e in again),
        storage={kind: count for kind, count in sorted(found.ahead.items()) if count},
        replaced=replaced,
    )
    _keep(tx, [notice], again)
    tx.cursor.execute("update recalled_facts set restore_id = %s where restore_id is null", (notice.restore_id,))
    if is_first and not more:
        return None  # kept all the same: the next start calls neither the facts nor the places a restore
    tx.announce(notice)
    # If we die before the commit, all signs are still there; after it, the outbox tells the office.
    return notice


def _is_of_earlier_release(tx: Transaction) -> bool:
    """Whether these tables were filled by a release that kept neither places nor what it announced.

    All that it announced is then taken back, and all topics are read again: no restore. Asked until the first history
    is kept, so dying in between changes nothing.
    """
    return bool(tx.fetch_value("select exists (select from inbox) and not exists (select from positions)"))


def retained(marks: Marks) -> dict[Place, int]:
    """Where partitions begin of which the consumer group had read all that is gone since: no gap."""
    return {
        place: marks.beginnings[place]
        for place, had in marks.group.items()
        if place in marks.beginnings and marks.beginnings[place] <= had <= marks.ends.get(place, -1)
    }


def _latest(tx: Transaction) -> _Noticed:
    row = tx.cursor.execute(
        "select read_again, storage from restore_notices order by noticed_at desc, restore_id desc limit 1"
    ).fetchone()
    if row is None:
        return _Noticed()
    again = msgspec.json.decode(row[0], type=list[Again])
    return _Noticed(
        frozenset((each.topic, each.partition, each.had) for each in again),
        msgspec.json.decode(row[1], type=dict[str, int]),
    )


def take_back_notices(tx: Transaction, events: Sequence[RestoreNoticed]) -> None:
    """Earlier restores, noticed after the backup that this one went back to."""
    _keep(tx, events, ())


def _keep(tx: Transaction, notices: Sequence[RestoreNoticed], again: Sequence[Again]) -> None:
    tx.insert_rows(
        "restore_notices",
        [
            {
                "restore_id": notice.restore_id,
                "noticed_at": notice.noticed_at,
                "read_again": msgspec.json.encode(list(again)).decode(),
                "storage": msgspec.json.encode(notice.storage).decode(),
            }
            for notice in notices
        ],
    )
