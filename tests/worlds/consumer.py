"""What a service's process does with a batch of events, without the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.events import Event
from shared.runtime.db import Database, Transaction

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound=Transaction)


def note(database: Database[T], write: Callable[[T, Sequence[E]], None], events: Sequence[E]) -> None:
    """As `Process.note`: claim the events, write those that are new, commit both together."""
    with database.transaction() as tx:
        if claimed := tx.claim(events):
            write(tx, claimed)
