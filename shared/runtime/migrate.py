"""Bringing a service's schema up to date at its start, under a lock, by Alembic. Used by every service process.

A folder `migrations` holds files named `<revision>_<words>.py`; the runtime's own (inbox, outbox) come first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from shared.runtime.sessions import connection_settings

_OWN = Path(__file__).parent / "migrations"


def migrate(url: str, service: str, folder: Path) -> bool:
    """Apply what is missing; True if anything was. Replicas that start together wait for each other.

    A schema of a later release stays as it is: it leaves the release before able to work (docs/upgrade.md).
    When we die in the middle, PostgreSQL rolls the whole step back and frees the lock; the next start does it again.
    """
    if not _lacks_any(url, folder):
        return False
    _upgrade(url, service, folder)
    return True


def migrate_apart(url: str, service: str, folder: Path) -> bool:
    """As `migrate`, in a process of its own: Alembic and SQLAlchemy are 30 MB that a service never needs again.

    RuntimeError when a step fails. When only we die, the other process ends what it began.
    """
    if not _lacks_any(url, folder):
        return False
    command, asked = [sys.executable, "-m", __name__], json.dumps([url, service, str(folder)])
    ended = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        raise RuntimeError(f"migrations of {service}: {said[-1]}")
    return True


def _lacks_any(url: str, folder: Path) -> bool:
    with psycopg.connect(url, **connection_settings(url)) as connection:
        return any(_lacks_steps(connection, table, source) for table, source in _steps(folder))


def _steps(folder: Path) -> tuple[tuple[str, Path], ...]:
    return (("runtime_version", _OWN), ("schema_version", folder))


def versions(connection: psycopg.Connection[Any], folder: Path) -> list[tuple[str, str | None, str]]:
    """Of the runtime's tables and of the service's own: the table of versions, the one that is there, and the newest.

    None: it was never applied.
    """
    return [(table, _version(connection, table), revisions(source)[-1]) for table, source in _steps(folder)]


def revisions(folder: Path) -> list[str]:
    """The numbers of the steps in `folder`, all of the same length, in order."""
    return sorted(path.name.partition("_")[0] for path in folder.glob("[0-9]*.py"))


def _lacks_steps(connection: psycopg.Connection[Any], table: str, folder: Path) -> bool:
    found = _version(connection, table)
    return found is None or found < revisions(folder)[-1]


def _version(connection: psycopg.Connection[Any], table: str) -> str | None:
    found = connection.execute("select to_regclass(%s)", (table,)).fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute(f"select version_num from {table}").fetchone()
    return None if row is None else str(row[0])


def _upgrade(url: str, service: str, folder: Path) -> None:
    # Half a second: loaded only by the start that has something to apply.
    import sqlalchemy
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    engine = sqlalchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sqlalchemy.NullPool
    )
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("select pg_advisory_xact_lock(hashtext('migrate/' || :service))"), {"service": service}
        )
        ours: Any = connection.connection.driver_connection
        for table, source in _steps(folder):
            if not _lacks_steps(ours, table, source):
                continue
            script = ScriptDirectory(str(source), version_locations=[str(source)])

            def upgrade(revision: Any, context: Any, script: ScriptDirectory = script) -> Any:
                return script._upgrade_revs("head", revision)

            with EnvironmentContext(Config(), script, fn=upgrade) as environment:
                environment.configure(connection=connection, version_table=table, transactional_ddl=True)
                environment.run_migrations()


def main() -> None:
    """For `migrate_apart`, which writes what it asks for to our input: a database's address holds its password."""
    url, service, folder = json.load(sys.stdin)
    migrate(url, service, Path(folder))


if __name__ == "__main__":
    main()
