"""The settings of renderer: the only reader of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import RefuseToStart
from shared.programme import DRAWN, NONE, Programme, seal_file
from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    public_url: str  # of the verification pages: what the QR codes hold
    font_folder: Path
    extra_fonts: tuple[Path, ...]  # of the operator, asked last
    seal: bytes | None  # the society's own picture of its seal


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or impossible one."""
    settings = Settings(environment)
    runtime = read_runtime("renderer", settings)
    return Config(
        runtime=runtime,
        objects=read_object_storage(settings),
        public_url=settings.url("PUBLIC_URL"),
        font_folder=settings.folder("FONT_FOLDER"),
        extra_fonts=settings.files("EXTRA_FONTS"),
        seal=_seal(runtime.programme, settings.file("PROGRAMME_FILE")),
    )


def _seal(programme: Programme, programme_file: Path) -> bytes | None:
    path = seal_file(programme, programme_file)
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefuseToStart(
            f"setting PROGRAMME_FILE: society.seal: got {programme.society.seal!r}, expected {DRAWN}, {NONE} or a"
            f" picture file beside {programme_file} ({error})"
        ) from error
