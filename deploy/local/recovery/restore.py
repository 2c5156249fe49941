"""A restore of the local stack from a backup, while it is stopped. Used by `akashi restore` and tests.

Everything is checked and prepared in folders of its own first; then each is put in place by a rename, and what was
there is kept. While the renames last, a file in the home keeps the stack from starting on half of it.
"""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.environment import Place
from deploy.local.home import prepare_home
from deploy.local.parts import postgres
from deploy.local.recovery import cluster
from deploy.local.recovery.backup import HOME_FILES, Progress, replaced_folder
from deploy.local.recovery.manifest import PARTS, Manifest, check_files, read_manifest
from deploy.local.supervision.supervisor import running_supervisor
from shared.errors import RefuseToStart


@dataclass(frozen=True)
class Restored:
    """What was put in place, and the folder with what was there before: None when there was nothing."""

    parts: tuple[str, ...]
    to: datetime
    replaced: Path | None


def restore_backup(
    place: Place,
    folder: Path,
    *,
    to: datetime | None = None,
    only: Iterable[str] = PARTS,
    progress: Progress = lambda _: None,
) -> Restored:
    """Replace the data of a stopped stack by that of the backup in `folder`. Refused while the stack runs.

    `to`: bring PostgreSQL to that moment, after the backup, by the archived log. Dying before the renames, nothing is
    changed; in between, the stack refuses to start until a restore of the same parts is done.
    """
    if running_supervisor(place) is not None:
        raise RefuseToStart(f"a stack runs in {place.home}; stop it with `akashi down`, then restore")
    return replace_data(place, folder, to=to, only=only, progress=progress)


def replace_data(
    place: Place,
    folder: Path,
    *,
    to: datetime | None = None,
    only: Iterable[str] = PARTS,
    progress: Progress = lambda _: None,
) -> Restored:
    """`restore_backup` for a caller that has itself stopped whatever uses these parts."""
    wanted = set(only)
    parts = tuple(part for part in PARTS if part in wanted)
    manifest = read_manifest(folder)
    _refuse_moment(manifest, to, parts)
    if left := set(_half_restored(place)) - set(parts):
        raise RefuseToStart(f"an interrupted restore also left {', '.join(sorted(left))}: restore those too")
    progress("check")
    check_files(folder, [file for part in parts for file in manifest.files[part]])
    prepare_home(place)
    drafts = place.data / "restoring"
    shutil.rmtree(drafts, ignore_errors=True)
    replaced = replaced_folder(place, datetime.now(UTC))
    moves: list[tuple[Path, Path]] = []
    for part in parts:
        progress(part)
        draft = drafts / part
        if part == "postgres":
            cluster.unpack(folder / "postgres", draft)
            archive = postgres.wal_archive(place)
            if cluster.archived_system(place) != manifest.system_identifier:  # none, or of another cluster
                cluster.new_archive(drafts / archive.name, manifest.system_identifier)
                moves.append((drafts / archive.name, archive))
                archive = drafts / archive.name
            cluster.recover(place, draft, to, archive)
            moves.append((draft, postgres.data_folder(place)))
        elif part == "objects":
            _unpack(folder / "objects.tar", draft)
            moves.append((draft, place.data / "s3"))
        else:
            _unpack(folder / "keys.tar", draft)
            moves += [(draft / "secrets", place.secrets), *_missing_files(place, draft)]
    _swap(place, parts, moves, replaced)
    shutil.rmtree(drafts, ignore_errors=True)
    return Restored(parts, to or manifest.ended_at, replaced if replaced.exists() else None)


def refuse_half_restored(place: Place) -> None:
    """RefuseToStart when a restore died between its renames: the stack would make what is missing, empty."""
    if parts := _half_restored(place):
        raise RefuseToStart(
            f"a restore of {', '.join(parts)} was interrupted in {place.home}: do it again with `akashi restore`,"
            f" or move the folders back from {place.home / 'replaced'} and remove {_marker(place)}"
        )


def _refuse_moment(manifest: Manifest, to: datetime | None, parts: Sequence[str]) -> None:
    if to is None:
        return
    if "postgres" not in parts:
        raise RefuseToStart("--to is for PostgreSQL, which --only leaves out")
    if to < manifest.ended_at:
        raise RefuseToStart(
            f"--to: got {to.isoformat()}, expected a moment after the backup, which ended at"
            f" {manifest.ended_at.isoformat()}; for an earlier one take an earlier backup"
        )


def _swap(place: Place, parts: Sequence[str], moves: Sequence[tuple[Path, Path]], replaced: Path) -> None:
    _marker(place).write_text("\n".join(parts) + "\n", encoding="ascii")
    for draft, target in moves:
        if target.exists():
            replaced.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.rename(replaced / target.name)
        # If we die here, the marker keeps the stack from starting without `target`.
        draft.rename(target)
    _marker(place).unlink()


def _missing_files(place: Place, draft: Path) -> list[tuple[Path, Path]]:
    """A home keeps its own clock, cohort and networks; a new one takes those of the backup."""
    return [
        (draft / name, place.home / name)
        for name in HOME_FILES
        if (draft / name).exists() and not (place.home / name).exists()
    ]


def _unpack(archive: Path, draft: Path) -> None:
    draft.mkdir(parents=True, mode=0o700)
    with tarfile.open(archive) as packed:
        packed.extractall(draft, filter="data")


def _marker(place: Place) -> Path:
    return place.home / "restore-in-progress"


def _half_restored(place: Place) -> tuple[str, ...]:
    marker = _marker(place)
    return tuple(marker.read_text(encoding="ascii").split()) if marker.exists() else ()
