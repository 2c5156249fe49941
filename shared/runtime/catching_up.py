"""After a restore: nothing is done by itself before what others had announced is read again. Used by every process.

The tables of a restored database lack what was read since the backup: a hold of the office, a new address, a
revocation. A tick that runs before they are read again goes by what is no longer so: it sends a letter that is held, or
to the former address. How far the service had read is kept with the notice of the restore: dying changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.runtime.db import Database
from shared.runtime.log import Log
from shared.runtime.positions import kept_positions

Place = tuple[str, int]
"""Topic and partition."""


class CatchingUp:
    """Whether this service has read as far as before. Thread-safe; without a restore it asks nothing."""

    def __init__(self, database: Database[Any], log: Log) -> None:
        self._database = database
        self._log = log
        self._left: Mapping[Place, int] = {}

    def wait_for(self, places: Mapping[Place, int]) -> None:
        """From now on it is not over before these are read, each up to its offset."""
        self._left = dict(places)
        if places:
            self._log.warning(
                "waiting", part="ticks", partitions=len(places), cause="what was read before is read again"
            )

    def is_over(self) -> bool:
        if self._left:
            with self._database.transaction() as tx:
                kept = kept_positions(tx)
            self._left = {place: offset for place, offset in self._left.items() if kept.get(place, 0) < offset}
        return not self._left
