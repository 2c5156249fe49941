"""Ends processes that a dead stack left running. On Linux there are none (see launch.py); elsewhere there may be."""

from __future__ import annotations

import contextlib
import time

import psutil

from deploy.local.environment import Place

_STOP_SECONDS = 5.0


def end_leftovers(place: Place) -> list[str]:
    """End each process of this home whose id is in AKASHI_HOME/run; returns their names.

    The system may have given an id to another process since: ours is the one whose environment has the variables that
    launch.py set.
    """
    left: dict[str, psutil.Process] = {}
    for file in place.run.glob("*.pid"):
        with contextlib.suppress(psutil.Error, ValueError, OSError):
            process = psutil.Process(int(file.read_text(encoding="ascii")))
            if _is_ours(process, file.stem, place):
                left[file.stem] = process
    family = [child for process in left.values() for child in _children(process)]
    for process in left.values():
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in _still_alive([*left.values(), *family]):
        with contextlib.suppress(psutil.Error):
            process.kill()
    return sorted(left)


def is_running(process: psutil.Process) -> bool:
    """Whether it is running: a zombie, which is dead but not yet reaped by its parent, is not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def is_running_id(pid: int) -> bool:
    try:
        return is_running(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _still_alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    deadline = time.monotonic() + _STOP_SECONDS
    while (alive := [process for process in processes if is_running(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def _is_ours(process: psutil.Process, name: str, place: Place) -> bool:
    if not is_running(process):
        return False
    environment = process.environ()
    return environment.get("AKASHI_PART") == name and environment.get("AKASHI_HOME") == str(place.home)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
