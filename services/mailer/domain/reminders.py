"""When a holder hears again: reminders while the badge is not received, the notice before the period ends; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.mailer.domain.letters import REMINDERS, Letter
from shared.clock import JST

_MORNING, _EVENING = 8, 20
_LATEST = timedelta(days=14)
"""So long after its day a reminder is still sent: later (we were down, the badge is of years ago) it would puzzle."""


@dataclass(frozen=True)
class Window:
    """Letter 1 was sent after `since` and not after `until`: now is the time of this reminder."""

    letter: Letter
    since: datetime
    until: datetime


def is_daytime(now: datetime) -> bool:
    """08:00 to 20:00 in Japan: reminders and notices, which nobody waits for, leave then only."""
    return _MORNING <= now.astimezone(JST).hour < _EVENING


def reminder_windows(days: tuple[int, ...], now: datetime) -> list[Window]:
    """Of each reminder, the time of letter 1 for which it is due now. They don't overlap: nobody gets two at once."""
    windows = []
    for letter, day, following in zip(REMINDERS, days, (*days[1:], None), strict=False):
        until = now - timedelta(days=day)
        since = until - _LATEST if following is None else max(until - _LATEST, now - timedelta(days=following))
        windows.append(Window(letter, since, until))
    return windows
