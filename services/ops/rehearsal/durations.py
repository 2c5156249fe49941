"""How long each stage takes for a cohort, at the rate of the last run or at the documented one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.ops.rehearsal.answers import StageForecast, StageName
from shared.programme import Bilingual

DOCUMENTED: Mapping[StageName, float] = {
    "issued": 255.0,
    "notified": 115.0,
    "anchored": 26.0,
    "rendered": 29.0,
    "completed": 29.0,
}
"""Badges a second in docs/performance.md, on one machine of two cores that did all stages at once."""

LEAST_MEASURED = 200
"""Badges in the busiest minute of a run; with fewer it says how many there were, and not how fast it can be."""


class Rates(NamedTuple):
    """The last run: the most badges in one minute, by stage, and whose it was."""

    cohort: str | None
    most_in_a_minute: Mapping[str, int]


def rate_of(stage: StageName, rates: Rates) -> tuple[float, bool]:
    """Badges a second, and whether it was measured."""
    most = rates.most_in_a_minute.get(stage, 0)
    return (most / 60, True) if most >= LEAST_MEASURED else (DOCUMENTED[stage], False)


def duration(seconds: float) -> Bilingual:
    """Rounded up to what a person plans with: seconds below two minutes, minutes below three hours, else hours."""
    if seconds < 120:
        whole = max(1, -int(-seconds // 1))
        return Bilingual(f"{whole}秒", f"{whole} s")
    minutes = -int(-seconds // 60)
    if minutes < 180:
        return Bilingual(f"{minutes}分", f"{minutes} min")
    hours = -(-minutes // 60)
    return Bilingual(f"{hours}時間", f"{hours} h")


def stage_forecasts(badges: int, rates: Rates) -> tuple[StageForecast, ...]:
    found = []
    for stage in DOCUMENTED:
        rate, measured = rate_of(stage, rates)
        found.append(
            StageForecast(
                stage=stage,
                badges=badges,
                per_second=rate,
                seconds=badges / rate,
                measured=measured,
                cohort=rates.cohort if measured else None,
            )
        )
    return tuple(found)
