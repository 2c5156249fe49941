"""What a home remembers of its beginning: its time and its cohort. Both are fixed by the first start."""

from __future__ import annotations

from datetime import date, datetime

from deploy.local.environment import Place
from shared.clock import clock_from, japan_date, system_clock
from shared.errors import RefuseToStart


def clock_of(place: Place, asked: str | None) -> str:
    """AKASHI_CLOCK for all processes: the moment asked for at the first start, at the real moment of that start.

    So a restart goes on where time has come to meanwhile. "" is the real time. RefuseToStart when another moment is
    asked for than the one this home began with, or when the text is no moment.
    """
    file = place.home / "clock"
    if file.exists():
        kept = file.read_text(encoding="ascii").strip()
        if asked and asked not in (kept, kept.partition("@")[0]):
            raise RefuseToStart(
                f"setting AKASHI_CLOCK: got {asked!r}, but {place.home} began with {kept or 'the real time'!r};"
                " take another AKASHI_HOME for another time"
            )
        return kept
    kept = _pinned(asked) if asked else ""
    place.home.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{kept}\n", encoding="ascii")
    return kept


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


def _pinned(asked: str) -> str:
    pinned = asked if "@" in asked else f"{asked}@{system_clock().isoformat()}"
    try:
        clock_from(pinned)
    except (ValueError, TypeError) as error:
        raise RefuseToStart(
            f"setting AKASHI_CLOCK: got {asked!r}, expected a moment like 2027-04-01T00:00:00+09:00 ({error})"
        ) from error
    return pinned
