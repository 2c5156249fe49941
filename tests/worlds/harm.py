"""What goes wrong with a database or a disk, for as long as a block lasts. Each is the server's own error."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import psycopg
from psycopg import sql

from deploy.local.environment import DATABASE, database_url
from deploy.local.parts import postgres
from deploy.local.stack import Stack, StackFailed
from shared.topics import SERVICES

_ROOM = 64 * 1024 * 1024  # bytes of a small disk that are free before it is filled


def server(stack: Stack) -> psycopg.Connection[tuple[object, ...]]:
    """The superuser's connection to the services' database."""
    return psycopg.connect(database_url(stack.place, "postgres"), autocommit=True)


@contextmanager
def without(stack: Stack, *names: str) -> Iterator[None]:
    """Parts or services are stopped meanwhile; the next story on this stack finds them running, whatever happens."""
    stack.halt(*names)
    try:
        yield
    finally:
        stack.resume(*names)


@contextmanager
def with_role_settings(stack: Stack, *changes: str) -> Iterator[None]:
    """Every service's connections are cut, and new ones meet these changes of its role, until the end of the block."""
    usual = (
        "alter role {} reset all",
        "alter role {} connection limit -1",
        "alter role {0} set search_path = {0}",
    )

    def alter(*statements: str) -> None:
        for service in SERVICES:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(sql.Identifier(service)))
        end_connections(connection)

    with server(stack) as connection:
        alter(*changes)
        try:
            yield
        finally:
            alter(*usual)


def end_connections(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = any(%s)",
        (DATABASE, list(SERVICES)),
    )


@contextmanager
def connections_ended_each_second(stack: Stack) -> Iterator[None]:
    """As by a failover or an administrator: 57P01."""

    def end(over: threading.Event) -> None:
        end_connections(connection)
        over.wait(1.0)

    with server(stack) as connection, _again_and_again(end):
        yield


@contextmanager
def deadlocks(stack: Stack) -> Iterator[None]:
    """Other sessions lock what each service locks, in the opposite order; the service is the one that has to give up.

    A service's transaction begins with the inbox or with its own rows, and ends with outbox and positions.
    """

    def lock(service: str, over: threading.Event) -> None:
        with server(stack) as other, other.transaction(force_rollback=True):
            # The service's own of one second finds it first; one that looked before the circle was closed never does.
            other.execute("set local deadlock_timeout = '3s'")
            other.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(service)))
            other.execute("select from positions order by topic, partition for update")
            other.execute("lock table outbox in share mode")
            if _blocks_somebody(stack, other, over):
                other.execute("lock table inbox, announced in share mode")
        over.wait(0.2)

    with ExitStack() as all_services:
        for service in SERVICES:
            all_services.enter_context(_again_and_again(partial(lock, service)))
        yield


def _blocks_somebody(stack: Stack, blocking: psycopg.Connection[tuple[object, ...]], over: threading.Event) -> bool:
    with server(stack) as watching:
        for _ in range(30):
            found = watching.execute(
                "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))", (blocking.info.backend_pid,)
            )
            if found.fetchone() is not None:
                return True
            if over.wait(0.1):
                break
    return False


@contextmanager
def locked_and_changed_rows(stack: Stack) -> Iterator[None]:
    """Other sessions hold and change the rows with which each transaction ends.

    A service that waits for a lock gives up soon (55P03); one whose row was changed under it can't go on (40001).
    """

    def change(service: str, over: threading.Event) -> None:
        with server(stack) as other, other.transaction():
            place = sql.Identifier(service, "positions")
            other.execute(sql.SQL("update {} set next_offset = next_offset").format(place))
            over.wait(0.4)
        over.wait(0.02)

    with ExitStack() as harm:
        harm.enter_context(
            with_role_settings(
                stack,
                "alter role {} set lock_timeout = '200ms'",
                "alter role {} set default_transaction_isolation = 'repeatable read'",
            )
        )
        for service in SERVICES:
            harm.enter_context(_again_and_again(partial(change, service)))
        yield


@contextmanager
def _again_and_again(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """`work` in a thread of its own until the end of the block, also when the server ends its session."""
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            try:
                work(over)
            except psycopg.Error:
                over.wait(0.2)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


# ── disks ──────────────────────────────────────────────────────────────────────────────────────────────


class SmallDisk:
    """A file system of its own under a part's data, which `fill` leaves without a single free block."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:  # no space left
                    continue

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(stack: Stack, part: str, folder: Path) -> Iterator[SmallDisk]:
    """`folder` of `part` on a small disk of its own until the end of the block; the part is stopped twice for it.

    Needs the right to mount a file system.
    """
    kept = folder.with_name(f"{folder.name}.kept")
    stack.halt(part)
    try:
        folder.rename(kept)
        folder.mkdir()
        _mount(folder, size=_ROOM + sum(path.stat().st_blocks * 512 for path in kept.rglob("*")))
        try:
            _copy(kept, folder)
            stack.resume(part)
            yield SmallDisk(folder)
        finally:
            stack.halt(part)
            shutil.rmtree(kept)
            _copy(folder, kept)
            subprocess.run(["umount", folder], check=True)
    finally:
        if kept.exists():
            folder.rmdir()
            kept.rename(folder)
        stack.resume(part)


def may_mount() -> bool:
    """Whether this process may mount a file system: root usually may, in many containers not."""
    with TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
    return True


def _mount(folder: Path, *, size: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "-T", source, target], check=True)


@contextmanager
def full_disk(stack: Stack) -> Iterator[None]:
    """No block is left for PostgreSQL's tables (53100)."""
    with small_disk(stack, "postgres", postgres.data_folder(stack.place)) as disk:
        disk.fill()
        try:
            yield
        finally:
            disk.free()


@contextmanager
def full_write_ahead_log(stack: Stack) -> Iterator[None]:
    """And none for its write-ahead log: PostgreSQL ends by PANIC and can't start until there is room."""
    with small_disk(stack, "postgres", postgres.data_folder(stack.place)) as disk:
        with suppress(psycopg.OperationalError), server(stack) as connection:  # a full disk takes no new connections
            disk.fill()
            _use_up_log(connection)
        try:
            yield
        finally:
            disk.free()
            # It starts by itself; but one whose recovery found no room may wait on while clients knock. Then it is
            # restarted, at the end of the small disk, as an operator does.
            with suppress(StackFailed):
                stack.wait_ready("postgres", 20)


def _use_up_log(connection: psycopg.Connection[tuple[object, ...]]) -> NoReturn:
    """Go to the next file of the log until there is no room for another one: OperationalError."""
    while True:
        connection.execute("select pg_logical_emit_message(false, 'harm', 'x', true), pg_switch_wal()")


@contextmanager
def full_object_storage(stack: Stack) -> Iterator[None]:
    """No block is left for objects."""
    with small_disk(stack, "s3", stack.place.data / "s3") as disk:
        disk.fill()
        try:
            yield
        finally:
            disk.free()
