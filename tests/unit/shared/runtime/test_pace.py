"""How long a loop waits for the next rows."""

from __future__ import annotations

import pytest

from shared.runtime.pace import pause_after


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.002])
def test_nothing_waits_longer_than_a_moment_on_an_idle_machine(seconds: float) -> None:
    assert pause_after(seconds) == 0.02


@pytest.mark.parametrize("seconds", [0.003, 0.01, 0.05])
def test_small_rounds_take_a_tenth_of_the_time(seconds: float) -> None:
    assert seconds / (seconds + pause_after(seconds)) == pytest.approx(0.1)


@pytest.mark.parametrize("seconds", [0.056, 0.2, 60.0])
def test_no_pause_is_longer_than_half_a_second(seconds: float) -> None:
    assert pause_after(seconds) == 0.5
