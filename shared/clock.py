"""One clock for all processes, and Japan's calendar. Used by every service; decisions get `now` as an argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

JST = ZoneInfo("Asia/Tokyo")

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def clock_from(setting: str | None) -> Clock:
    """The clock that `AKASHI_CLOCK` asks for.

    None or "": the real one. "2027-04-01T00:00:00+09:00": a clock that shows that moment now and goes on from there.
    "<moment>@<real moment>": shows the first at the second, so that processes and restarts agree.
    ValueError otherwise.
    """
    if not setting:
        return system_clock
    shown, _, real = setting.partition("@")
    began = datetime.fromisoformat(real) if real else system_clock()
    offset: timedelta = datetime.fromisoformat(shown) - began  # TypeError for a naive time
    return lambda: datetime.now(UTC) + offset


def japan_date(moment: datetime) -> date:
    """The calendar day in Japan at an aware moment."""
    return moment.astimezone(JST).date()


def japan_midnight(day: date) -> datetime:
    """The moment at which a day begins in Japan."""
    return datetime(day.year, day.month, day.day, tzinfo=JST)


def japan_time(moment: datetime) -> str:
    """An aware moment as credentials write it: 2027-04-01T00:00:00+09:00."""
    return moment.astimezone(JST).isoformat(timespec="seconds")


def years_after(day: date, years: int) -> date:
    """The same day `years` later, of February 29 the 28th."""
    year = min(day.year + years, date.max.year)
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)
