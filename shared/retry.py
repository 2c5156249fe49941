"""When to try again. Used by every service whose ticks meet an outside party; pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def next_try(attempts: int, now: datetime, *, least: float = 1.0, most: float = 300.0) -> datetime:
    """When to try again after `attempts` (≥ 1) failed ones: pauses double from `least` seconds up to `most`."""
    return now + timedelta(seconds=min(most, least * 2 ** min(max(attempts, 1) - 1, 32)))
