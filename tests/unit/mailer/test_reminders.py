"""When a holder hears again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.letters import REMINDERS
from services.mailer.domain.reminders import is_daytime, reminder_windows
from shared.clock import JST
from shared.programme import parse_programme

NOW = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
DAYS = st.lists(st.integers(1, 366), max_size=3, unique=True).map(lambda days: tuple(sorted(days)))
PROGRAMME = Path("deploy/programmes/jci.toml").read_text(encoding="utf-8")


@given(DAYS, st.integers(0, 500 * 24))
def test_at_most_one_reminder_is_due_and_it_is_the_last_whose_day_has_come(days: tuple[int, ...], hours: int) -> None:
    sent_at = NOW - timedelta(hours=hours)
    due = [window.letter for window in reminder_windows(days, NOW) if window.since < sent_at <= window.until]
    passed = [day for day in days if sent_at + timedelta(days=day) <= NOW]
    late = bool(passed) and sent_at + timedelta(days=passed[-1] + 14) <= NOW
    assert due == ([REMINDERS[len(passed) - 1]] if passed and not late else [])


@pytest.mark.parametrize(("hour", "day"), [(0, False), (7, False), (8, True), (19, True), (20, False), (23, False)])
def test_day_is_from_8_to_20_in_japan(hour: int, day: bool) -> None:
    moment = datetime(2026, 6, 1, hour, 59 if hour in (7, 19) else 0, tzinfo=JST)
    assert is_daytime(moment.astimezone(UTC)) is day


def test_the_programme_says_when_and_may_say_never() -> None:
    assert parse_programme(PROGRAMME).letters.reminder_days == (7, 21, 60)
    never = PROGRAMME.replace("reminder_days = [7, 21, 60]", "reminder_days = []")
    assert reminder_windows(parse_programme(never).letters.reminder_days, NOW) == []


@pytest.mark.parametrize("days", ["[7, 7]", "[21, 7]", "[0]", "[1, 2, 3, 4]", "[400]"])
def test_days_that_can_not_be_are_refused_with_their_field(days: str) -> None:
    with pytest.raises(ValueError, match=r"letters\.reminder_days"):
        parse_programme(PROGRAMME.replace("[7, 21, 60]", days))
    with pytest.raises(ValueError, match=r"letters\.expiry_days"):
        parse_programme(PROGRAMME.replace("expiry_days = 60", "expiry_days = -1"))
