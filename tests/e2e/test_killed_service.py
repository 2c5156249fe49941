"""Each service killed with -9 while 300 badges pass it: nothing lost, nothing doubled, no restore noticed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds.story import LATER, Story, until

SIZE = 300
FIRST = 20

# In the order of the flow. When so many of the 300 have come to where the service works, it dies in the middle of the
# others; the next one dies while they catch up. Counted by ops' table of people, but where that is told too late:
MIDDLE = {
    "registration": "eligible",
    "issuer": "issued",
    "mailer": "notified",
    "ops": "received",
    "wallet": "received",
    "anchor": "anchored",
    "renderer": "rendered",
    "verifier": "completed",
}
OWN_COUNTS = {
    "issuer": "select count(*) from assertions where registration_id like %s and state = 'stored'",
    "mailer": "select count(*) from messages join holders using (assertion_id)"
    " where registration_id like %s and letter = 'award' and state = 'sent'",
}
"""What a service has done of 300 in its own tables: it is through in a second."""

_NOTICES = "select restore_id from restore_notices order by restore_id"


@dataclass(frozen=True)
class Killed:
    """A process that was killed, and how many of the story's people were still before its stage."""

    pid: int
    left: int


def reached(story: Story, service: str, stage: str) -> int:
    """How many have come to where the service works, as soon as they are `FIRST`."""
    later, count = LATER[LATER.index(stage) :], OWN_COUNTS.get(service)

    def enough() -> int:
        done = story.rows(service, count, f"{story.prefix}-%")[0][0] if count else story.counted(*later)
        return done if done >= FIRST else 0

    found: int = until(enough, seconds=120, what=f"{FIRST} {stage}", forgive=(psycopg.OperationalError,), pause=0.01)
    return found


@pytest.fixture(scope="module")
def killed(stack: Stack) -> Iterator[dict[str, Killed]]:
    """One crowd on its way through eight kills; when this is there, all of them have completed, each thing once."""
    story = Story(stack, "KILL", SIZE)
    before = {service: story.rows(service, _NOTICES) for service in SERVICES}
    story.feed()
    story.play()
    deaths: dict[str, Killed] = {}
    for service, stage in MIDDLE.items():
        left = SIZE - reached(story, service, stage)
        deaths[service] = Killed(stack.kill(service), left)
    story.completes()
    assert {service: story.rows(service, _NOTICES) for service in SERVICES} == before, "a kill is no restore"
    yield deaths


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_killed_in_the_middle_of_300_badges_loses_and_doubles_nothing(
    stack: Stack, killed: dict[str, Killed], service: str
) -> None:
    assert stack.pid(service) != killed[service].pid
    if service != "registration":  # it takes in 300 people in the tenth of a second
        assert killed[service].left > 0, "the story is void: nothing was left to do"
