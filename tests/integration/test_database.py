"""Inbox, outbox and migrations on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from shared.events import BadgeReceived
from shared.runtime.db import CHANNEL, Database, Transaction
from shared.runtime.migrate import migrate
from tests.worlds.migrations import write_migration
from tests.worlds.postgres import Databases

NOW = datetime(2027, 4, 1, tzinfo=UTC)


def received(*numbers: int) -> list[BadgeReceived]:
    return [BadgeReceived(assertion_id=f"A{number}", received_at=NOW) for number in numbers]


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh()


@pytest.fixture
def database(url: str, tmp_path: Path) -> Iterator[Database[Transaction]]:
    assert migrate(url, "probe", write_migration(tmp_path, "0001", None, "create table thing (id int)"))
    made = Database(url, "probe", Transaction, lambda: NOW)
    yield made
    made.close()


def test_an_event_is_claimed_once_and_in_the_order_of_arrival(database: Database[Transaction]) -> None:
    with database.transaction() as tx:
        assert tx.claim(received(3, 1, 3, 2)) == received(3, 1, 2)
    with database.transaction() as tx:
        assert tx.claim(received(2, 4, 1)) == received(4)


def test_what_was_rolled_back_is_neither_claimed_nor_announced(database: Database[Transaction]) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as tx:
        tx.claim(received(1))
        tx.announce(*received(1))
        raise ZeroDivisionError
    with database.transaction() as tx:
        assert tx.cursor.execute("select count(*) from outbox").fetchone() == (0,)
        assert tx.claim(received(1)) == received(1)


def test_of_workers_at_the_same_events_one_gets_each(database: Database[Transaction]) -> None:
    def work(_: int) -> int:
        with database.transaction() as tx:
            return len(tx.claim(received(*range(200))))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(8))) == 200


def test_only_claims_older_than_asked_are_forgotten(database: Database[Transaction]) -> None:
    with database.transaction() as tx:
        tx.claim(received(1, 2))
    with database.transaction() as tx:
        assert tx.forget_claims(NOW) == 0
        assert tx.forget_claims(NOW + timedelta(seconds=1)) == 2
        assert tx.claim(received(1)) == received(1)


def test_each_statement_while_reading_is_committed_at_once_and_sees_what_others_committed(
    database: Database[Transaction],
) -> None:
    count = "select count(*) from thing"
    with database.reading() as tx, database.transaction() as other:
        tx.cursor.execute("insert into thing values (1)")
        assert other.fetch_value(count) == 1, "seen by others before the block ends"
        other.cursor.execute("insert into thing values (2)")
        assert tx.fetch_value(count) == 1, "not committed yet"
        other.connection.commit()
        assert tx.fetch_value(count) == 2


def test_a_connection_that_was_read_with_rolls_back_again_afterwards(database: Database[Transaction]) -> None:
    for broken in ("select 1/0", "select 1"):
        with pytest.raises((psycopg.DataError, ZeroDivisionError)), database.reading() as tx:
            tx.cursor.execute(broken)
            raise ZeroDivisionError
        with pytest.raises(ZeroDivisionError), database.transaction() as tx:
            tx.cursor.execute("insert into thing values (1)")
            raise ZeroDivisionError
        with database.reading() as tx:
            assert tx.fetch_value("select count(*) from thing") == 0


def test_nothing_is_announced_while_reading(database: Database[Transaction]) -> None:
    with pytest.raises(RuntimeError, match="announcement"), database.reading() as tx:
        tx.announce(*received(1))
    with database.reading() as tx:
        assert tx.fetch_value("select count(*) from outbox") == 0


def test_listeners_are_notified_of_what_is_announced_or_forwarded_at_the_commit(
    database: Database[Transaction], url: str
) -> None:
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute('listen "outbox/public"')
        for number, act in enumerate(("announce", "forward", "both", "nothing")):
            with database.transaction() as tx:
                if act in ("announce", "both"):
                    tx.announce(*received(number))
                if act in ("forward", "both"):
                    tx.forward(BadgeReceived.topic, b"key", b"value")
                tx.flush()
                listener.execute("select 1")
                assert not list(listener.notifies(timeout=0)), "before the commit"
            listener.execute("select 1")  # takes in what was notified before it
            told = {note.channel for note in listener.notifies(timeout=0)}
            assert told == (set() if act == "nothing" else {"outbox/public"})


def test_what_one_service_announces_wakes_no_other(database: Database[Transaction], url: str) -> None:
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute('create schema "other"; set search_path = "other"')
        (channel,) = listener.execute(f"select quote_ident({CHANNEL})").fetchone() or ("",)
        listener.execute(f"listen {channel}")
        with database.transaction() as tx:
            tx.announce(*received(1))
        listener.execute("select 1")
        assert not list(listener.notifies(timeout=0))


def test_replicas_that_start_together_migrate_once(url: str, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, "0001", None, "create table once (id int)")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: migrate(url, "probe", folder), range(3)))
    assert migrate(url, "probe", folder) is False
    write_migration(tmp_path, "0002", "0001", "alter table once add column word text")
    assert migrate(url, "probe", folder) is True
    with psycopg.connect(url) as connection:
        assert connection.execute("select word from once").fetchall() == []


def test_a_migration_that_fails_leaves_nothing_of_itself(url: str, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, "0001", None, "create table whole (id int); select 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        migrate(url, "probe", folder)
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('whole'), to_regclass('inbox')").fetchone() == (None, None)
