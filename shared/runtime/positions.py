"""How far a service has read each partition: kept in its own schema, committed with its rows. Used by every process.

So a database that was restored reads on from where it stands, whatever offset Kafka's consumer group has. Where the
topic begins after that place, or ends before it, messages are gone: that is a gap, kept until somebody has settled it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kafka import TopicPartition

from shared.runtime.broker import ends_of, without_messages
from shared.runtime.db import Database, Transaction, is_unavailable
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log
from shared.runtime.metrics import GAP

_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Gap:
    """Messages of a partition that this service never read and that are gone: from `first_offset` to `next_offset`."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    cause: str


@dataclass(frozen=True)
class Start:
    """Where to read a partition from, and what is missing before it."""

    offset: int
    gap: Gap | None = None


def start_of(topic: str, partition: int, kept: int | None, *, beginning: int, end: int) -> Start:
    """`kept` is the offset of the next message to read by our tables, None when they know nothing of the partition."""
    place = kept or 0
    if place < beginning:
        cause = f"the topic begins at {beginning}: its retention ended before they were read"
        return Start(beginning, Gap(topic, partition, place, beginning, cause))
    if place > end:
        cause = f"the topic ends at {end}: it was emptied or created again"
        return Start(beginning, Gap(topic, partition, end, place, cause))
    return Start(place)


async def seek_to_kept(
    consumer: Any, committed: Callable[[], Awaitable[Mapping[Any, int]]], database: Database[Any], log: Log
) -> Mapping[Any, int]:
    """Seek the assigned partitions to where our tables stand; the offset of each. Instead of Faust's own seek.

    When this returns, gaps and changed places are committed. Waits while the database is unavailable.
    """
    by_group = await committed()
    assigned = consumer.assignment()
    if not assigned:
        return by_group
    # Before the ends: the worker that had a partition until now may still commit, and must not seem ahead of its end.
    kept = await _waiting(partial(_read_positions, database), log)
    beginnings = await consumer.earliest_offsets(*assigned)
    ends = await consumer.highwaters(*assigned)
    starts = {
        tp: start_of(tp.topic, tp.partition, kept.get((tp.topic, tp.partition)), beginning=beginnings[tp], end=ends[tp])
        for tp in assigned
    }
    offsets = {tp: start.offset for tp, start in starts.items()}
    await consumer.seek_wait(offsets)
    # The group's offset is what lag is measured by: after a restore it must not tell that all is read.
    if behind := {tp: offset for tp, offset in offsets.items() if (by_group.get(tp) or 0) > offset}:
        await consumer._commit(behind)
        for tp, offset in behind.items():
            log.warning("repositioned", topic=tp.topic, partition=tp.partition, to=offset, group_had=by_group[tp])
    # If we die here, the gaps are found again. In the other order the next start would see a group that is ahead of
    # its tables, and call it a restore.
    if gaps := [start.gap for start in starts.values() if start.gap is not None]:
        moved = {(tp.topic, tp.partition): start.offset for tp, start in starts.items() if start.gap is not None}
        await _waiting(partial(keep_gaps, gaps, moved, database), log)
    return offsets


def kept_positions(tx: Transaction) -> dict[tuple[str, int], int]:
    rows = tx.cursor.execute("select topic, partition, next_offset from positions").fetchall()
    return {(topic, partition): offset for topic, partition, offset in rows}


def pass_markers(database: Database[Any], kafka: KafkaAccess) -> int:
    """Go on behind the ends of transactions, which no reader is handed; how many partitions. KafkaError.

    Else a topic that ends with one and is emptied by its retention would look as if a message had been lost.
    """
    kept = {TopicPartition(*place): offset for place, offset in _read_positions(database).items()}
    if not kept:
        return 0
    spans = {tp: (kept[tp], end) for tp, end in ends_of(kafka, kept).items() if kept[tp] < end}
    passed = without_messages(kafka, spans)
    with database.transaction() as tx:
        for tp in sorted(passed):
            before, end = spans[tp]
            tx.cursor.execute(
                "update positions set next_offset = %s where topic = %s and partition = %s and next_offset = %s",
                (end, tp.topic, tp.partition, before),
            )
    # Dying before the commit, the next start looks again.
    return len(passed)


def _read_positions(database: Database[Any]) -> dict[tuple[str, int], int]:
    with database.transaction() as tx:
        return kept_positions(tx)


def keep_gaps(gaps: list[Gap], positions: Mapping[tuple[str, int], int], database: Database[Any]) -> None:
    """Write `gaps` down and go on behind them: `positions` replace what was kept."""
    with database.transaction() as tx:
        note_gaps(tx, gaps, positions)
    database.reads_on_from(positions)


def note_gaps(tx: Transaction, gaps: Sequence[Gap], positions: Mapping[tuple[str, int], int]) -> None:
    """`keep_gaps` within a transaction."""
    tx.insert_rows(
        "gaps",
        [
            {
                "topic": gap.topic,
                "partition": gap.partition,
                "first_offset": gap.first_offset,
                "next_offset": gap.next_offset,
                "cause": gap.cause,
                "noticed_at": tx.now(),
            }
            for gap in gaps
        ],
    )
    tx.insert_rows(
        "positions",
        [
            {"topic": topic, "partition": partition, "next_offset": offset}
            for (topic, partition), offset in positions.items()
        ],
        "(topic, partition) do update set next_offset = excluded.next_offset",
    )


def open_gaps(database: Database[Any]) -> list[Gap]:
    """Those that nobody has settled, the oldest first."""
    with database.transaction() as tx:
        gaps: list[Gap] = tx.fetch_all(
            Gap,
            "select topic, partition, first_offset, next_offset, cause from gaps where settled_at is null"
            " order by noticed_at, topic, partition",
        )
    return gaps


def report_gaps(database: Database[Any], log: Log, reported: dict[str, int]) -> int:
    """Set the gauge of each topic with a gap, and log an error once for each. Returns 0: acts on no row."""
    missing: dict[str, int] = {}
    for gap in open_gaps(database):
        missing[gap.topic] = missing.get(gap.topic, 0) + gap.next_offset - gap.first_offset
        if f"{gap.topic}/{gap.partition}/{gap.first_offset}" not in reported:
            reported[f"{gap.topic}/{gap.partition}/{gap.first_offset}"] = gap.next_offset
            log.error(
                "gap",
                topic=gap.topic,
                partition=gap.partition,
                first=gap.first_offset,
                next=gap.next_offset,
                cause=gap.cause,
                do="akashi rebuild",
            )
    GAP.clear()
    for topic, messages in missing.items():
        GAP.labels(topic).set(messages)
    return 0


async def _waiting(work: Callable[[], Any], log: Log) -> Any:
    while True:
        try:
            return await asyncio.to_thread(work)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("waiting", part="database", cause=str(error).splitlines()[0][:200])
            await asyncio.sleep(_RETRY_SECONDS)
