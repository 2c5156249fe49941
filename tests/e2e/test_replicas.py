"""Three processes of every service: each takes its share, one is killed and one added in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds.story import LATER, Story

SIZE = 60
CONNECTIONS = 4  # of the mailer to its relay: SMTP_CONNECTIONS


@pytest.fixture(scope="module")
def stack(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    with Stack(new_home("replicas"), free_base(), replicas=3) as running:
        yield running


def handled(stack: Stack, name: str) -> int:
    """How many messages a process has handled, by its log."""
    return (stack.home / "log" / f"{name}.log").read_text(encoding="utf-8").count('"action": "handled"')


def test_three_of_every_service_share_the_work_and_one_that_dies_or_joins_loses_and_doubles_nothing(
    stack: Stack,
) -> None:
    story = Story(stack, "THREE", SIZE)
    story.feed()
    story.play()
    story.wait(*LATER[LATER.index("issued") :], at_least=5)
    killed = {service: stack.kill(f"{service}-2") for service in SERVICES}
    added = [stack.start_extra(service) for service in ("issuer", "anchor")]
    story.completes()
    assert all(stack.pid(f"{service}-2") != pid for service, pid in killed.items()), "one was not started again"
    assert added == ["issuer-4", "anchor-4"]

    shares = {name: handled(stack, name) for name in stack.processes}
    assert len(shares) == 24
    # The one that was killed may be back, and another have its partitions, only after the last message of a topic.
    for service in SERVICES:
        at_work = [name for name, share in shares.items() if share and stack.processes[name] == service]
        assert len(at_work) >= 2, shares

    indices = story.rows(
        "issuer",
        "select status_list, status_index from assertions where registration_id like %s",
        f"{story.prefix}-%",
    )
    assert set(Counter(indices).values()) == {1} and len(indices) == SIZE
    nonces = [nonce for (nonce,) in story.rows("anchor", "select nonce from transactions order by nonce")]
    assert nonces == list(range(nonces[0], nonces[0] + len(nonces))), "a nonce is missing, or was used twice"
    assert story.letters_doubled() <= CONNECTIONS, "more than were on their way when the mailer was killed"
    assert story.rows("ops", "select count(*) from dead_letters") == [(0,)]
    for service in SERVICES:
        assert story.rows(service, "select count(*) from gaps") == [(0,)]
        assert story.rows(service, "select restore_id from restore_notices") == []
