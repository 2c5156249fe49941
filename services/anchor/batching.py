"""When a batch closes and what is in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from shared.clock import JST
from shared.merkle import merkle_tree


@dataclass(frozen=True)
class BatchRules:
    """A batch closes as soon as one of these holds for the leaves that wait."""

    size: int  # so many wait; also the most that one batch holds
    age: timedelta  # the oldest has waited so long
    daily_at: time | None = None  # the oldest has waited over this time of day in Japan


@dataclass(frozen=True)
class Batch:
    """A closed batch: its Merkle root, and its leaves in the tree's order."""

    root: bytes
    leaves: tuple[bytes, ...]


def is_due(count: int, oldest_at: datetime | None, now: datetime, rules: BatchRules) -> bool:
    """Whether `count` waiting leaves, the oldest since `oldest_at`, are to be closed into a batch now."""
    if count == 0 or oldest_at is None:
        return False
    if count >= rules.size or now - oldest_at >= rules.age:
        return True
    return rules.daily_at is not None and oldest_at < _latest(rules.daily_at, now) <= now


def close(leaves: Sequence[bytes]) -> Batch:
    """The batch of these leaves (32 bytes each, at least one), the same in whatever order they came."""
    tree = merkle_tree(leaves)
    return Batch(tree.root, tree.leaves)


def _latest(at: time, now: datetime) -> datetime:
    """The last moment not after `now` at which the clock in Japan showed `at`."""
    today = datetime.combine(now.astimezone(JST).date(), at, tzinfo=JST)
    return today if today <= now else today - timedelta(days=1)
