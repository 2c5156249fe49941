"""What is handled, tried again, dead-lettered of a batch; nothing here needs a broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from shared.events import BadgeReceived, BadgeVisibilityChanged
from shared.runtime import batches
from shared.runtime.batches import Batches, RawMessage
from shared.runtime.dead_letters import Record
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
        yield self

    def claim_id(self, id: Any) -> bool:
        new = id not in self.claimed
        self.claimed.add(id)
        return new

    def forward(self, topic: Topic, key: bytes, value: bytes) -> None:
        self.forwarded.append((topic, value))


def message(value: bytes | None, offset: int = 0) -> Record:
    return Record(topic="badge.received", partition=0, offset=offset, key=b"k", value=value)


def received(n: int) -> Record:
    return message(encode(BadgeReceived(assertion_id=f"A{n}", received_at=NOW), source="wallet", at=NOW), n)


def batches_of(handler: Callable[[Sequence[Any]], None], kind: Any = BadgeReceived) -> tuple[Batches, FakeDatabase]:
    database = FakeDatabase()
    made = Batches(BADGE_RECEIVED, database, logger("probe"))  # type: ignore[arg-type]
    made.add(kind, handler)
    return made, database


def test_a_batch_reaches_its_handler_whole_and_in_order() -> None:
    seen: list[str] = []
    made, _ = batches_of(lambda events: seen.extend(event.assertion_id for event in events))
    assert made.handle([received(n) for n in range(500)]) == 500
    assert seen == [f"A{n}" for n in range(500)]


def test_one_bad_event_is_dead_lettered_with_its_cause_and_the_others_are_handled() -> None:
    seen: list[str] = []

    def handler(events: Sequence[BadgeReceived]) -> None:
        if any(event.assertion_id == "A7" for event in events):
            raise ValueError("A7 is a bug")
        seen.extend(event.assertion_id for event in events)

    made, database = batches_of(handler)
    assert made.handle([received(n) for n in range(20)]) == 20
    assert seen == [f"A{n}" for n in range(20) if n != 7]
    [(topic, value)] = database.forwarded
    letter = json.loads(value)
    assert topic.name == "badge.received.dead"
    assert letter["offset"] == 7
    assert letter["cause"] == "ValueError: A7 is a bug"


def test_unreadable_bytes_are_dead_lettered_in_order_without_calling_the_handler() -> None:
    calls: list[int] = []
    made, database = batches_of(lambda events: calls.append(len(events)))
    assert made.handle([received(0), message(b"\xff\xfe", 1), message(None, 2), received(3)]) == 4
    assert calls == [1, 1]
    assert [json.loads(value)["value"] for _, value in database.forwarded] == ["//4=", None]


def test_a_dead_letter_is_written_once_however_often_its_message_is_read() -> None:
    made, database = batches_of(lambda events: None)
    for _ in range(3):
        assert made.handle([message(b"no json", 5)]) == 1
    assert len(database.forwarded) == 1


def test_events_without_a_handler_are_ignored() -> None:
    made, database = batches_of(lambda events: pytest.fail("not mine"), BadgeReceived)
    other = encode(BadgeVisibilityChanged(assertion_id="A", details_public=True, revision=1), source="wallet", at=NOW)
    assert made.handle([message(other)]) == 1
    assert database.forwarded == []


def test_events_that_fail_the_predicate_are_ignored_and_done_with_in_order() -> None:
    seen: list[str] = []
    made, database = batches_of(lambda events: pytest.fail("none of them is mine"))
    made.add(BadgeReceived, lambda events: seen.extend(e.assertion_id for e in events), lambda e: e.key in ("A1", "A3"))
    assert made.handle([received(n) for n in range(5)]) == 5
    assert seen == ["A1", "A3"]
    assert made.handle([received(9)]) == 1
    assert (seen, database.forwarded) == (["A1", "A3"], [])


def test_an_unavailable_database_is_waited_for_and_nothing_is_dead_lettered() -> None:
    calls = 0

    def handler(events: Sequence[BadgeReceived]) -> None:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise psycopg.OperationalError("connection refused")

    made, database = batches_of(handler)
    assert made.handle([received(0)]) == 1
    assert (calls, database.forwarded) == (4, [])


def test_interrupted_while_the_database_is_unavailable_nothing_is_done_with() -> None:
    def handler(events: Sequence[BadgeReceived]) -> None:
        raise psycopg.OperationalError("connection refused")

    made, database = batches_of(handler)
    threading.Timer(0.2, made.interrupt).start()
    assert made.handle([received(n) for n in range(5)]) == 0
    assert database.forwarded == []


def test_fifty_failures_in_a_row_stop_the_topic_until_the_handler_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "_BREAKER_FAILURES", 5)
    monkeypatch.setattr(batches, "_BREAKER_SECONDS", 0.01)
    broken = True

    def handler(events: Sequence[BadgeReceived]) -> None:
        if broken:
            raise RuntimeError("a bug of this release")

    made, database = batches_of(handler)
    done: list[int] = []
    working = threading.Thread(target=lambda: done.append(made.handle([received(n) for n in range(20)])))
    working.start()
    working.join(0.5)
    assert working.is_alive()
    assert len(database.forwarded) == 5
    broken = False
    working.join(5)
    assert done == [20]
    assert len(database.forwarded) == 5


def test_a_raw_topic_hands_on_the_bytes_as_they_came() -> None:
    seen: list[Any] = []
    made, _ = batches_of(lambda events: seen.extend(events), RawMessage)
    assert made.handle([message(b'{"a": 1}'), message(b"not json either")]) == 2
    assert [event.value for event in seen] == [b'{"a": 1}', b"not json either"]
    assert seen[0].id != seen[1].id


def test_one_failing_event_among_filtered_ones_leaves_the_others_handled() -> None:
    seen: list[str] = []

    def handle(events: Sequence[Any]) -> None:
        if any(event.assertion_id == "A3" for event in events):
            raise ValueError("A3 can't be handled")
        seen.extend(event.assertion_id for event in events)

    made, database = batches_of(lambda events: None)
    made.add(BadgeReceived, handle, lambda event: event.assertion_id in ("A1", "A3", "A8"))
    assert made.handle([received(n) for n in range(10)]) == 10
    assert seen == ["A1", "A8"]
    assert len(database.forwarded) == 1
