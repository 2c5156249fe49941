"""The documents that holders get from object storage: whole or not at all, and not all requests wait for it at once."""

from __future__ import annotations

from threading import BoundedSemaphore

from services.wallet.domain.whole import is_whole
from shared.errors import NotFound, TryLater
from shared.runtime.log import logger
from shared.runtime.metrics import STORAGE_FAILED
from shared.runtime.objects import ReadableObjects

log = logger("wallet")

_AT_ONCE = 20
"""Reads; of the 40 threads in which requests are answered. The others are left to pages that need no document."""


class Damaged(TryLater):
    """An object that is lost, or no whole document: the office repairs it (`akashi scrub --repair`)."""


class StoredFiles:
    """Object storage as `objects`, for the wallet."""

    def __init__(self, objects: ReadableObjects, *, seconds: float = 1.0) -> None:
        """`seconds`: for which a read waits for its place; it needs milliseconds while the storage is well."""
        self._objects = objects
        self._seconds = seconds
        self._places = BoundedSemaphore(_AT_ONCE)

    def owed(self, key: str) -> bytes:
        """As `get`, for an object that our tables know of. Damaged where it is lost: its page is there, but not now."""
        try:
            return self.get(key)
        except NotFound as error:
            raise _damaged(key, "lost") from error

    def get(self, key: str) -> bytes:
        """The whole document. NotFound, TryLater; Damaged for one that is cut off, or something else."""
        if not self._places.acquire(timeout=self._seconds):
            raise TryLater(f"object {key}: {_AT_ONCE} reads wait for the storage; trying again")
        try:
            content = self._objects.get(key)
        finally:
            self._places.release()
        if not is_whole(key, content):
            raise _damaged(key, "cut off")
        return content


def _damaged(key: str, cause: str) -> Damaged:
    STORAGE_FAILED.labels("get").inc()
    log.error("failed", part="object-storage", object=key, cause=cause)
    return Damaged(f"object {key}: {cause}, expected the whole document; repair it by a scrub")
