"""The process above all others of one stack: circus, with an order for the end. `python -m deploy.local.supervisor`.

It restarts what dies, and ends everything, services before parts, on TERM, on INT, and when its standard input closes:
that is how it hears that the process which started it is gone. Nothing is told to it but through circus's endpoint.
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

from deploy.local.anvil import keep_state
from deploy.local.environment import Place
from deploy.local.miner import Miner
from deploy.local.parts import PARTS

_LOOK_SECONDS = 0.3  # how soon a dead process is seen
_CHORES_SECONDS = 1.0
_LOG_BYTES = 20 * 2**20
_LOGS_KEPT = 2


class OrderedArbiter(Arbiter):
    """circus's arbiter, but what was built on a part ends before the part."""

    @gen.coroutine
    def _stop_watchers(self, close_output_streams: bool = False, watcher_iter_func: Any = None) -> Any:
        parts = [watcher for watcher in self.watchers if watcher.name in PARTS]
        services = [watcher for watcher in self.watchers if watcher.name not in PARTS]
        for group in (services, parts):
            yield gen.multi([watcher._stop(close_output_streams) for watcher in group])

    def manage_watchers(self) -> Any:
        """Called again and again; while circus does something else, the next call will do."""
        try:
            return super().manage_watchers()
        except ConflictError:
            return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port-base", type=int, required=True)
    parser.add_argument("--detached", action="store_true", help="live on when the starter goes away")
    asked = parser.parse_args()
    place = Place(asked.home, asked.port_base)
    lock = hold(place)
    if lock is None:
        sys.exit(3)
    arbiter = OrderedArbiter(
        [],
        f"tcp://{place.address('supervisor')}",
        f"tcp://{place.address('supervisor events')}",
        check_delay=_LOOK_SECONDS,
        proc_name="akashi",
    )
    loop = ioloop.IOLoop.current()

    def end() -> None:
        if arbiter._stopping:
            return
        try:
            arbiter.stop()
        except ConflictError:  # circus does one thing at a time, and forgets what was asked meanwhile
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


def hold(place: Place) -> Any:
    """The lock of a home, with our process id in it, or None while another supervisor holds it."""
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


def holder_of(place: Place) -> int | None:
    """The process id of the supervisor that runs this home now, or None."""
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
        with contextlib.suppress(OSError):  # a full disk must not end the stack; the next round tries again
            _rotate(log)


def _rotate(log: Path) -> None:
    """Copy, then cut: the writer keeps its file and appends. Lines written in between are lost; a log may lose them."""
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
