"""What a stack that died left running. Linux leaves nothing (see launch.py); other systems may."""

from __future__ import annotations

import contextlib

import psutil

from deploy.local.environment import Place

_PATIENCE_SECONDS = 5.0


def end_leftovers(place: Place) -> list[str]:
    """End each process whose id is written down in AKASHI_HOME/run and that really is this home's; their names.

    An id may have gone to a stranger since: a process is ours when its environment has the marks that launch.py set.
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
    _, alive = psutil.wait_procs([*left.values(), *family], _PATIENCE_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, _PATIENCE_SECONDS)
    return sorted(left)


def _is_ours(process: psutil.Process, name: str, place: Place) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE:  # dead, and its parent has not asked yet
        return False
    environment = process.environ()
    return environment.get("AKASHI_PART") == name and environment.get("AKASHI_HOME") == str(place.home)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
