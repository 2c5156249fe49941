"""How long a loop waits before its next round: not at all when it was idle, longer the more its rounds cost.

Used by the consume loop, the relay and the ticks. A single row costs ten times what it costs among hundreds (a
transaction, a fetch and a produce of its own), so under load the next ones gather while the loop waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_SHARE = 9.0  # a loop of small rounds works a tenth of the time at most
_LEAST, _MOST = 0.02, 0.5  # seconds
_SELDOM = 99.0


def pause_after(seconds: float) -> float:
    """Seconds to wait after a round that took so long and was not full. A full round is followed by the next at once.

    On an idle machine a round takes milliseconds, and nothing waits behind it; on a busy one it takes longer by itself.
    """
    return min(max(seconds * _SHARE, _LEAST), _MOST)


class Seldom:
    """For work that has to read a whole table: it takes a hundredth of the time at most, however much the table grows.

    While it takes a millisecond, that is whenever it is asked for; once it takes ten seconds, every quarter of an hour.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds."""
        self._clock = clock
        self._again_at = float("-inf")

    def run(self, work: Callable[[], T]) -> T | None:
        """What `work` returned; None, and nothing was done, when it is too early. What it raises leaves it due."""
        began = self._clock()
        if began < self._again_at:
            return None
        result = work()
        ended = self._clock()
        self._again_at = ended + _SELDOM * (ended - began)
        return result
