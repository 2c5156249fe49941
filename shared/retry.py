"""When to try again, and whether it is time. Used by every service whose ticks meet an outside party; pure.

A clock that was ahead leaves moments that lie in the future once it is right. Nothing waits for them: a due time that
is further ahead than the longest pause of its kind counts as reached, and a wait that began in the future as over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

SKEW = timedelta(minutes=5)
"""By how much the clocks of two machines may differ while both count as right."""


def next_try(attempts: int, now: datetime, *, least: float = 1.0, most: float = 300.0) -> datetime:
    """When to try again after `attempts` (≥ 1) failed ones: pauses double from `least` seconds up to `most`."""
    return now + timedelta(seconds=min(most, least * 2 ** min(max(attempts, 1) - 1, 32)))


def is_due(due_at: datetime, now: datetime, longest: timedelta) -> bool:
    """Whether `due_at` has come. `longest` is the longest pause of its kind: beyond it, a wrong clock set it."""
    return not now < due_at <= now + longest + SKEW


def is_due_sql(column: str) -> str:
    """`is_due` of a column as a condition in SQL, with two parameters: `*due_at(now, longest)`."""
    return f"({column} <= %s or {column} > %s)"


def due_halves_sql(column: str) -> tuple[str, str]:
    """The two alternatives of `is_due_sql`, apart: an index gives the rows of each in order.

    With the parameters of `due_by_name`.
    """
    return f"{column} <= %(now)s", f"{column} > %(ahead)s"


def first_due_sql(rows: str, column: str, limit: str, *, order: str | None = None) -> str:
    """SQL for the first rows that are due: `limit` by each alternative. `rows` is a select that ends with a condition.

    `order` is that of an index (default: on `column`), so that any plan reads the index, whatever the statistics of the
    table are. Parameters: `due_by_name`.
    """
    return " union all ".join(
        f"({rows} and {half} order by {order or column} limit {limit})" for half in due_halves_sql(column)
    )


def due_at(now: datetime, longest: timedelta) -> tuple[datetime, datetime]:
    """The parameters of `is_due_sql`."""
    return now, now + longest + SKEW


def due_by_name(now: datetime, longest: timedelta) -> dict[str, datetime]:
    """The parameters of `due_halves_sql` and `first_due_sql`."""
    return dict(zip(("now", "ahead"), due_at(now, longest), strict=True))


def has_passed(pause: timedelta, since: datetime, now: datetime) -> bool:
    """Whether `pause` has passed since a moment; one that lies as far in the future was noted by a wrong clock."""
    return now - since >= pause or since - now > max(pause, SKEW)
