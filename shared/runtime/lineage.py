"""Whether the database still has all that this process saw committed. Used by `db.py`.

A database that failed over to a standby that lagged, or that was restored while the service ran, has lost what the
process relies on: its consumers read on from offsets that the tables don't know, and its ticks would act a second time.
So the process ends at once, and its next start takes back what the tables lost (`recall.py`) before it does anything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg

from shared.runtime.log import logger

EX_TEMPFAIL = 75  # sysexits.h: supervisors start us again

Replaced = Callable[[str, str], None]
"""Called with the service and why its database is another one. The caller must not use the database afterwards."""

# A server's identifier is drawn when its cluster is made; each promotion and each recovery to a moment begins a new
# timeline, whose number is the beginning of the name of every file of its write-ahead log.
_LINEAGE = """
select system_identifier::text,
       case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end
from pg_control_system()
"""


def end_process(service: str, reason: str) -> NoReturn:
    """End like a kill -9, which every step survives: what still ran would act on a state that is gone."""
    logger(service).error("failed", part="database", cause=reason, do="this process ends; its next start takes back")
    os._exit(EX_TEMPFAIL)


class Lineage:
    """The history of one database as this process knows it. Thread-safe."""

    def __init__(self, service: str, replaced: Replaced) -> None:
        self._service = service
        self._replaced = replaced
        self._lock = threading.Lock()
        self._known: tuple[str, str] | None = None

    @property
    def known(self) -> str | None:
        """Server and timeline of the first connection."""
        return "/".join(self._known) if self._known else None

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """For each new connection. OperationalError on a standby: it can't write, and once promoted has another past.

        `replaced` is called when the server is another one or has a new timeline.
        """
        row = connection.execute(_LINEAGE).fetchone()
        connection.rollback()
        assert row is not None
        system, timeline = row
        if timeline is None:
            raise psycopg.OperationalError("got a standby server, expected one that takes writes")
        with self._lock:
            self._known = before = self._known or (system, timeline)
        if before != (system, timeline):
            self._end(f"server and timeline are {system}/{timeline}, were {'/'.join(before)}: a failover or a restore")

    def lost(self, what: str) -> NoReturn:
        """The tables lack `what` this process committed: same server and timeline, yet older (a snapshot, a dump)."""
        self._end(f"the tables lack what we committed: {what}")

    def _end(self, reason: str) -> NoReturn:
        self._replaced(self._service, reason)
        raise psycopg.OperationalError(f"the database was replaced: {reason}")
