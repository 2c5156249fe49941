"""Each service killed with -9 in the middle of 300 badges: nothing lost, nothing doubled, no restore noticed."""

from __future__ import annotations

import pytest

from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds.story import LATER, Story

pytestmark = pytest.mark.xdist_group("harm")  # on a stack of its own, beside that of the other stories

# When so many of the 300 have come to where the service works, it dies in the middle of the others.
MIDDLE: dict[str, tuple[str, ...]] = {
    "registration": ("eligible", "issued"),
    "issuer": ("issued", "notified"),
    "mailer": ("notified", "received"),
    "wallet": ("received", "anchored"),
    "anchor": ("received", "anchored"),
    "renderer": ("rendered", "completed"),
    "verifier": ("anchored", "rendered", "completed"),
    "ops": ("issued", "notified"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_killed_in_the_middle_of_300_badges_loses_and_doubles_nothing(stack: Stack, service: str) -> None:
    story = Story(stack, f"KILL{service.upper()}", 300)
    story.feed()
    story.play()
    first = LATER.index(MIDDLE[service][0])
    story.wait(*LATER[first:], at_least=20)
    stack.kill(service)
    story.completes()
    assert story.rows(service, "select restore_id from restore_notices") == [], "a kill is no restore"
