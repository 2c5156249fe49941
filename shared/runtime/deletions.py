"""Objects about people who were erased are deleted from storage. Used by issuer, anchor and renderer.

Noted with the rows of an erasure, done by a tick: an outage or a death in between leaves the note, and deleting again
changes nothing. A put that was under way when the note was committed may take effect after the deletion, for
`LATEST_PUT` at most; then everything is deleted once more, and the note with it. No put begins after the note: those
who put hold the row of what they put, and the transaction of the note changes that row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.errors import TryLater, cause_of
from shared.retry import due_at, is_due_sql, next_try
from shared.runtime.db import Database, Transaction, is_unavailable
from shared.runtime.log import Log
from shared.runtime.metrics import ROWS_ASIDE
from shared.runtime.objects import LATEST_PUT, MOST_LISTED, ErasableObjects

_PER_RUN = 20
_MOST_PAUSE = timedelta(minutes=5)
_events = msgspec.json.Decoder(AssertionsErased)


@dataclass(frozen=True)
class _Deletion:
    event: bytes
    noted_at: datetime
    told_at: datetime | None
    attempts: int


def note_deletion(tx: Transaction, event: AssertionsErased) -> None:
    """When this transaction commits, what storage has about these assertions is to be deleted, again if it was."""
    now = tx.now()
    row = {
        "decision_id": event.decision_id,
        "event": msgspec.json.encode(event),
        "noted_at": now,
        "told_at": None,
        "attempts": 0,
        "next_try_at": now,
    }
    tx.upsert_rows("deletions", [row], "decision_id")


def delete_due(
    database: Database[Any],
    delete: Callable[[Any, AssertionsErased], bool],
    tell: Callable[[Any, AssertionsErased], None],
    log: Log,
) -> int:
    """Do the deletions that are due; how many. Each is a transaction of its own: one at fault costs one.

    `delete` deletes the objects and may be called again; False: it has to wait, and nothing is told. After the first
    time `tell` writes and announces in the same transaction what follows from it. TryLater of either: later.
    """
    with database.transaction() as tx:
        found = tx.cursor.execute(
            f"select decision_id from deletions where {is_due_sql('next_try_at')} order by next_try_at limit %s",
            (*due_at(tx.now(), _MOST_PAUSE), _PER_RUN),
        )
        ids = [id for (id,) in found]
    return sum(_delete_one(id, database, delete, tell, log) for id in ids)


def _delete_one(
    id: str,
    database: Database[Any],
    delete: Callable[[Any, AssertionsErased], bool],
    tell: Callable[[Any, AssertionsErased], None],
    log: Log,
) -> int:
    with database.transaction() as tx:
        it = tx.fetch_one(
            _Deletion,
            "select event, noted_at, told_at, attempts from deletions where decision_id = %s for update skip locked",
            (id,),
        )
        if it is None:  # another process has it in hand
            return 0
        event = _events.decode(it.event)
        try:
            with tx.savepoint():
                if not delete(tx, event):
                    return 0
                # If we die here, the objects are gone and nothing was told: the next run deletes what isn't there.
                if it.told_at is None:
                    tell(tx, event)
        except Exception as error:
            if is_unavailable(error):
                raise
            if not isinstance(error, TryLater):
                ROWS_ASIDE.labels("erase").inc()
            again = next_try(it.attempts + 1, tx.now(), most=_MOST_PAUSE.total_seconds())
            tx.cursor.execute(
                "update deletions set attempts = attempts + 1, last_error = %s, next_try_at = %s"
                " where decision_id = %s",
                (cause_of(error, 300), again, id),
            )
            log.warning("deferred", decision_id=id, cause=cause_of(error, 300))
            return 0
        if it.told_at is None:
            tx.cursor.execute(
                "update deletions set told_at = %s, attempts = 0, last_error = null, next_try_at = %s"
                " where decision_id = %s",
                (tx.now(), it.noted_at + LATEST_PUT, id),
            )
        else:
            tx.cursor.execute("delete from deletions where decision_id = %s", (id,))
    if it.told_at is None:
        log.info("erased", decision_id=id, assertions=len(event.assertion_ids))
    return 1


def delete_with_evidence(objects: ErasableObjects, key: str) -> None:
    """When this returns, neither the object is in storage nor what a scrub kept of it. TryLater."""
    objects.delete(key)
    delete_evidence(objects, key)


def delete_evidence(objects: ErasableObjects, key: str) -> None:
    """When this returns, storage has nothing that a scrub kept of this object. TryLater."""
    while kept := objects.list_keys(object_keys.scrubbed(key, ""), "", MOST_LISTED):
        for each in kept:
            objects.delete(each)
