"""The database answers but refuses to work, as while it fails over or is full: everything waits and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from deploy.local.environment import DATABASE, database_url
from deploy.local.stack import Stack
from shared.topics import SERVICES
from tests.worlds.story import Story

pytestmark = pytest.mark.xdist_group("harm")

SECONDS = 25.0
REFUSALS = {
    "a standby that takes no writes": "alter role {} set default_transaction_read_only = on",
    "statement timeout": "alter role {} set statement_timeout = '1ms'",
    "too many connections": "alter role {} connection limit 0",
    "no privilege": "alter role {} set search_path = nowhere",
}
USUAL = (
    "alter role {} reset default_transaction_read_only",
    "alter role {} reset statement_timeout",
    "alter role {} connection limit -1",
    "alter role {0} set search_path = {0}",
)


@contextmanager
def refusing(stack: Stack, refusal: str) -> Iterator[None]:
    """Every service's connections are cut, and new ones meet the refusal, until the end of the block."""
    with psycopg.connect(database_url(stack.place, "postgres"), autocommit=True) as server:

        def alter(*statements: str) -> None:
            for service in SERVICES:
                for statement in statements:
                    server.execute(sql.SQL(statement).format(sql.Identifier(service)))
            server.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = any(%s)",
                (DATABASE, list(SERVICES)),
            )

        alter(REFUSALS[refusal])
        try:
            yield
        finally:
            alter(*USUAL)


@pytest.mark.parametrize("refusal", list(REFUSALS))
def test_a_database_that_refuses_for_a_while_costs_time_and_nothing_else(stack: Stack, refusal: str) -> None:
    story = Story(stack, f"REFUSE{list(REFUSALS).index(refusal)}", 50)
    story.feed()
    story.play()
    story.wait("notified", "received", "anchored", "rendered", "completed", at_least=5)
    with refusing(stack, refusal):
        time.sleep(SECONDS)
    story.completes()
    assert dead_letters_of(story) == []


def dead_letters_of(story: Story) -> list[tuple[str, str]]:
    rows = story.rows("ops", "select consumer, cause from dead_letters where state = 'open'")
    return [(str(consumer), str(cause)) for consumer, cause in rows if "psycopg" in cause or "Read" in cause]
