"""What is handled, tried again, dead-lettered of a batch; nothing here needs a broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import psycopg
import pytest

from shared.events import BadgeReceived, BadgeVisibilityChanged, LetterUpdated
from shared.runtime import batches
from shared.runtime.batches import Batches, RawMessage
from shared.runtime.db import Positions
from shared.runtime.dead_letters import MAX_VALUE_BYTES, DeadLetter, Record
from shared.runtime.log import logger
from shared.topics import BADGE_RECEIVED, Topic
from shared.wire import decode, encode

NOW = datetime(2027, 4, 1, tzinfo=UTC)


class FakeDatabase:
    """Keeps what was forwarded; claims once per id."""

    service = "probe"

    def __init__(self) -> None:
        self.forwarded: list[tuple[Topic, bytes]] = []
        self.claimed: set[Any] = set()
        self.positions: dict[tuple[str, int], int] = {}
        self.unread: list[Record] = []
        self.cursor = self

    def execute(self, query: str, parameters: Sequence[Any]) -> None:
        """Nothing lies at the place of what is kept."""

    def now(self) -> datetime:
        return NOW

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        yield self

    @contextmanager
    def reading_to(self, positions: Positions) -> Iterator[None]:
        yield
        self.positions.update(positions)

    def insert_rows(self, table: str, rows: Sequence[Any]) -> None:
        assert table == "unread"
        self.unread.extend(Record(**{name: row[name] for name in Record.__struct_fields__}) for row in rows)

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


@pytest.mark.parametrize("later", [b"no json either", None])
def test_another_message_at_the_same_place_of_a_topic_that_was_created_again_is_another_dead_letter(
    later: bytes | None,
) -> None:
    made, database = batches_of(lambda events: None)
    assert made.handle([message(b"no json", 5)]) == 1
    assert made.handle([message(later, 5)]) == 1
    assert len(database.forwarded) == 2


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


PLACE = ("badge.received", 0)


def test_the_place_is_kept_with_each_handled_part_of_a_batch() -> None:
    places: list[Any] = []
    made, database = batches_of(lambda events: places.append(database.positions.get(PLACE)))
    assert made.handle([received(0), message(b"no json", 1), received(2)]) == 3
    assert places == [None, 2]
    assert database.positions == {PLACE: 3}


def test_the_place_behind_events_of_no_interest_is_kept_at_the_end_of_the_batch() -> None:
    made, database = batches_of(lambda events: None)
    made.add(BadgeReceived, lambda events: None, lambda event: event.assertion_id == "A1")
    assert made.handle([received(n) for n in range(5)]) == 5
    assert database.positions == {PLACE: 5}


def test_each_partition_has_a_place_of_its_own() -> None:
    made, database = batches_of(lambda events: None)
    other = Record(**{**msgspec.structs.asdict(received(8)), "partition": 3})
    made.handle([received(4), other])
    assert database.positions == {PLACE: 5, ("badge.received", 3): 9}


@pytest.mark.parametrize(
    "error",
    [
        psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        psycopg.errors.TooManyConnections("sorry, too many clients already"),
        psycopg.errors.DiskFull("could not extend file"),
        psycopg.errors.DeadlockDetected("deadlock detected"),
        psycopg.errors.QueryCanceled("canceling statement due to statement timeout"),
        psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
        psycopg.errors.InsufficientPrivilege("permission denied for table badges"),
        psycopg.errors.UndefinedTable('relation "badges" does not exist'),
        psycopg.InterfaceError("the connection is closed"),
        psycopg.InternalError("unexpected"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_of_the_database_but_one_of_the_row_is_waited_for(error: psycopg.Error) -> None:
    calls = 0

    def handler(events: Sequence[BadgeReceived]) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise error

    made, database = batches_of(handler)
    assert made.handle([received(n) for n in range(5)]) == 5
    assert (calls, database.forwarded, database.positions) == (3, [], {PLACE: 5})


@pytest.mark.parametrize(
    "error",
    [
        psycopg.DataError("PostgreSQL text fields cannot contain NUL"),
        psycopg.errors.UniqueViolation("duplicate key"),
        psycopg.errors.ProgramLimitExceeded("index row size 4000 exceeds maximum 2704"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_one_row_costs_that_row(error: psycopg.Error) -> None:
    def handler(events: Sequence[BadgeReceived]) -> None:
        if any(event.assertion_id == "A2" for event in events):
            raise error

    made, database = batches_of(handler)
    assert made.handle([received(n) for n in range(5)]) == 5
    assert [json.loads(value)["offset"] for _, value in database.forwarded] == [2]


def test_a_dead_letter_that_cannot_be_written_ends_the_work_and_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    made, database = batches_of(lambda events: None)

    def refuse(*_: Any) -> None:
        raise ValueError("a bug in the dead letter itself")

    monkeypatch.setattr(database, "forward", refuse)
    with pytest.raises(ValueError, match="a bug"):
        made.handle([received(0), message(b"no json", 1), received(2)])
    assert database.positions == {PLACE: 1}


def test_of_a_huge_message_the_dead_letter_keeps_the_front_its_size_and_its_hash() -> None:
    huge = bytes(range(256)) * 4000
    made, database = batches_of(lambda events: None)
    assert made.handle([message(huge, 5)]) == 1
    [(_, value)] = database.forwarded
    letter = msgspec.json.decode(value, type=DeadLetter)
    assert len(value) < 900_000
    assert (letter.value, letter.size) == (huge[:MAX_VALUE_BYTES], len(huge))
    assert letter.sha256 == sha256(huge).hexdigest()


@pytest.mark.parametrize("value", [b"[" * 100_000, b'{"data":' * 50_000], ids=["arrays", "objects"])
def test_deeply_nested_json_is_a_dead_letter(value: bytes) -> None:
    made, database = batches_of(lambda events: None)
    assert made.handle([message(value), received(1)]) == 2
    assert len(database.forwarded) == 1


def test_an_event_type_of_a_later_release_is_kept_and_read_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = received(3)
    unknown = message((known.value or b"").replace(b"akashi.BadgeReceived", b"akashi.BadgeAdmired"), 3)
    seen: list[str] = []
    made, database = batches_of(lambda events: seen.extend(event.assertion_id for event in events))
    assert made.handle([unknown, received(4)]) == 2
    assert (seen, database.forwarded, database.positions) == (["A4"], [], {PLACE: 5})
    assert database.unread == [unknown]

    monkeypatch.setattr(batches, "unread_of", lambda *_: database.unread)
    monkeypatch.setattr(batches, "forget_unread", lambda records, _: database.unread.clear())
    assert made.read_again() == 0  # still this release
    monkeypatch.setattr(batches, "decode", lambda value: decode(value.replace(b"BadgeAdmired", b"BadgeReceived")))
    database.positions[PLACE] = 2  # the topic was created again meanwhile: nobody has read to the former places now
    assert made.read_again() == 1
    assert (seen, database.unread, database.positions) == (["A4", "A3"], [], {PLACE: 2})


def test_a_word_that_a_closed_list_lacks_is_kept_for_the_next_release() -> None:
    event = LetterUpdated(
        assertion_id="A", letter="award", message_id="M", state="sent", attempt=1, at=NOW, answer="250 ok"
    )
    value = encode(event, source="mailer", at=NOW).replace(b'"state":"sent"', b'"state":"read"')
    made, database = batches_of(lambda events: None)
    assert made.handle([message(value)]) == 1
    assert (len(database.unread), database.forwarded) == (1, [])
