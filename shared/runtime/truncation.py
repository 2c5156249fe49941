"""Kafka lost messages that it had taken: a topic's log ends before what we published there. Used by relay and process.

A broker without power loses what its disk had not; an unclean leader election and a disk that is set back do the same.
The topic keeps its id. A reader that had read further finds a gap; one that was behind finds nothing, and what comes
next takes offsets that others have read already. Only the producer can tell: what it publishes gets an offset below the
mark that it keeps (`published`). It then announces all its facts on that topic again, and its rows stay in the outbox
until they are behind the mark, where every reader still has to read. Readers drop what they have by the event's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from shared.runtime.broker import ends_of_topics
from shared.runtime.db import Database
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import Log

Place = tuple[str, int]
"""Topic and partition."""

_OWN = "truncated/"


def is_own(decision_id: str) -> bool:
    """Whether a row of `rebuilds` was made for a truncated log, and not by an order: nobody waits for its outcome."""
    return decision_id.startswith(_OWN)


def marks_of(cursor: psycopg.Cursor[Any], topics: Iterable[str] | None = None) -> dict[Place, int]:
    """Of each partition the offset behind the last message that we know to be published there; None: of all topics."""
    names = None if topics is None else sorted(set(topics))
    found = cursor.execute(
        "select topic, partition, next_offset from published where %s::text[] is null or topic = any(%s)",
        (names, names),
    )
    return {(topic, partition): offset for topic, partition, offset in found.fetchall()}


def announce_all_again(cursor: psycopg.Cursor[Any], topics: Iterable[str]) -> set[str]:
    """Have all facts of ours on `topics` announced again (`rebuild.py`), from the first; the topics that have any."""
    begun = cursor.execute(
        "insert into rebuilds (decision_id, subject, topics, next_seq, last_seq, events, ordered_at)"
        " select %s || topic, topic, array[topic], min(seq), max(seq), count(*), now() from announced"
        " where topic = any(%s) group by topic"
        " on conflict (decision_id) do update"
        " set next_seq = excluded.next_seq, last_seq = excluded.last_seq, events = excluded.events"
        " returning subject",
        (_OWN, sorted(set(topics))),
    )
    return {subject for (subject,) in begun.fetchall()}


def tell(log: Log, place: Place, end: int, mark: int) -> None:
    cause = f"the topic ended at {end}, had our messages to {mark}: Kafka lost them; all of ours are announced again"
    log.error("gap", topic=place[0], partition=place[1], first=end, next=mark, cause=cause)


def find_truncated(database: Database[Any], *, kafka: KafkaAccess, log: Log) -> int:
    """Look whether topics end before what we published there, and announce again. Acts on no row of its own: always 0.

    The relay sees it too, with the next message that it sends; this is for topics on which nothing new is announced.
    KafkaError while Kafka is away.
    """
    with database.transaction() as tx:
        marks = marks_of(tx.cursor)  # before the ends: these only grow
    ends = ends_of_topics(kafka, {topic for topic, _ in marks}) if marks else {}
    truncated = below(marks, {(place.topic, place.partition): end for place, end in ends.items()})
    if truncated:
        with database.transaction() as tx:
            begun = announce_all_again(tx.cursor, (topic for topic, _ in truncated))
        for place, end in truncated.items():
            if place[0] in begun:
                tell(log, place, end, marks[place])
    return 0


def below(marks: Mapping[Place, int], offsets: Mapping[Place, int]) -> dict[Place, int]:
    """Those of `offsets` that are below the mark of their partition."""
    return {place: offset for place, offset in sorted(offsets.items()) if offset < marks.get(place, 0)}
