"""Workers that do small jobs, in a process that may be forked. `python -m tests.worlds.forked`: prints JSON."""

from __future__ import annotations

import json
import os
import sys
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
    time.sleep(0.05)
    return kind, number, os.getpid(), PREPARED[0]


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
