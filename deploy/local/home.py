"""The folder of a stack: what is in it (letters with their links, Kafka's log, keys) is for its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.environment import Place
from shared.errors import RefuseToStart

PRIVATE = 0o077
"""umask of every process of the stack."""

_KEPT = ("clock", "cohort", "data", "run", "secrets")  # in a home, and together in nothing else


@contextmanager
def private_files() -> Iterator[None]:
    """What this process makes inside the block is for its user alone."""
    before = os.umask(PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def prepare_home(place: Place) -> None:
    """Make the folders. What an earlier release left readable for others is closed to them.

    A folder that holds other things besides, such as a user's own, keeps its mode; those of the stack in it are closed.
    """
    is_new = not place.home.exists() or not any(place.home.iterdir())
    with private_files():
        for folder in (place.home, place.logs, place.run, place.data):
            folder.mkdir(parents=True, exist_ok=True)
    if is_new or all((place.home / name).exists() for name in _KEPT):
        _close(place.home, _PASSABLE)
        for path in place.home.iterdir():
            _close(path)
    folders = (place.logs, place.run, place.secrets, place.passwords, place.inbox, place.temporary)
    for folder in (*folders, *place.data.iterdir()):
        _close(folder)
    _close(place.data, _PASSABLE)


def make_private(folder: Path) -> None:
    """A folder of ours that nobody else may enter. RefuseToStart when somebody else has one of this name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RefuseToStart(f"{folder}: is not a folder of this user; remove it, or take another AKASHI_HOME")
    folder.chmod(0o700)


_PASSABLE = 0o711 if os.geteuid() == 0 else 0o700
"""As root, PostgreSQL runs as another user: it has to pass through to its own folder, and can list nothing."""


def _close(path: Path, folder_mode: int = 0o700) -> None:
    """To everybody but its owner, who stays."""
    if path.is_symlink() or not path.exists():
        return
    path.chmod(folder_mode if path.is_dir() else stat.S_IMODE(path.stat().st_mode) & 0o700)
