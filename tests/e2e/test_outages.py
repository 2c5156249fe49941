"""Database, broker and whole stack away in the middle: everything waits, and goes on where it was."""

from __future__ import annotations

import time

import pytest

from deploy.local.stack import Stack
from tests.worlds.story import Story

AWAY_SECONDS = 10.0


@pytest.mark.parametrize("part", ["postgres", "kafka"])
def test_a_part_that_is_away_for_ten_seconds_costs_ten_seconds_and_nothing_else(stack: Stack, part: str) -> None:
    story = Story(stack, f"AWAY{part.upper()}", 60)
    story.feed()
    story.play()
    story.wait("issued", "notified", "received", "anchored", "rendered", "completed", at_least=20)
    stack.halt(part)
    time.sleep(AWAY_SECONDS)
    stack.resume(part)
    story.completes()


def test_a_stack_stopped_half_way_and_started_again_finishes_the_work(stack: Stack) -> None:
    story = Story(stack, "HALFWAY", 60)
    story.feed()
    story.play()
    story.wait("received", "anchored", "rendered", "completed", at_least=20)
    stack.stop()
    stack.start()
    story.completes()
