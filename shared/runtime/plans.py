"""How long PostgreSQL uses a cached plan of a prepared statement. Used by `db.py`.

A plan made while a table was empty scans the whole table for each event of a crowd that arrived since, until autovacuum
analyzes the table (a minute, by its defaults). A new plan uses the table's current size, analyzed or not.
"""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

PLAN_SECONDS = 15.0
"""Planning all statements of a service takes some ms: at this interval that is negligible."""


class Plans:
    """The age of the cached plans of each connection of a pool. One thread uses a connection at a time."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()

    def renew(self, connection: psycopg.Connection[Any]) -> None:
        """Discard the cached plans of `connection` if they may be older than PLAN_SECONDS."""
        now = time.monotonic()
        if now - self._made.setdefault(connection, now) >= PLAN_SECONDS:
            connection.execute("discard plans", prepare=False)
            self._made[connection] = now
