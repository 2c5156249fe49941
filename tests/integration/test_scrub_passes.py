"""Passes over object storage on a real PostgreSQL: which one waits for which, and what is told on the way.

Tests shared/runtime/scrub_record.py and scrub.py; what each service compares is in test_<service>_scrub.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count as numbers
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.office_events import ObjectsScrubbed, ScrubCount
from shared.runtime import scrub_record
from shared.runtime.db import Database, Transaction
from shared.runtime.metrics import SCRUB_FAULTS
from shared.runtime.migrate import migrate
from shared.runtime.scrub import Expected
from shared.runtime.scrub_record import begin_if_due, note_finished, note_ordered, report_faults
from shared.wire import decode
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import Databases
from tests.worlds.scrub_passes import NOW, finish, order, ordered, outcomes, reports, scrubber

MIGRATION = """
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade(): pass
def downgrade(): pass
"""


@dataclass(frozen=True)
class Numbers:
    """Objects `n/00000` … whose bytes are their own keys."""

    count: int
    kind: str = "numbers"
    folder: str | None = "n/"

    def page(self, tx: Any, after: str, limit: int) -> Sequence[Expected]:
        first = int(after) + 1 if after else 0
        return [self._expected(number) for number in range(first, min(first + limit, self.count))]

    def _expected(self, number: int) -> Expected:
        key = f"n/{number:05}"
        return Expected(str(number), key, "text/plain", key.encode().__eq__, lambda stored: key.encode())

    def prepare(self, expected: Expected) -> None: ...

    def lock(self, tx: Any, expected: Expected) -> Expected | None:
        return expected

    def unknown(self, tx: Any, keys: Sequence[str]) -> Sequence[str]:
        return [key for key in keys if int(key[2:]) >= self.count]

    def adopt(self, tx: Any, key: str, stored: bytes) -> bool:
        return False


@pytest.fixture
def anchor(databases: Databases, tmp_path: Path) -> Iterator[Database[Transaction]]:
    (tmp_path / "0001_nothing.py").write_text(MIGRATION)
    url = databases.fresh()
    migrate(url, "anchor", tmp_path)
    database = Database(url, "anchor", Transaction, lambda: NOW)
    yield database
    database.close()


def run(database: Database[Transaction], objects: MemoryObjects, count: int = 3) -> None:
    finish(scrubber(database, objects, [Numbers(count)]))


def hear(database: Database[Transaction], scrub_id: str, **changes: Any) -> None:
    """Anchor reads what a service told: the issuer, at the end of a pass that repaired one object."""
    told: dict[str, Any] = {
        "subject": "all",
        "service": "issuer",
        "repair": True,
        "counts": (ScrubCount(kind="credentials", checked=9, missing=1, repaired=1),),
        "finished": True,
        **changes,
    }
    event = ObjectsScrubbed(scrub_id=scrub_id, named=(), started_at=NOW, at=NOW, **told)
    with database.transaction() as tx:
        note_finished(tx, tx.claim([event]), "issuer")


def test_an_order_to_all_waits_until_the_service_before_has_finished(anchor: Database[Transaction]) -> None:
    order(anchor, "D", before="issuer")
    run(anchor, MemoryObjects())
    assert reports(anchor) == []
    hear(anchor, "D", finished=False)
    hear(anchor, "D", service="renderer")
    hear(anchor, "another")
    run(anchor, MemoryObjects())
    assert [report.scrub_id for report in reports(anchor)] == ["anchor/after/another"]
    hear(anchor, "D")
    run(anchor, MemoryObjects())
    assert [report.scrub_id for report in reports(anchor)][1:] == ["D"]
    assert outcomes(anchor) == ["done"]


@pytest.mark.parametrize(("waited", "passes"), [(-1, 1), (0, 0), (5.9, 0), (6, 1)])
def test_an_order_whose_turn_is_never_told_is_carried_out_after_six_hours(
    anchor: Database[Transaction], waited: float, passes: int
) -> None:
    order(anchor, "D", before="issuer")
    with anchor.transaction() as tx:
        tx.cursor.execute("update scrubs set started_at = %s", (NOW - timedelta(hours=waited),))
    run(anchor, MemoryObjects())
    assert len(reports(anchor)) == passes


@pytest.mark.parametrize(("subject", "passes"), [("anchor", 1), ("renderer", 0)])
def test_an_order_to_one_service_is_carried_out_by_it_at_once(
    anchor: Database[Transaction], subject: str, passes: int
) -> None:
    with anchor.transaction() as tx:
        note_ordered(tx, [ordered("D", subject)], "issuer")
    run(anchor, MemoryObjects())
    assert len(reports(anchor)) == passes


@pytest.mark.parametrize(
    "changes",
    [{"repair": False}, {"counts": (ScrubCount(kind="credentials", checked=9),)}, {"service": "renderer"}],
    ids=["only looked", "repaired nothing", "of a later service"],
)
def test_no_pass_follows_one_that_changed_nothing_for_us(
    anchor: Database[Transaction], changes: dict[str, Any]
) -> None:
    hear(anchor, "issuer/1", **changes)
    run(anchor, MemoryObjects())
    assert reports(anchor) == []


def test_who_waits_is_told_how_far_it_is(anchor: Database[Transaction], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_record, "_TOLD_EVERY", 200)  # instead of 2000: each object costs five transactions
    order(anchor, "D")
    run(anchor, MemoryObjects(), 430)
    with anchor.transaction() as tx:
        rows = tx.cursor.execute("select value from outbox order by id").fetchall()
    told = [event for (value,) in rows if isinstance(event := decode(bytes(value)), ObjectsScrubbed)]
    assert [(event.finished, event.counts[0].checked) for event in told] == [(False, 200), (False, 400), (True, 430)]
    [count], named = told[-1].counts, told[-1].named
    assert (count.missing, count.repaired) == (430, 430)
    assert len(named) == 20


def test_an_order_that_was_settled_is_not_carried_out_when_the_inbox_has_forgotten_it(
    anchor: Database[Transaction],
) -> None:
    order(anchor, "D")
    run(anchor, MemoryObjects())
    with anchor.transaction() as tx:
        tx.cursor.execute("delete from inbox")
        tx.cursor.execute("delete from scrubs")
    order(anchor, "D")
    run(anchor, MemoryObjects())
    assert len(reports(anchor)) == 1


def test_a_pass_that_began_ahead_of_time_is_followed_by_one_pass(anchor: Database[Transaction]) -> None:
    """The clock was forty days ahead, and was put right."""
    objects = MemoryObjects()
    anchor.now = lambda: NOW + timedelta(days=40)
    finish(scrubber(anchor, objects, [Numbers(3)], hours=24))
    moments = numbers(1)
    anchor.now = lambda: NOW + timedelta(seconds=next(moments))
    scrub = scrubber(anchor, objects, [Numbers(3)], hours=24)
    for _ in range(10):
        scrub.step()
        scrub._rests_until = 0.0
    assert [report.started_at > NOW + timedelta(days=1) for report in reports(anchor)] == [True, False]
    with anchor.transaction() as tx:
        assert tx.fetch_value("select count(*) from scrubs") == 1


def test_two_replicas_begin_one_pass(anchor: Database[Transaction]) -> None:
    other = Database(anchor.url, "anchor", Transaction, lambda: NOW + timedelta(seconds=1))
    try:
        with ThreadPoolExecutor(1) as pool:
            with anchor.transaction() as tx:
                begin_if_due(tx, 24)
                second = pool.submit(scrubber(other, MemoryObjects(), [Numbers(3)], hours=24).step)
                await_lock(anchor)
            second.result(20)
    finally:
        other.close()
    with anchor.transaction() as tx:
        assert tx.fetch_value("select count(*) from scrubs") == 1


def await_lock(database: Database[Transaction]) -> None:
    """Until another transaction waits for one of ours, or is done without."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        for _ in range(100):
            waits = connection.execute("select exists (select from pg_locks where not granted)").fetchone()
            if waits and waits[0]:
                return
            time.sleep(0.05)


@dataclass(frozen=True)
class Confused(Numbers):
    """What begins with "bad" it can't even compare, and can't adopt."""

    def _expected(self, number: int) -> Expected:
        usual = super()._expected(number)

        def is_intact(stored: bytes) -> bool:
            if stored.startswith(b"bad"):
                raise RecursionError("nested too deeply")
            return usual.is_intact(stored)

        return replace(usual, is_intact=is_intact)

    def adopt(self, tx: Any, key: str, stored: bytes) -> bool:
        tx.cursor.execute("select 1 / 0")
        return True


@pytest.mark.parametrize("bad", [(0,), (1, 3), (0, 1, 2, 3, 4)])
def test_an_object_that_can_not_be_compared_costs_itself_and_the_pass_ends(
    bad: tuple[int, ...], anchor: Database[Transaction]
) -> None:
    objects = MemoryObjects()
    for number in range(6):  # the last is in no table
        key = f"n/{number:05}"
        objects.kept[key] = b"bad" if number in bad else key.encode()
    order(anchor, "D")
    finish(scrubber(anchor, objects, [Confused(5)]))
    [report] = reports(anchor)
    [count] = report.counts
    assert (count.checked, count.different, count.repaired, count.only_stored) == (5, len(bad), len(bad), 1)
    assert all(objects.kept[f"n/{number:05}"] == f"n/{number:05}".encode() for number in range(6))
    assert {(fault.key, fault.outcome) for fault in report.named if fault.found == "only-stored"} == {
        ("n/00005", "failed")
    }


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_every_replica_shows_what_the_last_pass_left_whichever_did_it(anchor: Database[Transaction], lost: int) -> None:
    kept = {f"n/{number:05}": f"n/{number:05}".encode() for number in range(lost, 3)}
    objects = MemoryObjects(kept)

    def shown_by_another(before: int) -> float:
        SCRUB_FAULTS.labels("numbers").set(before)  # as in a process that did not do the pass
        assert report_faults(anchor) == 0
        return float(SCRUB_FAULTS.labels("numbers")._value.get())

    order(anchor, "look", repair=False)
    run(anchor, objects)
    assert shown_by_another(0) == lost
    order(anchor, "repair", repair=True)
    run(anchor, objects)
    assert shown_by_another(lost) == 0
