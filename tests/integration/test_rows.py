"""Rows as a service's store writes and reads them (`shared/runtime/db.py`), on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from shared.errors import TryLater
from shared.runtime.db import Database, Transaction, replace
from shared.runtime.migrate import migrate
from shared.runtime.rows import in_parts
from shared.topics import BADGE_RECEIVED
from tests.worlds.postgres import Databases

NOW = datetime(2027, 4, 1, tzinfo=UTC)
TABLES = """
create table things (
    id text primary key, day date, at timestamptz, number integer, bytes bytea, is_new boolean, "offset" bigint
);
"""
MIGRATION = f"""
from alembic import op
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade(): op.execute('''{TABLES}''')
def downgrade(): pass
"""


@dataclass(frozen=True)
class Thing:
    id: str
    number: int | None


@pytest.fixture
def tx(databases: Databases, tmp_path: Path) -> Iterator[Transaction]:
    (tmp_path / "0001_things.py").write_text(MIGRATION)
    url = databases.fresh()
    migrate(url, "probe", tmp_path)
    database = Database(url, "probe", Transaction, lambda: NOW)
    with database.transaction() as transaction:
        yield transaction
    database.close()


def things(tx: Transaction) -> list[Thing]:
    return tx.fetch_all(Thing, "select id, number from things order by id")


def test_a_row_may_be_made_by_a_function_that_takes_its_columns(tx: Transaction) -> None:
    def label(*, id: str, number: int) -> str:
        return f"{id}{number}"

    tx.insert_rows("things", [{"id": "a", "number": 1}, {"id": "b", "number": 2}])
    assert tx.fetch_all(label, "select id, number from things order by id") == ["a1", "b2"]
    assert tx.fetch_one(label, "select id, number from things where id = %s", ("b",)) == "b2"


def test_every_type_of_column_is_kept_as_it_was_and_null_stays_null(tx: Transaction) -> None:
    full = {"id": "a", "day": date(2027, 4, 1), "at": NOW, "number": 7, "bytes": b"\0\xff", "is_new": True, "offset": 9}
    empty = dict.fromkeys(full) | {"id": "b"}
    tx.insert_rows("things", [empty, full])
    kept = tx.cursor.execute('select id, day, at, number, bytes, is_new, "offset" from things order by id').fetchall()
    assert kept == [tuple(full.values()), tuple(empty.values())]


TEXTS = (
    "",
    "NULL",
    "null",
    "a,b",
    '{"a": [1, "2"]}',
    "back\\slash",
    ' "quoted" ',
    "two\nlines",
    "見本　太郎",
    "\u2028",
    "𠮷",
)


def test_texts_that_an_array_would_have_to_quote_are_kept_as_they_were(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": each} for each in TEXTS])
    assert set(tx.cursor.execute("select id from things").fetchall()) == {(each,) for each in TEXTS}
    assert tx.update_rows("things", [{"id": each, "number": len(each)} for each in TEXTS], "id") == len(TEXTS)
    assert things(tx) == [Thing(each, len(each)) for each in sorted(TEXTS, key=lambda each: each.encode())]


NUMBERS = ((1, 2), (1, 2**15), (-(2**31), None, 2**31 - 1), (2**62, 0))
ROWS = ({"json": '{"a": "é,\\""}', "price": Decimal("0.10"), "lasts": timedelta(minutes=15), "small": 3},)


@pytest.mark.parametrize("numbers", NUMBERS)
def test_numbers_of_any_size_fit_a_column_that_is_wide_enough(numbers: tuple[int | None, ...], tx: Transaction) -> None:
    rows = [{"id": str(place), "offset": number} for place, number in enumerate(numbers)]
    tx.insert_rows("things", rows)
    assert [number for (number,) in tx.cursor.execute('select "offset" from things order by id')] == list(numbers)


@pytest.mark.parametrize("row", [ROWS[0], dict.fromkeys(ROWS[0]), ROWS[0] | {"price": 3}, ROWS[0] | {"json": "[]"}])
def test_a_value_of_a_rare_type_is_kept_as_it_was(row: dict[str, Any], tx: Transaction) -> None:
    tx.cursor.execute("create table rare (id text, json jsonb, price numeric, lasts interval, small smallint)")
    tx.insert_rows("rare", [{"id": "a", **row}])
    (kept,) = tx.cursor.execute("select json::text, price, lasts, small from rare").fetchall()
    assert kept == tuple(row.values())


def test_a_row_that_is_there_stays_unless_the_conflict_says_otherwise(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1}])
    tx.insert_rows("things", [{"id": "a", "number": 2}, {"id": "b", "number": 3}])
    assert things(tx) == [Thing("a", 1), Thing("b", 3)]
    tx.insert_rows("things", [{"id": "a", "number": 2}], replace("id", ["number"]))
    assert things(tx) == [Thing("a", 2), Thing("b", 3)]


def test_what_was_inserted_is_returned_and_what_was_there_is_not(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1}])
    assert tx.insert_rows("things", [{"id": "b"}, {"id": "a"}], returning="id") == [("b",)]
    assert tx.insert_rows("things", [], returning="id") == []


def test_an_upsert_replaces_the_columns_that_it_names_and_no_other(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1, "day": date(2027, 4, 1)}])
    tx.upsert_rows("things", [{"id": "a", "number": 2}, {"id": "b", "number": 3}], key="id")
    assert tx.cursor.execute("select id, number, day from things order by id").fetchall() == [
        ("a", 2, date(2027, 4, 1)),
        ("b", 3, None),
    ]


def test_an_update_reaches_the_rows_of_its_keys_under_its_condition_and_counts_them(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": id, "number": 1} for id in "abc"])
    rows = [{"id": "a", "number": 5}, {"id": "b", "number": 1}, {"id": "z", "number": 9}]
    assert tx.update_rows("things", rows, "id", where="things.number < new.number") == 1
    assert things(tx) == [Thing("a", 5), Thing("b", 1), Thing("c", 1)]
    assert tx.update_rows("things", rows, "id", assign="number = things.number + new.number") == 2
    assert things(tx) == [Thing("a", 10), Thing("b", 2), Thing("c", 1)]


def test_one_row_is_read_as_a_value_and_none_when_there_is_none(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1}])
    assert tx.fetch_one(Thing, "select id, number from things where id = %s", ("a",)) == Thing("a", 1)
    assert tx.fetch_one(Thing, "select id, number from things where id = %s", ("b",)) is None


def test_an_unknown_column_fails_and_names_it(tx: Transaction) -> None:
    with pytest.raises((KeyError, psycopg.errors.UndefinedColumn), match="colour"):
        tx.insert_rows("things", [{"id": "a", "colour": "red"}])


def test_one_value_is_read_alone_and_none_when_there_is_no_row(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1}])
    assert tx.fetch_value("select number from things where id = %s", ("a",)) == 1
    assert tx.fetch_value("select number from things where id = %s", ("b",)) is None


def test_without_a_rule_for_conflicts_a_second_row_of_one_key_is_an_error(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "a", "number": 1}], None)
    with pytest.raises(psycopg.errors.UniqueViolation):
        tx.insert_rows("things", [{"id": "a", "number": 2}], None)
    tx.connection.rollback()


# ── one row at fault ────────────────────────────────────────────────────────────────────────────────────


def put(tx: Transaction, rows: Sequence[int]) -> int:
    tx.insert_rows("things", [{"id": f"{row:02}", "number": row} for row in rows], on_conflict=None)
    tx.forward(BADGE_RECEIVED, None, b"%d" % len(rows))
    for row in rows:
        if row % 10 == 3:
            raise ValueError(f"{row} is at fault")
    return len(rows)


@pytest.mark.parametrize("faults", [[], [3], [3, 13], [3, 13, 23, 33], [33]])
def test_rows_at_fault_are_put_aside_and_nothing_of_them_stays(faults: list[int], tx: Transaction) -> None:
    rows = [row for row in range(40) if row % 10 != 3 or row in faults]
    aside: list[tuple[int, str]] = []
    done = in_parts(tx, rows, partial(put, tx), lambda row, error: aside.append((row, str(error))), tick="probe")
    assert aside == [(row, f"{row} is at fault") for row in faults]
    assert [thing.number for thing in things(tx)] == [row for row in rows if row not in faults]
    assert sum(done) == len(rows) - len(faults)
    tx.flush()
    told = tx.cursor.execute("select value from outbox order by id").fetchall()
    assert sum(int(bytes(value)) for (value,) in told) == sum(done)


def test_a_row_that_the_database_refuses_is_put_aside_too(tx: Transaction) -> None:
    tx.insert_rows("things", [{"id": "05", "number": 5}])
    aside: list[int] = []
    in_parts(tx, [4, 5, 6], partial(put, tx), lambda row, _: aside.append(row), tick="probe")
    assert aside == [5]
    assert [thing.number for thing in things(tx)] == [4, 5, 6]


@pytest.mark.parametrize(
    "error", [TryLater("the storage is away"), psycopg.OperationalError("the disk is full"), PoolTimeout("busy")]
)
def test_what_says_that_a_part_is_away_puts_no_row_aside(error: Exception, tx: Transaction) -> None:
    def work(rows: Sequence[int]) -> None:
        raise error

    aside: list[int] = []
    with pytest.raises(type(error)):
        in_parts(tx, [1, 2], work, lambda row, _: aside.append(row), tick="probe")
    assert aside == []


def test_a_savepoint_that_begins_a_transaction_commits_nothing_by_itself(databases: Databases, tmp_path: Path) -> None:
    (tmp_path / "0001_things.py").write_text(MIGRATION)
    url = databases.fresh()
    migrate(url, "probe", tmp_path)
    database = Database(url, "probe", Transaction, lambda: NOW)
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        with tx.savepoint():
            tx.insert_rows("things", [{"id": "a"}])
        raise ZeroDivisionError
    with database.transaction() as tx:
        assert things(tx) == []
    database.close()
