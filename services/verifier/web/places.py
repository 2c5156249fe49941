"""Threads for what is handed in: pools of their own, so that pages and documents don't wait for them.

Nobody waits for a place: who finds none is refused at once, and so is a client who has its share of them already. A
work that hangs holds its own place until it ends, whatever became of the request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from services.verifier.metrics import LIMITED

T = TypeVar("T")


class NoPlace(Exception):
    """Refused: all places are taken (503), or those of this client (429). It may try again after `seconds`."""

    def __init__(self, status: int, seconds: int = 5) -> None:
        super().__init__(f"no place; again in {seconds} s")
        self.status = status
        self.seconds = seconds


class Places:
    """At most so many pieces of work at once, and of them `each` for one client. Used from one event loop."""

    def __init__(self, name: str, places: int, *, each: int = 1) -> None:
        self._name = name
        self._places = places
        self._each = each
        self._taken: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(places, name)

    async def run(self, client: str, work: Callable[[], T]) -> T:
        """What `work` returns or raises. NoPlace, before it is begun."""
        if self._taken[client] >= self._each:
            LIMITED.labels(f"{self._name}-client").inc()
            raise NoPlace(429)
        if self._taken.total() >= self._places:
            LIMITED.labels(self._name).inc()
            raise NoPlace(503)
        self._taken[client] += 1
        loop = asyncio.get_running_loop()

        def ended(_: Future[T]) -> None:
            loop.call_soon_threadsafe(self._leave, client)

        running = self._threads.submit(work)
        running.add_done_callback(ended)
        return await asyncio.wrap_future(running)

    def _leave(self, client: str) -> None:
        self._taken[client] -= 1
        if not self._taken[client]:
            del self._taken[client]
