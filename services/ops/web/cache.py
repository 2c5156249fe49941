"""Answers shared by requests at nearly the same time: the board of a large cohort takes the database 0.2 s."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_SECONDS = 0.5


class AnswerCache(Generic[T]):
    """Answers by key, each at most half a second old. Only one thread computes at a time."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._computing = threading.Lock()
        self._answers: dict[object, tuple[float, T]] = {}

    def get(self, key: object, compute: Callable[[], T]) -> T:
        """What `compute` returned, now or less than half a second ago. What it raises is not cached."""
        with self._computing:
            now = self._seconds()
            self._answers = {known: found for known, found in self._answers.items() if now - found[0] < _SECONDS}
            if key not in self._answers:
                self._answers[key] = (self._seconds(), compute())
            return self._answers[key][1]

    def clear(self) -> None:
        """Drop all answers, after a decision: the next request sees it."""
        with self._computing:
            self._answers = {}
