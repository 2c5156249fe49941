"""Types that are noted share a transaction; nothing here needs a broker or a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events import BadgeReceived, BadgeVisibilityChanged, Event, LetterUpdated
from shared.runtime.batches import Batches
from shared.runtime.dead_letters import Record
from shared.runtime.log import logger
from shared.topics import BADGE_RECEIVED
from shared.wire import encode

NOW = datetime(2027, 4, 1, tzinfo=UTC)


class Rows:
    """A database with a list for a table: what a transaction wrote, only if it came to its end."""

    service = "probe"

    def __init__(self) -> None:
        self.committed: list[str] = []
        self.transactions = 0
        self.claimed: set[Any] = set()
        self.positions: dict[tuple[str, int], int] = {}

    def now(self) -> datetime:
        return NOW

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.written: list[str] = []
        self.new: set[Any] = set()
        yield self
        self.committed += self.written
        self.claimed |= self.new
        self.transactions += 1

    @contextmanager
    def reading_to(self, positions: Any) -> Iterator[None]:
        yield
        self.positions.update(positions)

    def claim(self, events: Sequence[Event]) -> list[Event]:
        found = {event.id: event for event in events if event.id not in self.claimed}
        self.new |= set(found)
        return list(found.values())

    def claim_id(self, id: Any) -> bool:
        return id not in self.claimed

    def forward(self, topic: Any, key: Any, value: Any) -> None:
        self.written.append(f"dead {topic.name}")


def received(rows: Rows, events: Sequence[Event]) -> None:
    if any(event.key == "bad" for event in events):
        raise ValueError("a bug")
    rows.written.append("received " + " ".join(event.key for event in events))


def shown(rows: Rows, events: Sequence[Event]) -> None:
    rows.written.append("shown " + " ".join(event.key for event in events))


def records(*events: Event) -> list[Record]:
    return [
        Record(
            topic="badge.received", partition=0, offset=offset, key=b"k", value=encode(each, source="wallet", at=NOW)
        )
        for offset, each in enumerate(events)
    ]


def got(id: str) -> BadgeReceived:
    return BadgeReceived(assertion_id=id, received_at=NOW)


def seen(id: str) -> BadgeVisibilityChanged:
    return BadgeVisibilityChanged(assertion_id=id, details_public=True, revision=1)


def letter(id: str) -> LetterUpdated:
    return LetterUpdated(assertion_id=id, letter="award", message_id="<m@x>", state="sent", attempt=1, at=NOW)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def noted(rows: Rows) -> Batches:
    made = Batches(BADGE_RECEIVED, rows, logger("probe"))  # type: ignore[arg-type]
    made.note(BadgeReceived, received)
    made.note(BadgeVisibilityChanged, shown)
    return made


@pytest.mark.parametrize(
    ("events", "written"),
    [
        ([got("A"), seen("A"), got("B")], ["received A", "shown A", "received B"]),
        ([got("A"), got("B"), seen("B"), seen("A")], ["received A B", "shown B A"]),
        ([seen("A"), got("A"), seen("A"), got("A")], ["shown A", "received A"]),  # each fact once
        ([got("A"), letter("A"), got("B")], ["received A B"]),  # of no interest: no line between
    ],
)
def test_a_batch_of_noted_types_is_one_transaction_in_order(
    rows: Rows, noted: Batches, events: list[Event], written: list[str]
) -> None:
    assert noted.handle(records(*events)) == len(events)
    assert (rows.committed, rows.transactions) == (written, 1)
    assert rows.positions == {("badge.received", 0): len(events)}


def test_types_with_one_way_of_writing_are_written_by_one_call(rows: Rows) -> None:
    made = Batches(BADGE_RECEIVED, rows, logger("probe"))  # type: ignore[arg-type]
    made.note(BadgeReceived, received)
    made.note(BadgeVisibilityChanged, received)
    assert made.handle(records(got("A"), seen("A"), got("B"), seen("B"))) == 4
    assert rows.committed == ["received A A B B"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_event_among_other_types_costs_itself_only(rows: Rows, noted: Batches, place: int) -> None:
    events: list[Event] = [seen("A"), seen("B")]
    events.insert(place, got("bad"))
    assert noted.handle(records(*events)) == 3
    noted_badges = [word for line in rows.committed for word in line.split() if word in ("A", "B", "bad")]
    assert (noted_badges, rows.committed.count("dead badge.received.dead")) == (["A", "B"], 1)
    assert rows.positions == {("badge.received", 0): 3}


def test_a_handler_of_its_own_keeps_its_own_transaction(rows: Rows, noted: Batches) -> None:
    handled: list[str] = []
    noted.add(LetterUpdated, lambda events: handled.extend(event.key for event in events))
    assert noted.handle(records(got("A"), letter("L"), seen("A"))) == 3
    assert (rows.committed, rows.transactions, handled) == (["received A", "shown A"], 2, ["L"])
