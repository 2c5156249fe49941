"""Short requests come first: between two steps of its work, a delivery lets those that are under way be answered.

Both share one process, so one thread of Python at a time, and one lock, so one writer at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_SECONDS = 0.1
"""The longest that a delivery waits at once: clients that are slow, or many, don't stop it."""


class Foreground:
    """The short requests under way in this process. Thread-safe."""

    def __init__(self, most_seconds: float = _MOST_SECONDS) -> None:
        self._most_seconds = most_seconds
        self._under_way = 0
        self._changed = threading.Condition()

    @contextmanager
    def request(self) -> Iterator[None]:
        """While a short request is answered."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def give_way(self) -> None:
        """Returns when no short request is under way, or after a tenth of a second."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, self._most_seconds)
