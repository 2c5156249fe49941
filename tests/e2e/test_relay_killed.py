"""The relay dies after Kafka has the events and before its outbox has forgotten them: every reader drops the copies."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from deploy.local.stack import Stack
from shared.events import AssertionIssued
from tests.worlds.story import Story


def test_events_that_the_dying_relay_published_twice_have_one_effect(stack: Stack) -> None:
    stack.halt("issuer")
    dying = subprocess.Popen(
        [sys.executable, "-m", "tests.worlds.dying_issuer"],
        env={**stack.environment("issuer"), "METRICS_PORT": "0"},
        cwd=".",
    )
    story = Story(stack, "RELAY", 60)
    story.feed()
    story.play()
    assert dying.wait(90) == -9, "the relay should have died between publishing and forgetting"
    stack.resume("issuer")
    story.completes()
    times = Counter(event.id for event in story.stream(AssertionIssued))
    assert max(times.values()) > 1, "the story is void: nothing was published twice"
