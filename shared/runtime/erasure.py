"""Who was erased: what is read about them later is left out, what we announced of them is not announced again.

A topic holds what was said of a person for its retention, a backup for its own. So each schema keeps the ids of those
who were erased (`erased`), and nothing else of them. Used by `db.py` and `recall.py`; the order of the whole erasure is
in `shared/erasure_events.py`, why it is so in docs/decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from shared.events import Event
from shared.office_events import OfficeDecided
from shared.runtime.row_statements import RowStatements
from shared.topics import OFFICE_DECISIONS, PERSONAL

E = TypeVar("E", bound=Event)

_NUL = "\0"  # no column holds it, so no id in one has it
SAYS = "exists (select from unnest(%b::bytea[]) as said where position(said in value) > 0)"
"""SQL: whether the bytes of a message say one of an array of texts, as `as_said` has them."""

_FIELDS = ("registration_id", "assertion_id")


def subjects_of(event: Event) -> tuple[str, ...]:
    """The registration and assertion that an event is about; empty for what the office is told of itself."""
    found: list[object]
    if event.topic == OFFICE_DECISIONS:
        found = [event.subject] if isinstance(event, OfficeDecided) else []
    else:
        award = getattr(event, "award", None)
        found = [*(getattr(event, field, None) for field in _FIELDS), getattr(award, "registration_id", None)]
    return tuple(id for id in found if isinstance(id, str) and _NUL not in id)


def without_erased(events: Iterable[E], erased: set[str]) -> list[E]:
    """Those of `events` that are about nobody of `erased`. Of an order about them what it would change is left out."""
    kept = []
    for event in events:
        if erased and not erased.isdisjoint(subjects_of(event)):
            if not isinstance(event, OfficeDecided):
                continue
            event = msgspec.structs.replace(event, correction=None, value=None)
        kept.append(event)
    return kept


def erased_among(tx: RowStatements, subjects: Iterable[str]) -> set[str]:
    """Those of `subjects` who were erased."""
    known = [id for id in subjects if _NUL not in id]
    found = tx.cursor.execute("select subject from erased where subject = any(%s)", (known,))
    return {row[0] for row in found}


def as_said(field: str, value: str, *, space: str = "") -> bytes:
    """A field with its value, as the JSON of an event says it; with a `space` as upstream may write it."""
    return f'"{field}":{space}{msgspec.json.encode(value).decode()}'.encode()


def forget(tx: RowStatements, subjects: Sequence[str], addresses: Sequence[str]) -> None:
    """Of what we announced, send or put aside about `subjects`, or as letters to `addresses`: all but the ids.

    Found by what the JSON says: letters and recoveries have ids of their own. It reads all that we announced on topics
    that name people, which takes seconds for a million facts. A rebuild that copies them at this moment is waited for.
    """
    values = [*((field, id) for field in _FIELDS for id in subjects), *(("recipient", each) for each in addresses)]
    needles = [as_said(field, value, space=space) for field, value in values for space in ("", " ")]
    topics = [name for topic in PERSONAL for name in (topic.name, topic.dead.name)]
    named = f"topic = any(%s) and {SAYS}"
    tx.cursor.execute("lock table outbox in share row exclusive mode")
    tx.cursor.execute(f"update announced set topic = '', key = '', value = '' where {named}", (topics, needles))
    for table in ("outbox", "refused", "unread"):
        tx.cursor.execute(f"delete from {table} where {named}", (topics, needles))
