"""How long PostgreSQL goes by the plan that it once made for a statement. Used by `db.py`.

A connection prepares what it asks often, and the server keeps the plan: made while a table was empty, it reads the
whole table for each row of a crowd that came since, until the server has counted the table again (a minute, by its
defaults). A plan that is made anew sees how large the tables are, counted or not.
"""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

PLAN_SECONDS = 15.0
"""Planning all that a service asks takes some ms: once in so long it is next to nothing."""


class Plans:
    """The plans of the connections of one pool. A connection is with one thread at a time."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[psycopg.Connection[Any], float] = WeakKeyDictionary()

    def renew(self, connection: psycopg.Connection[Any]) -> None:
        """Have the server forget the plans of `connection` that may be older than PLAN_SECONDS."""
        now = time.monotonic()
        if now - self._made.setdefault(connection, now) >= PLAN_SECONDS:
            connection.execute("discard plans", prepare=False)
            self._made[connection] = now
