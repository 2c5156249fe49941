"""Workers that do small jobs, in a process that may be forked. `python -m tests.worlds.forked`: prints JSON."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import threading
import time
from signal import SIGKILL
from typing import Any

import psutil

from services.renderer.workers import WorkerEnded, Workers


def begin() -> Any:
    """A worker that knows by which process it was prepared."""
    return do


def do(job: tuple[str, int]) -> tuple[str, int, int, int]:
    kind, number = job
    if kind == "die":
        os.kill(os.getpid(), SIGKILL)
    if kind == "fail":
        raise ValueError(number)
    if kind == "arenas":
        return kind, arenas(), os.getpid(), PREPARED[0]
    time.sleep(0.05)
    return kind, number, os.getpid(), PREPARED[0]


def arenas() -> int:
    """Of the allocator, once eight threads at a time have allocated something."""
    libc, together = ctypes.CDLL(None), threading.Barrier(8)
    libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p

    def allocate() -> None:
        together.wait()
        libc.malloc(1000)

    threads = [threading.Thread(target=allocate) for _ in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        return file.read().count(b"<heap nr=")


PREPARED: list[int] = []


def shown(results: Any) -> list[Any]:
    return ["ended" if isinstance(each, WorkerEnded) else each for each in results]


def main() -> None:
    workers: Workers[Any, Any] = Workers(2, begin, lambda: PREPARED.append(os.getpid()))
    (nursery,) = psutil.Process().children()

    def run(*jobs: tuple[str, int]) -> list[Any]:
        return shown(workers.run(jobs, lambda result: bool(result[0] != "enough")))

    facts: dict[str, Any] = {
        "plain": run(*(("plain", number) for number in range(8))),
        "dying": run(("die", 0), ("plain", 1), ("fail", 2), ("plain", 3), ("die", 4), ("plain", 5)),
        "enough": run(*(("enough" if number < 2 else "plain", number) for number in range(9))),
    }
    for worker in nursery.children():
        worker.kill()
        worker.wait()
    facts["arenas"] = run(("arenas", 0))
    facts["killed while idle"] = run(("plain", 0), ("plain", 1))
    threading.Thread(target=time.sleep, args=(0.2,)).start()
    try:
        Workers(2, begin)
    except RuntimeError as error:
        facts["refused"] = str(error)
    facts["nursery"], facts["left"] = nursery.pid, [worker.pid for worker in nursery.children()]
    print(json.dumps(facts), flush=True)
    if "--killed" in sys.argv:
        os.kill(os.getpid(), SIGKILL)


if __name__ == "__main__":
    main()
