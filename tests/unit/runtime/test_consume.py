"""The thread half of the consume loop: what is done, retried, buried; nothing here needs a broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

import shared.runtime.consume as consume
from shared.events import BadgeReceived, BadgeVisibilityChanged
from shared.runtime.consume import Bare, Consumer
from shared.runtime.log import logger
from shared.topics import BADGE_RECEIVED, Topic
from shared.wire import encode

NOW = datetime(2027, 4, 1, tzinfo=UTC)


class FakeDatabase:
    """Keeps what was forwarded; claims once per id."""

    service = "probe"

    def __init__(self) -> None:
        self.forwarded: list[tuple[Topic, bytes]] = []
        self.claimed: set[Any] = set()

    def now(self) -> datetime:
        return NOW

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        def execute(_: str, arguments: tuple[Any, Any]) -> Any:
            new = arguments[0] not in self.claimed
            self.claimed.add(arguments[0])
            return SimpleNamespace(fetchone=lambda: (1,) if new else None)

        yield SimpleNamespace(
            cursor=SimpleNamespace(execute=execute),
            forward=lambda topic, key, value: self.forwarded.append((topic, value)),
        )


class FakeApp:
    def topic(self, *_: Any, **__: Any) -> None: ...

    def agent(self, *_: Any, **__: Any) -> Callable[[Any], Any]:
        return lambda function: function


def message(value: bytes | None, offset: int = 0) -> Any:
    place = SimpleNamespace(topic="badge.received", partition=0, offset=offset)
    return SimpleNamespace(key=b"k", value=value, message=place)


def received(n: int) -> Any:
    return message(encode(BadgeReceived(assertion_id=f"A{n}", received_at=NOW), source="wallet", at=NOW), n)


def consumer(handler: Callable[[Sequence[Any]], None], kind: Any = BadgeReceived) -> tuple[Consumer, FakeDatabase]:
    database = FakeDatabase()
    made: Any = Consumer(FakeApp(), BADGE_RECEIVED, database, logger("probe"), lambda: None)  # type: ignore[arg-type]
    made.add(kind, handler)
    return made, database


def test_a_batch_reaches_its_handler_whole_and_in_order() -> None:
    seen: list[str] = []
    made, _ = consumer(lambda events: seen.extend(event.assertion_id for event in events))
    assert made._work([received(n) for n in range(500)]) == 500
    assert seen == [f"A{n}" for n in range(500)]


def test_one_bad_event_is_buried_with_its_cause_and_the_others_are_handled() -> None:
    seen: list[str] = []

    def handler(events: Sequence[BadgeReceived]) -> None:
        if any(event.assertion_id == "A7" for event in events):
            raise ValueError("A7 is a bug")
        seen.extend(event.assertion_id for event in events)

    made, database = consumer(handler)
    assert made._work([received(n) for n in range(20)]) == 20
    assert seen == [f"A{n}" for n in range(20) if n != 7]
    [(topic, value)] = database.forwarded
    letter = json.loads(value)
    assert topic.name == "badge.received.dead"
    assert letter["offset"] == 7
    assert letter["cause"] == "ValueError: A7 is a bug"


def test_poison_bytes_are_buried_in_place_without_trying_the_handler() -> None:
    calls: list[int] = []
    made, database = consumer(lambda events: calls.append(len(events)))
    assert made._work([received(0), message(b"\xff\xfe", 1), message(None, 2), received(3)]) == 4
    assert calls == [1, 1]
    assert [json.loads(value)["value"] for _, value in database.forwarded] == ["//4=", None]


def test_a_dead_letter_is_written_once_however_often_its_message_is_read() -> None:
    made, database = consumer(lambda events: None)
    for _ in range(3):
        assert made._work([message(b"no json", 5)]) == 1
    assert len(database.forwarded) == 1


def test_events_that_the_service_has_no_use_for_are_passed_over() -> None:
    made, database = consumer(lambda events: pytest.fail("not mine"), BadgeReceived)
    other = encode(BadgeVisibilityChanged(assertion_id="A", details_public=True, revision=1), source="wallet", at=NOW)
    assert made._work([message(other)]) == 1
    assert database.forwarded == []


def test_events_that_do_not_concern_the_service_are_passed_over_and_acknowledged_in_order() -> None:
    seen: list[str] = []
    made, database = consumer(lambda events: pytest.fail("none of them is mine"))
    made.add(BadgeReceived, lambda events: seen.extend(e.assertion_id for e in events), lambda e: e.key in ("A1", "A3"))
    assert made._work([received(n) for n in range(5)]) == 5
    assert seen == ["A1", "A3"]
    assert made._work([received(9)]) == 1
    assert (seen, database.forwarded) == (["A1", "A3"], [])


def test_a_database_that_is_away_is_waited_for_and_buries_nothing() -> None:
    calls = 0

    def handler(events: Sequence[BadgeReceived]) -> None:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise psycopg.OperationalError("connection refused")

    made, database = consumer(handler)
    assert made._work([received(0)]) == 1
    assert (calls, database.forwarded) == (4, [])


def test_told_to_stop_while_the_database_is_away_nothing_is_acknowledged() -> None:
    def handler(events: Sequence[BadgeReceived]) -> None:
        raise psycopg.OperationalError("connection refused")

    made, database = consumer(handler)
    threading.Timer(0.2, made._cut.set).start()
    assert made._work([received(n) for n in range(5)]) == 0
    assert database.forwarded == []


def test_a_bug_that_fails_every_message_stops_the_topic_instead_of_burying_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consume, "_BREAKER", 5)
    monkeypatch.setattr(consume, "_BREAKER_SECONDS", 0.01)
    broken = True

    def handler(events: Sequence[BadgeReceived]) -> None:
        if broken:
            raise RuntimeError("a bug of this release")

    made, database = consumer(handler)
    done: list[int] = []
    working = threading.Thread(target=lambda: done.append(made._work([received(n) for n in range(20)])))
    working.start()
    working.join(0.5)
    assert working.is_alive()
    assert len(database.forwarded) == 5
    broken = False
    working.join(5)
    assert done == [20]
    assert len(database.forwarded) == 5


def test_a_bare_topic_hands_on_the_bytes_as_they_came() -> None:
    seen: list[Any] = []
    made, _ = consumer(lambda events: seen.extend(events), Bare)
    assert made._work([message(b'{"a": 1}'), message(b"not json either")]) == 2
    assert [event.value for event in seen] == [b'{"a": 1}', b"not json either"]
    assert seen[0].id != seen[1].id


def test_an_event_that_is_not_wanted_reaches_the_handler_or_stops_the_others() -> None:
    seen: list[str] = []

    def handle(events: Sequence[Any]) -> None:
        if any(event.assertion_id == "A3" for event in events):
            raise ValueError("A3 can't be handled")
        seen.extend(event.assertion_id for event in events)

    made, database = consumer(lambda events: None)
    made.add(BadgeReceived, handle, lambda event: event.assertion_id in ("A1", "A3", "A8"))
    assert made._work([received(n) for n in range(10)]) == 10
    assert seen == ["A1", "A8"]
    assert len(database.forwarded) == 1
