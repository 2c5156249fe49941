"""The services' clock stands forty days ahead for a while, with people under way, and is put right.

Twenty people are on the way before it, fifteen come while it is ahead, fifteen after it. While it is ahead, object
storage and the mail server are away too, so that much is to be tried again forty days from now.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

from deploy.local.stack import Stack
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from tests.worlds.harm import without
from tests.worlds.office import REVOKED, VALID, akashi, done, shown_as
from tests.worlds.story import Story, until

AHEAD = timedelta(days=40)
AWAY_SECONDS = 5.0


def test_a_clock_forty_days_ahead_and_put_right_again_loses_doubles_and_delays_nothing(stack: Stack) -> None:
    before, ahead, after = (Story(stack, f"CLOCK{when}", size) for when, size in (("A", 20), ("B", 15), ("C", 15)))
    one = Story(stack, "CLOCKR", 1)
    one.feed()
    before.feed()
    before.play()
    before.wait("notified", "received", "anchored", "rendered", "completed", at_least=5)

    now = datetime.now(UTC)
    stack.restart_services(AKASHI_CLOCK=f"{(now + AHEAD).isoformat()}@{now.isoformat()}")
    assert is_ahead(lists(stack))
    ahead.feed()
    ahead.play()
    ahead.wait("notified", "received", "anchored", "rendered", "completed", at_least=5)
    one.wait("notified", at_least=1)
    revoked = one.people()[0]["assertion_id"]
    done(akashi(stack, "revoke", revoked, "--reason", "本人の申し出による退会", "--by", "事務局"))
    with without(stack, "s3", "mail"):
        time.sleep(AWAY_SECONDS)

    stack.restart_services(AKASHI_CLOCK="")
    after.feed()
    after.play()
    for story in (before, ahead, after):
        story.completes()

    until(lambda: not is_ahead(lists(stack)), seconds=30, what="no status list begins in the future")
    shown_as(stack, revoked, REVOKED)
    for story in (before, ahead, after):
        shown_as(stack, story.people()[0]["assertion_id"], VALID)
    assert still_waiting(stack) == {}


def lists(stack: Stack) -> list[datetime]:
    """When each published status list begins to be valid."""
    objects = Objects(read_object_storage(Settings(stack.environment("issuer"))))
    with_lists = Story(stack, "NOBODY", 0).rows("issuer", "select name from documents where name like 'status/%%'")
    return [datetime.fromisoformat(json.loads(objects.get(f"{name}.json"))["validFrom"]) for (name,) in with_lists]


def is_ahead(moments: list[datetime]) -> bool:
    return any(moment > datetime.now(UTC) + timedelta(days=1) for moment in moments)


def still_waiting(stack: Stack) -> dict[str, int]:
    """What is not done yet, by service; of the issuer what is to be done later than tomorrow."""
    queries = {
        "mailer": "select count(*) from messages where state in ('waiting', 'queued', 'deferred')",
        "issuer": "select count(*) from documents where next_try_at > now() + interval '2 days'",
        "renderer": "select count(*) from renderings where state in ('pending', 'failed')",
        "anchor": "select count(*) from leaves where root is not null and proved_at is null",
    }
    story = Story(stack, "NOBODY", 0)
    counts = {service: int(story.rows(service, query)[0][0]) for service, query in queries.items()}
    return {service: count for service, count in counts.items() if count}
