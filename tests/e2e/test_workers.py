"""Workers that come and go in the middle: a second one, and one that is told to stop."""

from __future__ import annotations

import signal
import time

import pytest

from deploy.local.stack import Stack
from tests.e2e.story import LATER, Story


def test_a_second_worker_of_each_pipeline_service_joins_and_leaves_in_the_middle(stack: Stack) -> None:
    story = Story(stack, "SECOND", 300)
    story.feed()
    story.play()
    story.wait(*LATER[LATER.index("issued") :], at_least=10)
    extra = [stack.start_extra(service) for service in ("issuer", "anchor", "renderer", "mailer")]
    time.sleep(2)
    for name in extra:
        stack.remove(name)
    story.completes()


@pytest.mark.parametrize("service", ["registration", "issuer", "anchor", "renderer", "mailer", "wallet", "ops"])
def test_a_service_told_to_stop_in_the_middle_of_a_batch_finishes_it_and_ends_with_0(
    stack: Stack, service: str
) -> None:
    story = Story(stack, f"TERM{service.upper()}", 60)
    story.feed()
    story.play()
    story.wait(*LATER[LATER.index("issued") :], at_least=1)
    pid = stack.kill(service, signal.SIGTERM)
    stack.wait_ready(service)
    story.completes()
    lines = (stack.home / "log" / f"{service}.log").read_text(encoding="utf-8").splitlines()
    ends = [line for line in lines if '"action": "stopped"' in line and f'"pid": {pid},' in line]
    assert len(ends) == 1
    assert '"broken": false' in ends[0]
