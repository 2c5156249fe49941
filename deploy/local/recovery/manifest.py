"""What a backup holds: `manifest.json` in its folder, written last. A folder without one is no backup."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from shared.errors import AkashiError

PARTS = ("postgres", "objects", "keys")
"""What a backup is made of, in the order in which it is taken.

PostgreSQL before the objects: so every object that its tables name is in the backup, and perhaps a few more.
"""

_FORMAT = 1


class BackupUnusable(AkashiError):
    """The folder is not a backup, or not whole: take another one."""


class BackedUpFile(msgspec.Struct, frozen=True):
    """`name` is relative to the backup's folder."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The times are those of the machine's clock, whatever AKASHI_CLOCK says: a point in time is counted in them.

    `ended_at` is when PostgreSQL's part was consistent: the earliest moment to which it can be restored.
    `system_identifier` is PostgreSQL's own: write-ahead log of another cluster can't be applied. `objects` counts them.
    """

    began_at: datetime
    ended_at: datetime
    home: str
    cohort: str
    postgres_version: str
    system_identifier: str
    objects: int
    files: dict[str, list[BackedUpFile]]
    format: int = _FORMAT

    @property
    def bytes(self) -> int:
        return sum(file.bytes for files in self.files.values() for file in files)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """If we die in the middle, the folder has none."""
    draft = folder / "manifest.draft"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    draft.replace(folder / "manifest.json")


def read_manifest(folder: Path) -> Manifest:
    """BackupUnusable when there is none, or one of another format."""
    file = folder / "manifest.json"
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except OSError as error:
        raise BackupUnusable(f"{folder}: no backup: it has no manifest.json ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise BackupUnusable(f"{file}: {error}") from error
    if manifest.format != _FORMAT:
        raise BackupUnusable(f"{file}: got format {manifest.format}, expected {_FORMAT}")
    return manifest


def file_in(folder: Path, name: str) -> BackedUpFile:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BackedUpFile(name, (folder / name).stat().st_size, digest)


def check_files(folder: Path, files: list[BackedUpFile]) -> None:
    """BackupUnusable, naming the file, when one is missing or differs from the manifest."""
    for wanted in files:
        try:
            found = file_in(folder, wanted.name)
        except OSError as error:
            raise BackupUnusable(f"{folder / wanted.name}: {error.strerror}") from error
        if found != wanted:
            raise BackupUnusable(
                f"{folder / wanted.name}: got {found.bytes} bytes with SHA-256 {found.sha256},"
                f" expected {wanted.bytes} with {wanted.sha256}"
            )
