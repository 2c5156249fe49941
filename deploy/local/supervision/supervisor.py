"""The supervisor of one stack: circus, stopping services before parts.

`python -m deploy.local.supervision.supervisor` restarts what dies. It stops everything on TERM, on INT, and when its
standard input closes, which means that the process that started it is gone. Its only interface is circus's endpoint:
a Unix socket in a folder that only its owner may enter.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from circus.arbiter import Arbiter
from circus.exc import ConflictError
from tornado import gen, ioloop

from deploy.local.environment import Place
from deploy.local.home import PRIVATE, make_private
from deploy.local.parts.anvil import keep_state
from deploy.local.parts.catalogue import PARTS
from deploy.local.parts.miner import Miner

_LOOK_SECONDS = 0.3  # how soon a dead process is noticed
_CHORES_SECONDS = 1.0
_LOG_BYTES = 20 * 2**20
_LOGS_KEPT = 2


class OrderedArbiter(Arbiter):
    """circus's arbiter, which stops services before the parts they depend on."""

    @gen.coroutine
    def _stop_watchers(self, close_output_streams: bool = False, watcher_iter_func: Any = None) -> Any:
        watchers = (watcher_iter_func or self.iter_watchers)(reverse=False)
        parts = [watcher for watcher in watchers if watcher.name in PARTS]
        services = [watcher for watcher in watchers if watcher.name not in PARTS]
        for group in (services, parts):
            yield gen.multi([watcher._stop(close_output_streams) for watcher in group])

    def manage_watchers(self) -> Any:
        """Called periodically; while circus is busy, this call is skipped."""
        try:
            return super().manage_watchers()
        except ConflictError:
            return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    parser.add_argument("--detached", action="store_true", help="keep running when the process that started it ends")
    asked = parser.parse_args()
    place = Place(asked.home, asked.port_base)
    os.umask(PRIVATE)
    make_private(place.supervisor_socket.parent)
    lock = lock_home(place)
    if lock is None:
        sys.exit(3)
    arbiter = OrderedArbiter(
        [],
        f"ipc://{place.supervisor_socket}",
        f"ipc://{place.supervisor_socket.with_suffix('.events')}",
        check_delay=_LOOK_SECONDS,
        proc_name="akashi",
    )
    loop = ioloop.IOLoop.current()

    def end() -> None:
        if arbiter._stopping:
            return
        try:
            arbiter.stop()
        except ConflictError:  # circus runs one command at a time and drops others
            loop.call_later(0.05, end)

    def on_signal(*_: Any) -> None:
        loop.add_callback_from_signal(end)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    if not asked.detached:

        def on_input(*_: Any) -> None:
            if not os.read(0, 1024):
                loop.remove_handler(0)
                end()

        loop.add_handler(0, on_input, ioloop.IOLoop.READ)
    miner = Miner(place)
    chores = ioloop.PeriodicCallback(lambda: _chores(place, miner), _CHORES_SECONDS * 1000)
    chores.start()
    arbiter.start()
    lock.close()


def lock_home(place: Place) -> Any:
    """The lock file of a home, with our process id in it; None while another supervisor holds it."""
    place.run.mkdir(parents=True, exist_ok=True)
    file = (place.run / "supervisor.pid").open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def running_supervisor(place: Place) -> int | None:
    """The process id of the supervisor that runs in this home now, or None."""
    try:
        with (place.run / "supervisor.pid").open(encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except FileNotFoundError:
        return None
    return None


def _chores(place: Place, miner: Miner) -> None:
    miner.look()
    keep_state(place)
    for log in place.logs.glob("*.log"):
        with contextlib.suppress(OSError):  # a full disk must not stop the stack; tried again at the next run
            _rotate(log)


def _rotate(log: Path) -> None:
    """Copy, then truncate: the writer keeps its open file. Lines written in between are lost, which a log may do."""
    if log.stat().st_size < _LOG_BYTES:
        return
    for number in range(_LOGS_KEPT, 1, -1):
        older = log.with_name(f"{log.name}.{number - 1}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


if __name__ == "__main__":
    main()
