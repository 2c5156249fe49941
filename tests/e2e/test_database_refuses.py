"""The database answers but refuses to work, as while it fails over or is full, or object storage does: all waits.

Forty people are on the way when it begins, five are delivered while it lasts, five after it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.loopback import ask
from deploy.local.stack import Stack
from shared.runtime.reader import SESSION_SECONDS
from shared.topics import SERVICES
from tests.worlds import harm
from tests.worlds.story import Story, until

FAILOVER = 25.0
"""Seconds that a failover to a standby takes, from the first work that is refused."""
SECONDS = SESSION_SECONDS + 2
"""Of the others: a process that hung meanwhile would have lost its partitions."""
GAUGES = ("akashi_database_away", "akashi_tick_failures_in_a_row")
COUNTERS = (
    "akashi_credentials_not_stored_total",
    "akashi_anchor_not_done_total",
    "akashi_certificates_not_rendered_total",
)
BEFORE, DURING, AFTER = 40, 5, 5


@dataclass(frozen=True)
class Refusal:
    """How it is made, and the words by which a log tells of it: psycopg's class, S3's call, PostgreSQL's own words."""

    begin: Callable[[Stack], AbstractContextManager[None]]
    logged_as: str
    seconds: float = SECONDS


def role(change: str) -> Callable[[Stack], AbstractContextManager[None]]:
    return lambda stack: harm.with_role_settings(stack, change)


REFUSALS = {
    "a standby that takes no writes": Refusal(
        role("alter role {} set default_transaction_read_only = on"), "ReadOnlySqlTransaction", FAILOVER
    ),
    "statement timeout": Refusal(role("alter role {} set statement_timeout = '1ms'"), "QueryCanceled"),
    "too many connections": Refusal(role("alter role {} connection limit 0"), "too many connections"),
    "no privilege": Refusal(role("alter role {} set search_path = nowhere"), "UndefinedTable"),
    "connections ended each second": Refusal(harm.connections_ended_each_second, "AdminShutdown"),
    "deadlocks": Refusal(harm.deadlocks, "DeadlockDetected"),
    "lock timeout": Refusal(harm.locked_and_changed_rows, "LockNotAvailable"),
    "disk full": Refusal(harm.full_disk, "No space left on device"),
    "write-ahead log full": Refusal(harm.full_write_ahead_log, "PANIC:  could not write"),
    "object storage full": Refusal(harm.full_object_storage, "put answered"),
}


@pytest.mark.parametrize("name", list(REFUSALS))
def test_a_database_that_refuses_for_a_while_costs_time_and_nothing_else(stack: Stack, name: str) -> None:
    if name.endswith("full") and not harm.may_mount():
        pytest.skip("puts data on a small file system, which this user may not mount")
    refusal, prefix = REFUSALS[name], f"REFUSE{list(REFUSALS).index(name)}"
    before, during, after = (
        Story(stack, f"{prefix}{when}", size) for when, size in (("A", BEFORE), ("B", DURING), ("C", AFTER))
    )
    before.feed()
    before.play()
    before.wait("notified", "received", "anchored", "rendered", "completed", at_least=5)
    logs = Logs(stack)
    feeding = threading.Thread(target=partial(during.feed, seconds=120))  # until registration has taken it
    with refusal.begin(stack):
        feeding.start()
        until(lambda: refusal.logged_as in logs.since(), seconds=30, what=f"a log says {refusal.logged_as}", pause=0.5)
        said = waiting_while(stack, refusal.seconds)
    feeding.join()
    assert during.was_fed, "registration never took the delivery"
    assert said, "no service's metrics said that anything waits"
    after.feed()
    for story in (during, after):
        story.play()
    for story in (before, during, after):
        story.completes()
    assert dead_letters_of(before) == []


def waiting_while(stack: Stack, seconds: float) -> set[str]:
    """The services whose metrics said, at any time in so many seconds, that something waits for another try."""
    said: set[str] = set()
    before = {service: readings(stack, service) for service in SERVICES}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(2.0)
        for service in SERVICES:
            now = readings(stack, service)
            is_waiting = any(now.get(name, 0) > 0 for name in GAUGES)
            has_failed = any(now.get(name, 0) > before[service].get(name, 0) for name in COUNTERS)
            said |= {service} if is_waiting or has_failed else set()
    return said


def readings(stack: Stack, service: str) -> Counter[str]:
    """Each metric of a service, summed over its labels; nothing while it does not answer."""
    found: Counter[str] = Counter()
    try:
        page = ask.get(f"http://{stack.place.address(f'{service} metrics')}/metrics").text
    except httpx.HTTPError:
        return found
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] += sample.value  # type: ignore[assignment]  # a Counter adds numbers of any kind
    return found


class Logs:
    """What the services and PostgreSQL have written since this was made."""

    def __init__(self, stack: Stack) -> None:
        self._files = [stack.place.logs / f"{name}.log" for name in (*SERVICES, "postgres")]
        self._starts = [file.stat().st_size for file in self._files]

    def since(self) -> str:
        texts = (file.read_bytes()[start:] for file, start in zip(self._files, self._starts, strict=True))
        return b"".join(texts).decode()


def dead_letters_of(story: Story) -> list[tuple[str, str]]:
    rows = story.rows("ops", "select consumer, cause from dead_letters where state = 'open'")
    return [(str(consumer), str(cause)) for consumer, cause in rows if "expected" not in str(cause)]
