"""A backup of the local stack while it runs: PostgreSQL, object storage, keys. Used by `akashi backup` and tests."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.environment import Place
from deploy.local.parts import postgres
from deploy.local.recovery import cluster
from deploy.local.recovery.manifest import PARTS, BackedUpFile, Manifest, file_in, write_manifest
from shared.errors import RefuseToStart

Progress = Callable[[str], None]
"""Called with the name of what begins: a part, or `check`."""

HOME_FILES = ("networks.toml", "clock", "cohort")
"""Of the home, beside its secrets: a new home needs them to go on as the old one."""


def take_backup(place: Place, folder: Path, *, progress: Progress = lambda _: None) -> Manifest:
    """Write a backup into `folder`, which must be new or empty. It is readable by its owner only: it holds the keys.

    Dying in the middle leaves a folder without a manifest, which no restore takes.
    """
    if not postgres.answers(place):
        raise RefuseToStart(f"no PostgreSQL answers in {place.home}: start it with `akashi up --parts-only`")
    if folder.exists() and any(folder.iterdir()):
        raise RefuseToStart(f"{folder}: is not empty; a backup goes into a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    began_at = datetime.now(UTC)
    system_identifier, version = cluster.system_of(place)
    cluster.archive_since_now(place, system_identifier, replaced_folder(place, began_at))
    progress("postgres")
    ended_at = cluster.base_backup(place, folder / "postgres")
    progress("objects")
    objects = _pack(folder / "objects.tar", place.data / "s3", (place.data / "s3").rglob("*"))
    progress("keys")
    kept = [*place.secrets.iterdir(), *(place.home / name for name in HOME_FILES)]
    _pack(folder / "keys.tar", place.home, (path for path in kept if path.exists()))
    progress("check")
    cohort = place.home / "cohort"
    manifest = Manifest(
        began_at=began_at,
        ended_at=ended_at,
        home=str(place.home),
        cohort=cohort.read_text(encoding="ascii").strip() if cohort.exists() else "",
        postgres_version=version,
        system_identifier=system_identifier,
        objects=objects,
        files={part: _files_of(folder, part) for part in PARTS},
    )
    write_manifest(folder, manifest)
    return manifest


def replaced_folder(place: Place, at: datetime) -> Path:
    """Where what a backup or a restore at that moment replaces is kept."""
    return place.home / "replaced" / at.strftime("%Y%m%dT%H%M%S.%fZ")


def _files_of(folder: Path, part: str) -> list[BackedUpFile]:
    names = ("base.tar.gz", "pg_wal.tar.gz", "backup_manifest")
    return (
        [file_in(folder, f"postgres/{name}") for name in names]
        if part == "postgres"
        else [file_in(folder, f"{part}.tar")]
    )


def _pack(archive: Path, root: Path, paths: Iterable[Path]) -> int:
    """Pack files by their names below `root`; how many. An object that goes in between is not packed."""
    count = 0
    with tarfile.open(archive, "w") as packed:
        archive.chmod(0o600)
        for path in sorted(paths):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    packed.add(path, path.relative_to(root), recursive=False)
                    count += 1
    return count
