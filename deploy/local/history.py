"""The clock and the cohort of a home. Both are fixed by its first start."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from deploy.local.environment import Place
from shared.clock import clock_from, japan_date, system_clock
from shared.errors import RefuseToStart


def clock_of(place: Place, asked: str | None) -> str:
    """AKASHI_CLOCK for all processes: the moment given at the first start, pinned to the real time of that start.

    So time goes on while the stack is stopped. "" is the real time. RefuseToStart when another moment is given than at
    the first start, or when the text is not a moment.
    """
    kept = kept_clock(place)
    if kept is not None:
        if asked and asked not in (kept, kept.partition("@")[0]):
            raise RefuseToStart(
                f"setting AKASHI_CLOCK: got {asked!r}, but {place.home} began with {kept or 'the real time'!r};"
                " take another AKASHI_HOME for another time"
            )
        return kept
    pinned = _pinned(asked) if asked else ""
    place.home.mkdir(parents=True, exist_ok=True)
    _clock_file(place).write_text(f"{pinned}\n", encoding="ascii")
    return pinned


def kept_clock(place: Place) -> str | None:
    """AKASHI_CLOCK of a home; "" for the real time, None before its first start."""
    file = _clock_file(place)
    return file.read_text(encoding="ascii").strip() if file.exists() else None


def cohort_of(place: Place) -> str:
    """The year in which the cohort's registrations begin: that of the latest April 1 in Japan at the first start."""
    file = place.home / "cohort"
    if not file.exists():
        now = clock_from(clock_of(place, None))()
        file.write_text(f"{latest_cycle(now)}\n", encoding="ascii")
    return file.read_text(encoding="ascii").strip()


def latest_cycle(now: datetime) -> int:
    """The year of the latest April 1, Japan time, that is not after `now`."""
    today = japan_date(now)
    return today.year if today >= date(today.year, 4, 1) else today.year - 1


def _clock_file(place: Place) -> Path:
    return place.home / "clock"


def _pinned(asked: str) -> str:
    pinned = asked if "@" in asked else f"{asked}@{system_clock().isoformat()}"
    try:
        clock_from(pinned)
    except (ValueError, TypeError) as error:
        raise RefuseToStart(
            f"setting AKASHI_CLOCK: got {asked!r}, expected a moment like 2027-04-01T00:00:00+09:00 ({error})"
        ) from error
    return pinned
