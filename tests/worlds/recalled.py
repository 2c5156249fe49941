"""A restore for tests: one database that lived on, one that is as it was before; the second takes its facts back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.events import Event
from shared.runtime.db import Database
from shared.runtime.recall import Recall
from shared.wire import decode


def take_back(later: Database[Any], restored: Database[Any], recalls: Mapping[type[Event], Recall]) -> int:
    """As `recall.py` does at a start, a topic at a time in the order of their names; returns how many facts."""
    with later.transaction() as tx:
        facts = tx.cursor.execute("select event_id, topic, key, value from announced order by topic, seq").fetchall()
    with restored.transaction() as tx:
        known = {id for (id,) in tx.cursor.execute("select event_id from announced")}
    unknown = [fact for fact in facts if fact[0] not in known]
    for topic in sorted({fact[1] for fact in unknown}):
        some = [fact for fact in unknown if fact[1] == topic]
        events = [decode(bytes(value)) for *_, value in some]
        with restored.transaction() as tx:
            tx.recall(some)
            for kind, recall in recalls.items():
                if of_kind := [event for event in events if type(event) is kind]:
                    recall(tx, of_kind)
    return len(unknown)
