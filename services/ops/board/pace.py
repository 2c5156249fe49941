"""How fast a cohort comes to each stage, and when the last is expected there, from counts taken now and then. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

WINDOW = timedelta(minutes=10)
"""Of so long a time the rate is the mean."""
_LEAST = timedelta(seconds=20)  # a shorter time says nothing


@dataclass(frozen=True)
class Sample:
    """How many people had reached each stage (by its word) at a moment."""

    at: datetime
    counts: Mapping[str, int]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """People a minute who come to a stage; when those who are missing are expected there. None: nobody moves."""

    per_minute: float
    expected_at: datetime | None


def kept(samples: Sequence[Sample], now: datetime) -> list[Sample]:
    """The samples of the window, and the last before it. Those of a clock that was ahead are dropped."""
    past = [sample for sample in samples if sample.at <= now]
    inside = [sample for sample in past if sample.at > now - WINDOW]
    return past[len(past) - len(inside) - 1 :] if len(past) > len(inside) else inside


def pace_of(samples: Sequence[Sample], missing: Mapping[str, int]) -> dict[str, Pace]:
    """Of each stage in `missing` (how many people are still to come to it), by the oldest and the newest sample.

    A stage is left out while the samples are of less than 20 s.
    """
    if len(samples) < 2 or samples[-1].at - samples[0].at < _LEAST:
        return {}
    first, last = samples[0], samples[-1]
    minutes = (last.at - first.at) / timedelta(minutes=1)
    found = {}
    for stage, count in missing.items():
        came = max(0, last.counts.get(stage, 0) - first.counts.get(stage, 0))
        rate = came / minutes
        expected = last.at + timedelta(minutes=count / rate) if rate and count else None
        found[stage] = Pace(per_minute=round(rate, 1), expected_at=expected)
    return found
