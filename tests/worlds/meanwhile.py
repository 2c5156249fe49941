"""What happens while a transaction is open: one act waits for another's end, as it falls out by chance elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shared.runtime.db import Database, Transaction

R = TypeVar("R")
T = TypeVar("T", bound=Transaction)


def meanwhile(
    store: Database[T],
    change: Callable[[T], object],
    act: Callable[[], R],
    then: Callable[[T], object] = lambda tx: None,
) -> R:
    """What `act` gives if `change` is committed while it waits for that; after its end, where it doesn't wait.

    `then` is done in the same transaction, once `act` waits.
    """
    with ThreadPoolExecutor(1) as thread:
        with store.transaction() as tx:
            change(tx)
            acting = thread.submit(act)
            while not acting.done() and not is_waited_for(store):
                pass
            then(tx)
        return acting.result()


def is_waited_for(store: Database[T]) -> bool:
    """Whether a transaction waits for another. Asked in a new one: each keeps what it saw first of the others."""
    with store.reading() as tx:
        return bool(tx.fetch_value("select exists (select from pg_stat_activity where wait_event_type = 'Lock')"))
