"""When to try again. Used by every service whose ticks meet an outside party; pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def next_try(attempts: int, now: datetime, *, least: float = 1.0, most: float = 300.0) -> datetime:
    """The moment of the next attempt after `attempts` (≥ 1) failed ones: doubling from `least` seconds, at most `most`."""
    return now + timedelta(seconds=min(most, least * 2 ** min(max(attempts, 1) - 1, 32)))
