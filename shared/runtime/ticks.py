"""Periodic work over pending rows, each in a thread of its own. Used by every process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared.errors import cause_of
from shared.runtime.log import Log
from shared.runtime.metrics import TICK_FAILED, TICK_FAILURES, TICK_SECONDS, TICKED
from shared.runtime.pace import pause_after

_AFTER_FAILURE = 0.5  # seconds at least


class Tick(threading.Thread):
    """Whatever the work raises is logged and counted, and the work done again after the pause."""

    def __init__(
        self, name: str, work: Callable[[], int], pause: float, log: Log, *, acted: Callable[[], None], full: int = 1
    ) -> None:
        """`work` returns on how many rows it acted. `acted` is called after it did: others may go on with them.

        `pause` in seconds, after a run without rows; `wake` ends it. A run with fewer rows than `full` is followed by
        the next after as long as `pace.py` says, a full one at once.
        """
        super().__init__(name=f"tick-{name}", daemon=True)
        self._tick = name
        self._work = work
        self._pause = pause
        self._log = log
        self._acted = acted
        self._full = full
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        failures = 0  # in a row
        while not self._stopping.is_set():
            self._wake.clear()
            began = time.perf_counter()
            try:
                rows = self._work()
            except Exception as error:
                failures += 1
                TICK_FAILED.labels(self._tick).inc()
                TICK_FAILURES.labels(self._tick).set(failures)
                self._log.warning("failed", tick=self._tick, cause=cause_of(error, 300))
                self._stopping.wait(max(self._pause, _AFTER_FAILURE))
                continue
            if failures:
                failures = 0
                TICK_FAILURES.labels(self._tick).set(0)
            took = time.perf_counter() - began
            if rows:
                TICKED.labels(self._tick).inc(rows)
                TICK_SECONDS.labels(self._tick).observe(took)
                self._acted()
            if rows < self._full:  # woken by each batch, a run without rows would cost as much as the batch
                self._stopping.wait(min(pause_after(took), self._pause))
            if not rows:
                self._wake.wait(self._pause)
