"""PostgreSQL's part of a backup and of a restore: base backup, archived write-ahead log, recovery to a moment."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from signal import SIGINT

import psycopg

from deploy.local.environment import Place, database_url
from deploy.local.parts import postgres
from deploy.local.ports import takes_connections
from shared.errors import AkashiError, RefuseToStart

_RECOVERY_SECONDS = 3600.0
_STOP_SECONDS = 60.0
_LAST_COMMIT = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_NOT_REACHED = "recovery ended before configured recovery target was reached"
_SYSTEM = "system-identifier"


class RecoveryFailed(AkashiError):
    """PostgreSQL could not be brought to the moment that was asked for. Nothing has been replaced."""


def system_of(place: Place) -> tuple[str, str]:
    """System identifier and version of the running server."""
    with psycopg.connect(database_url(place, "postgres", "postgres"), connect_timeout=3) as server:
        row = server.execute(
            "select system_identifier::text, current_setting('server_version') from pg_control_system()"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def archive_since_now(place: Place, system_identifier: str, replaced: Path) -> None:
    """From now on finished write-ahead log is archived. What is there of another cluster goes to `replaced`."""
    archive, draft = postgres.wal_archive(place), postgres.wal_archive(place).with_suffix(".draft")
    if archived_system(place) == system_identifier:
        return
    if archive.exists():
        replaced.mkdir(parents=True, exist_ok=True, mode=0o700)
        archive.rename(replaced / archive.name)
    shutil.rmtree(draft, ignore_errors=True)
    new_archive(draft, system_identifier)
    draft.rename(archive)


def new_archive(folder: Path, system_identifier: str) -> None:
    """An empty archive for the log of one cluster. PostgreSQL can write into it."""
    folder.mkdir(parents=True, mode=0o700)
    (folder / _SYSTEM).write_text(f"{system_identifier}\n", encoding="ascii")
    postgres.give_to_server(folder)


def archived_system(place: Place) -> str:
    """The cluster whose log is archived; "" when none is."""
    file = postgres.wal_archive(place) / _SYSTEM
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


def base_backup(place: Place, folder: Path) -> datetime:
    """Write base.tar.gz, pg_wal.tar.gz and backup_manifest into `folder`; when it was consistent. It may be in use."""
    options = [
        "-D",
        str(folder),
        "--format=tar",
        "--compress=client-gzip:1",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--no-password",
    ]
    made = subprocess.run(
        [str(postgres.program("pg_basebackup")), "-d", database_url(place, "postgres", "postgres"), *options],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise RecoveryFailed(f"pg_basebackup ended with code {made.returncode}: {made.stderr.strip()}")
    return datetime.now(UTC)


def unpack(folder: Path, draft: Path) -> None:
    """The base backup of `folder` as a data folder that only lacks its recovery."""
    draft.mkdir(parents=True, mode=0o700)
    for archive, target in (("base.tar.gz", draft), ("pg_wal.tar.gz", draft / "pg_wal")):
        with tarfile.open(folder / archive) as packed:
            packed.extractall(target, filter="data")
    draft.chmod(0o700)


def recover(place: Place, draft: Path, to: datetime | None, archive: Path) -> None:
    """Bring an unpacked base backup to `to`, else to the moment of the backup, on a new timeline. RecoveryFailed.

    The server runs for this on the stack's own port, over `draft`. It follows the timeline of the backup, reads
    `archive`, and archives there that it branched off.
    """
    if takes_connections(place.port("postgres")):
        raise RefuseToStart(f"port {place.port('postgres')} is taken: PostgreSQL can't run there to recover its data")
    (draft / "recovery.signal").touch()
    postgres.give_to_server(draft)
    postgres.write_hba(place)
    log = draft.with_name("postgres.recovery.log")
    target = {"recovery_target_time": to.isoformat()} if to is not None else {"recovery_target": "immediate"}
    words = postgres.command(
        place,
        draft,
        archive_command=postgres.archive_command(archive),
        restore_command=_restore_command(place, archive),
        recovery_target_timeline="current",
        recovery_target_action="promote",
        hot_standby="off",
        **target,
    )
    with log.open("wb") as output:
        server = subprocess.Popen(words, stdout=output, stderr=output, cwd="/", **postgres.as_server())
    try:
        _await_promotion(place, server, log, to)
    finally:
        server.send_signal(SIGINT)  # a fast stop: it writes a checkpoint and archives what it has
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    log.unlink()


def _restore_command(place: Place, archive: Path) -> str:
    """Where the log is: the archive, then, of the same cluster, what the replaced server had not archived yet."""
    folders = [archive]
    if archive == postgres.wal_archive(place):
        folders.append(postgres.data_folder(place) / "pg_wal")
    tries = [f"cp {quote(str(folder)).replace('%', '%%')}/%f %p" for folder in folders]
    return f"{{ {' || '.join(tries)}; }} 2>/dev/null"


def _await_promotion(place: Place, server: subprocess.Popen[bytes], log: Path, to: datetime | None) -> None:
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while not postgres.answers(place):
        if server.poll() is not None:
            raise RecoveryFailed(_why(log.read_text(encoding="utf-8", errors="replace"), to))
        if time.monotonic() > deadline:
            raise RecoveryFailed(f"PostgreSQL was not recovered within {_RECOVERY_SECONDS:.0f} s; its log: {log}")
        time.sleep(0.1)


def _why(log: str, to: datetime | None) -> str:
    if _NOT_REACHED not in log or to is None:
        return "PostgreSQL could not be recovered; its log ends:\n" + "\n".join(log.splitlines()[-12:])
    last = _LAST_COMMIT.findall(log)
    known = f"the last transaction in the log is of {last[-1]} UTC" if last else "the log has no transaction after it"
    return (
        f"PostgreSQL can't be brought to {to.isoformat()}: {known}. Give an earlier --to, or take a later backup;"
        " after a restore, only a backup taken since reaches further"
    )
