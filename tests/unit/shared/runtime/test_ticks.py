"""When a tick works: threads of its own, no database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from shared.runtime import ticks
from shared.runtime.log import logger
from shared.runtime.ticks import Tick

FAR = 60.0  # seconds: a test that waited for the clock would not end in time


class Runs:
    """Answers what the test says and then 0; `wait` until so many runs have ended."""

    def __init__(self, *answers: int | Exception) -> None:
        self._answers = list(answers)
        self._ran = threading.Semaphore(0)

    def __call__(self) -> int:
        self._ran.release()
        answer = self._answers.pop(0) if self._answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, number: int) -> None:
        for _ in range(number):
            assert self._ran.acquire(timeout=20)


Start = Callable[..., Tick]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[Tick] = []

    def make(work: Runs, pause: float = FAR, acted: Callable[[], None] = lambda: None, full: int = 1) -> Tick:
        tick = Tick("probe", work, pause, logger("probe"), acted=acted, full=full)
        started.append(tick)
        tick.start()
        return tick

    yield make
    for tick in started:
        tick.stop()
        tick.join(20)
        assert not tick.is_alive()


def test_work_that_acted_on_rows_is_done_again_at_once(start: Start) -> None:
    runs = Runs(5, 1, 0)
    start(runs)
    runs.wait(3)


def test_work_without_rows_is_done_again_when_it_is_woken(start: Start) -> None:
    runs = Runs()
    tick = start(runs)
    runs.wait(1)
    tick.wake()
    runs.wait(1)


def test_a_wake_up_while_it_works_is_not_lost(start: Start) -> None:
    made: list[Tick] = []

    class WokenMeanwhile(Runs):
        def __call__(self) -> int:
            if made:
                made.pop().wake()
            return super().__call__()

    runs = WokenMeanwhile()
    tick = start(runs)
    runs.wait(1)
    made.append(tick)
    tick.wake()
    runs.wait(2)


def test_others_learn_when_it_acted_on_rows_and_only_then(start: Start) -> None:
    learnt: list[int] = []
    runs = Runs(3, 0, 2, 0)
    tick = start(runs, acted=lambda: learnt.append(1))
    runs.wait(2)
    assert len(learnt) == 1
    tick.wake()
    runs.wait(2)
    assert len(learnt) == 2


def test_after_less_than_a_full_run_the_next_rows_gather(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def pause_after(seconds: float) -> float:
        waited.append(seconds)
        return 0.0

    monkeypatch.setattr(ticks, "pause_after", pause_after)
    runs = Runs(100, 99, 100)
    start(runs, full=100)
    runs.wait(4)
    assert len(waited) in (1, 2)  # after the second; perhaps after the last, which had none


def test_a_failure_ends_neither_the_tick_nor_what_comes_after(start: Start) -> None:
    runs = Runs(ValueError("a bug"), 1, 0)
    start(runs, pause=0.01)
    runs.wait(3)
