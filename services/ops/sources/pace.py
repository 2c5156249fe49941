"""Counts of each cohort over the last minutes, from which its pace is told. Kept in memory: a start begins again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

from services.ops.board.pace import Pace, Sample, kept, pace_of

_EVERY = timedelta(seconds=5)  # between two samples of a cohort


class PaceMeter:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: dict[str, list[Sample]] = {}

    def note(self, cohort: str, counts: Mapping[str, int], now: datetime) -> None:
        """Keep the counts, unless some were kept less than five seconds ago."""
        with self._lock:
            samples = kept(self._samples.get(cohort, ()), now)
            if not samples or now - samples[-1].at >= _EVERY:
                samples.append(Sample(now, dict(counts)))
            self._samples[cohort] = samples

    def pace(self, cohort: str, missing: Mapping[str, int]) -> dict[str, Pace]:
        with self._lock:
            return pace_of(self._samples.get(cohort, ()), missing)
