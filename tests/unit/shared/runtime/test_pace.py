"""How long a loop waits for the next rows."""

from __future__ import annotations

import pytest

from shared.runtime.pace import Seldom, pause_after


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.002])
def test_nothing_waits_longer_than_a_moment_on_an_idle_machine(seconds: float) -> None:
    assert pause_after(seconds) == 0.02


@pytest.mark.parametrize("seconds", [0.003, 0.01, 0.05])
def test_small_rounds_take_a_tenth_of_the_time(seconds: float) -> None:
    assert seconds / (seconds + pause_after(seconds)) == pytest.approx(0.1)


@pytest.mark.parametrize("seconds", [0.056, 0.2, 60.0])
def test_no_pause_is_longer_than_half_a_second(seconds: float) -> None:
    assert pause_after(seconds) == 0.5


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> float:
        self.now += seconds
        return self.now


@pytest.mark.parametrize("took", [0.001, 0.2, 10.0, 3600.0])
def test_work_over_a_whole_table_takes_a_hundredth_of_the_time(took: float) -> None:
    clock = Clock()
    seldom = Seldom(clock)
    assert seldom.run(lambda: clock.pass_by(took)) == took
    clock.now += 98.9 * took
    assert seldom.run(lambda: clock.pass_by(took)) is None
    clock.now += 0.2 * took
    assert seldom.run(lambda: clock.pass_by(took)) is not None


def test_work_that_fails_is_due_at_once() -> None:
    clock = Clock()
    seldom = Seldom(clock)
    with pytest.raises(ZeroDivisionError):
        seldom.run(lambda: clock.pass_by(5) / 0)
    assert seldom.run(lambda: "read") == "read"
