"""When a batch closes and what is in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

from shared.clock import JST
from shared.credentials.merkle import merkle_tree
from shared.retry import has_passed

_SECOND = timedelta(seconds=1)
STATEMENT_AGE = timedelta(days=1)
"""After so long without a batch of badges, statements of the count get one of their own."""


@dataclass(frozen=True)
class BatchRules:
    """A batch closes as soon as one of these holds for the waiting leaves."""

    size: int  # this many wait; also the most that one batch holds
    age: timedelta  # the oldest has waited this long
    cron: str | None = None  # the oldest was waiting at a time of this expression, in Japan's time: "0 2 * * *"


@dataclass(frozen=True)
class Batch:
    """A closed batch: its Merkle root, and its leaves in the tree's order."""

    root: bytes
    leaves: tuple[bytes, ...]


def is_due(
    count: int,
    oldest_at: datetime | None,
    now: datetime,
    rules: BatchRules,
    oldest_statement_at: datetime | None = None,
) -> bool:
    """Whether `count` waiting leaves, the oldest badge's since `oldest_at`, are to be closed into a batch now.

    A cron time that passed while no process ran is caught up, since the oldest leaf was waiting at it. Several missed
    times are caught up by one batch, and a night without leaves closes nothing.
    """
    if oldest_statement_at is not None and has_passed(STATEMENT_AGE, oldest_statement_at, now):
        return True
    if count == 0 or oldest_at is None:
        return False
    if count >= rules.size or has_passed(rules.age, oldest_at, now):
        return True
    return rules.cron is not None and oldest_at < _latest(rules.cron, now) <= now


def closes_at(oldest_at: datetime, now: datetime, rules: BatchRules) -> datetime:
    """When waiting leaves, the oldest since `oldest_at`, are closed at the latest; `now` when they are due."""
    by_age = oldest_at + rules.age
    by_clock = next_time(rules.cron, oldest_at) if rules.cron else by_age
    return max(now, min(by_age, by_clock))


def next_time(cron: str, after: datetime) -> datetime:
    """The next time of the expression, in Japan, after a moment."""
    found: datetime = croniter(cron, after.astimezone(JST)).get_next(datetime)
    return found


def read_cron(text: str) -> str:
    """A cron expression of five fields. ValueError for any other text, or for a time that never comes."""
    if len(text.split()) != 5 or not croniter.is_valid(text):
        raise ValueError("no cron expression of five fields")
    next_time(text, datetime(2026, 1, 1, tzinfo=JST))  # 30 February: croniter says so here
    return text


def close(leaves: Sequence[bytes]) -> Batch:
    """The batch of these leaves (32 bytes each, at least one). Their order doesn't matter."""
    tree = merkle_tree(leaves)
    return Batch(tree.root, tree.leaves)


def _latest(cron: str, now: datetime) -> datetime:
    """The last time of the expression, in Japan, that is not after `now`."""
    whole = now.astimezone(JST).replace(microsecond=0)
    found: datetime = croniter(cron, whole + _SECOND).get_prev(datetime)
    return found
