"""Announcing again, for a reader that lost what it knew. Used by every process; ordered by `akashi rebuild`.

The events are those of the first time, byte for byte: readers that have them drop them by their ids. They go through
the outbox a part at a time, so that what is new need not wait for the end of a rebuild.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.office_events import DecisionSettled, RebuildOrdered
from shared.retry import SKEW
from shared.runtime.db import CHANNEL, Database, Transaction
from shared.runtime.log import Log
from shared.runtime.truncation import is_own
from shared.topics import READ_BY, WRITTEN_BY, Topic

_PART = 2000
_FULL = 10_000  # rows in the outbox above which a rebuild waits


def note_rebuilds(tx: Transaction, events: Sequence[RebuildOrdered]) -> None:
    """Take the orders on: as a producer, to be carried out by `announce_again`; as the reader, gaps are settled."""
    for order in events:
        if order.reader == tx.service and not order.dry_run:
            _settle_gaps(tx, order)
        if order.producer not in (None, tx.service) or order.reader == tx.service:
            continue
        topics = [topic.name for topic in READ_BY.get(order.reader, ())]
        if not order.dry_run:
            _offer_refused_again(tx, topics)
        row = tx.cursor.execute(
            "select coalesce(min(seq), 0), coalesce(max(seq), 0), count(*) from announced where topic = any(%s)",
            (topics,),
        ).fetchone()
        first, last, count = row or (0, 0, 0)
        if order.dry_run or not count:
            _settle(tx, order.decision_id, order.reader, "dry-run" if order.dry_run else "done", count)
            continue
        tx.cursor.execute(
            "insert into rebuilds (decision_id, subject, topics, next_seq, last_seq, events, ordered_at)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (order.decision_id, order.reader, topics, first, last, count, tx.now()),
        )


def _offer_refused_again(tx: Transaction, topics: Sequence[str]) -> None:
    """Rows that Kafka refused go back into the outbox: if the cause was not removed, they are refused again."""
    tx.cursor.execute(
        "with again as (delete from refused where topic = any(%s) returning id, topic, key, value)"
        " insert into outbox (announced_at, topic, key, value) select %s, topic, key, value from again order by id",
        ([name for topic in topics for name in (topic, Topic(topic).dead.name)], tx.now()),
    )


def _settle_gaps(tx: Transaction, order: RebuildOrdered) -> None:
    """Those noticed before the order, since it may be read again long after; of one producer, on its topics only.

    One that was noticed in the future was noticed by a clock that was ahead: before the order.
    """
    topics = [topic.name for topic, service in WRITTEN_BY.items() if service == order.producer]
    tx.cursor.execute(
        "update gaps set settled_at = %s where settled_at is null and (noticed_at <= %s or noticed_at > %s)"
        " and (%s or topic = any(%s))",
        (tx.now(), order.ordered_at, tx.now() + SKEW, order.producer is None, topics),
    )


def announce_again(database: Database[Any], *, log: Log) -> int:
    """Move the next part of the oldest rebuild into the outbox; how many events. 0 when there is nothing to do."""
    with database.transaction() as tx:
        row = tx.cursor.execute(
            "select decision_id, subject, topics, next_seq, last_seq, events from rebuilds"
            " where (select count(*) from outbox) < %s order by ordered_at limit 1 for update skip locked",
            (_FULL,),
        ).fetchone()
        if row is None:
            return 0
        decision_id, subject, topics, next_seq, last_seq, events = row
        moved = tx.cursor.execute(
            "with part as (select seq, topic, key, value from announced"
            "  where topic = any(%s) and seq between %s and %s order by seq limit %s),"
            " gone as (insert into outbox (announced_at, topic, key, value)"
            "  select %s, topic, key, value from part order by seq)"
            " select count(*), max(seq) from part",
            (topics, next_seq, last_seq, _PART, tx.now()),
        ).fetchone()
        count, reached = moved or (0, None)
        tx.cursor.execute(f"select pg_notify({CHANNEL}, '')")
        if reached is None or reached >= last_seq:
            tx.cursor.execute("delete from rebuilds where decision_id = %s", (decision_id,))
            if not is_own(decision_id):
                _settle(tx, decision_id, subject, "done", events)
        else:
            tx.cursor.execute("update rebuilds set next_seq = %s where decision_id = %s", (reached + 1, decision_id))
    # Dying before the commit, the part is taken again; after it, the next one.
    log.info("rebuilding", reader=subject, events=count)
    return int(count)


def _settle(tx: Transaction, decision_id: str, reader: str, outcome: str, events: int) -> None:
    tx.announce(
        DecisionSettled(
            decision_id=decision_id,
            subject=reader,
            service=tx.service,
            outcome=outcome,
            settled_at=tx.now(),
            detail=f"{events} events",
        )
    )
