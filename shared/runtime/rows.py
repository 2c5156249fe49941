"""One row at fault costs one row: work over pending rows, within one transaction. Used by the ticks of every service.

`batches.py` does the same to messages. What says that a part is away is about no row: it is raised, and the tick does
all of it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.errors import TryLater
from shared.runtime.db import Transaction, is_unavailable
from shared.runtime.metrics import ROWS_ASIDE

R = TypeVar("R")
Result = TypeVar("Result")


def is_away(error: BaseException) -> bool:
    """Whether `error` says that a part doesn't answer now, and nothing about the row in hand."""
    return isinstance(error, TryLater) or is_unavailable(error)


def in_parts(
    tx: Transaction,
    rows: Sequence[R],
    work: Callable[[Sequence[R]], Result],
    put_aside: Callable[[R, Exception], object],
    *,
    tick: str,
) -> list[Result]:
    """`work` on all rows at once, or, if that fails, on halves, until the row at fault stands alone: what it returned.

    Nothing of a part that failed stays: neither changes of rows nor announcements. So `work` may be called again with
    the same rows; what it does outside of the database must bear that. `put_aside` notes the row and its cause, so that
    somebody sees it and the next run does not take it first again. When all is well it costs one savepoint.
    """
    if not rows:
        return []
    try:
        with tx.savepoint():
            return [work(rows)]
    except Exception as error:
        if is_away(error):
            raise
        if len(rows) == 1:
            put_aside(rows[0], error)
            ROWS_ASIDE.labels(tick).inc()
            return []
    half = len(rows) // 2
    first = in_parts(tx, rows[:half], work, put_aside, tick=tick)
    return first + in_parts(tx, rows[half:], work, put_aside, tick=tick)
