"""Each service, Kafka and the chain down, one after the other: the board answers, and says which, since when, and what
waits for it. People go on where they waited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import pytest

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.run import feed
from deploy.local.office import signed_in
from deploy.local.stack import Stack
from services.ops.board.wording import SERVICES, STAGES
from shared.clock import JST
from tests.worlds.story import Story, until

SIZE = 3
A_SECOND = timedelta(seconds=1)  # the page leaves out what is less


@pytest.fixture
def board(stack: Stack) -> Iterator[httpx.Client]:
    browser = signed_in(stack.place)
    yield browser
    browser.close()


def away(board: httpx.Client) -> dict[str, str]:
    """What the board says is away, each with since when and what waits, as the page has it."""
    page = board.get("/").raise_for_status().text
    section = page.split('data-part="outages"')[1].split("</section>")[0]
    return dict(re.findall(r"<strong>(.*?)</strong><small>(.*?)</small>", section, re.DOTALL))


@contextmanager
def down(stack: Stack, board: httpx.Client, part: str, name: str, *waits: str) -> Iterator[None]:
    """`part` is stopped until the board says so of `name`, with a time not before the stop, and with each of `waits`.

    What is done meanwhile is what comes to wait. Afterwards the board no longer names it.
    """
    until(lambda: name not in away(board), seconds=60, what=f"the board does not name {name} yet", pause=0.5)
    stopped = datetime.now(JST)
    stack.halt(part)
    try:
        yield

        def says() -> bool:
            text = away(board).get(name, "")
            return "から。" in text and all(re.search(each, text) for each in waits)

        try:
            until(says, seconds=60, what=f"the board says that {name} is away, and {waits}", pause=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {away(board)}") from error
        since = datetime.fromisoformat(away(board)[name].split('<time datetime="')[1].split('"')[0])
        assert stopped - A_SECOND <= since <= datetime.now(JST)
    finally:  # the next story finds it running
        stack.resume(part)
    until(lambda: name not in away(board), seconds=60, what=f"the board no longer names {name}", pause=0.5)


def people_for(stage: str) -> str:
    return rf"「{STAGES[stage].ja}」を待つ人 [1-9]\d*人"


def test_each_service_kafka_and_the_chain_down_is_on_the_board_with_since_when_and_what_waits(
    stack: Stack, board: httpx.Client
) -> None:
    story = Story(stack, "BOARDTELLS", SIZE)
    with down(stack, board, "issuer", SERVICES["issuer"].ja, people_for("issued")):
        story.feed()
    with down(stack, board, "mailer", SERVICES["mailer"].ja):
        story.wait("issued", "notified", at_least=SIZE)
    with down(stack, board, "wallet", SERVICES["wallet"].ja, people_for("received")):
        story.wait("notified", at_least=SIZE)
    with down(stack, board, "anchor", SERVICES["anchor"].ja, people_for("anchored"), r"読むメッセージ [1-9]\d*件"):
        story.play()
    with down(stack, board, "renderer", SERVICES["renderer"].ja):
        story.wait("anchored", at_least=1)
    story.completes()
    for service in ("registration", "verifier"):
        with down(stack, board, service, SERVICES[service].ja):
            pass


def test_a_chain_that_is_down_is_on_the_board_with_the_badges_that_wait(stack: Stack, board: httpx.Client) -> None:
    story = Story(stack, "BOARDCHAIN", SIZE)
    with down(stack, board, "chain", "チェーン local", r"確定を待つ取引|束を待つバッジ"):
        story.feed()
        story.play()
        story.wait("received", at_least=SIZE)
    story.completes()


def test_kafka_that_is_down_is_on_the_board_with_the_events_that_wait(stack: Stack, board: httpx.Client) -> None:
    person = list(crowd(1, cohort=stack.cohort, prefix="BOARDKAFKA"))
    with down(stack, board, "kafka", "Kafka", r"送信を待つ知らせ [1-9]\d*件"):
        feed(stack, ndjson(iter(person)))
