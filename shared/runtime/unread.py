"""Messages of a later release: kept, and read again when this service is that release. Used by `batches.py`.

During a rolling upgrade an old replica may meet an event type, or a word of a closed list, that only the new ones know.
It may do so long after the first new one has started; so these look again every now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.errors import NotYetKnown, cause_of
from shared.runtime.db import Database
from shared.runtime.dead_letters import Record
from shared.topics import Topic


def keep_unread(record: Record, error: NotYetKnown, database: Database[Any]) -> None:
    """Keep `record`, once however often it is read.

    Another one that is kept at its place lay there before the topic was created again, or set back: it moves to a place
    below 0, where no topic has any.
    """
    with database.transaction() as tx:
        tx.cursor.execute(
            'update unread set "offset" = (select least(min(u."offset"), 0) - 1 from unread u'
            "  where (u.topic, u.partition) = (unread.topic, unread.partition))"
            ' where topic = %s and partition = %s and "offset" = %s and value is distinct from %s',
            (record.topic, record.partition, record.offset, record.value),
        )
        tx.insert_rows(
            "unread",
            [
                {
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "key": record.key,
                    "value": record.value,
                    "cause": cause_of(error, 500),
                    "noticed_at": tx.now(),
                }
            ],
        )


def unread_of(topic: Topic, database: Database[Any]) -> list[Record]:
    """What is kept of `topic`, in the order of its partitions."""
    with database.transaction() as tx:
        records: list[Record] = tx.fetch_all(
            Record,
            'select topic, partition, "offset", key, value from unread where topic = %s order by partition, "offset"',
            (topic.name,),
        )
    return records


def topics_of_unread(database: Database[Any]) -> list[str]:
    """The names of the topics of which anything is kept."""
    with database.transaction() as tx:
        return [topic for (topic,) in tx.cursor.execute("select distinct topic from unread order by topic")]


def forget_unread(records: Sequence[Record], database: Database[Any]) -> None:
    with database.transaction() as tx:
        for record in records:
            tx.cursor.execute(
                'delete from unread where topic = %s and partition = %s and "offset" = %s',
                (record.topic, record.partition, record.offset),
            )
