"""Which credentials lie in object storage without the tables calling them stored: those are read before a put.

After a restore of the database storage holds credentials that the tables lack, also where no topic tells of them, and
some carry the proof of an anchoring. So each process lists them once. What appears later is put by an issuer on the
same tables: they know of it, and nobody anchors it before they do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from threading import Lock

from shared import object_keys


class OnlyStored:
    """May an id have an object that the tables don't tell of? Any may, until storage is listed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ids: set[str] = set()
        self._is_listed = False
        self.after = ""
        """The last key of those that were listed so far."""

    @property
    def is_listed(self) -> bool:
        return self._is_listed

    def may_hold(self, assertion_id: str) -> bool:
        """Whether storage has to be read before this credential is put."""
        return not self._is_listed or assertion_id in self._ids

    def note(self, keys: Sequence[str], stored: Collection[str]) -> None:
        """The next page of keys; `stored` are the ids of those that the tables call stored. No keys: that was all."""
        with self._lock:
            self._ids.update(id for id in map(id_of, keys) if id not in stored)
            if keys:
                self.after = keys[-1]
            else:
                self._is_listed = True


def id_of(key: str) -> str:
    """The id in the key of a credential."""
    return key.removeprefix(object_keys.CREDENTIALS).removesuffix(".json")
