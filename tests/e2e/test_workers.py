"""Workers that come and go in the middle: a second one, and one that is told to stop."""

from __future__ import annotations

import signal
import time

from deploy.local.stack import Stack
from tests.worlds.story import LATER, Story


def ended_broken(stack: Stack) -> int:
    """How many processes have ended by a fault until now."""
    return sum(log.read_text(encoding="utf-8").count('"broken": true') for log in (stack.home / "log").glob("*.log"))


def test_a_second_worker_of_each_pipeline_service_joins_and_leaves_in_the_middle(stack: Stack) -> None:
    story = Story(stack, "SECOND", 150)
    story.feed()
    story.play()
    story.wait(*LATER[LATER.index("issued") :], at_least=10)
    broken = ended_broken(stack)
    extra = [stack.start_extra(service) for service in ("issuer", "anchor", "renderer", "mailer")]
    time.sleep(2)
    for name in extra:
        stack.remove(name)
    story.completes()
    assert ended_broken(stack) == broken, "a process ended because another one came or went"


def test_services_told_to_stop_in_the_middle_of_a_batch_finish_it_and_end_with_0(stack: Stack) -> None:
    story = Story(stack, "TERM", 100)
    story.feed()
    story.play()
    stopped: dict[str, int] = {}
    for service in ("registration", "issuer", "mailer", "wallet", "anchor", "renderer", "ops"):
        time.sleep(1.0)
        stopped[service] = stack.kill(service, signal.SIGTERM)
    story.completes()
    for service, pid in stopped.items():
        lines = (stack.home / "log" / f"{service}.log").read_text(encoding="utf-8").splitlines()
        ends = [line for line in lines if '"action": "stopped"' in line and f'"pid": {pid},' in line]
        assert len(ends) == 1, service
        assert '"broken": false' in ends[0], service
