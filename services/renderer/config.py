"""The settings of renderer: the only reader of its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.renderer.pdf.signature import SignatureFiles
from shared.errors import RefuseToStart
from shared.programme import DRAWN, NONE, Programme, seal_file
from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime

_MOST_USUAL = 4  # workers: one draws hundreds of pages a second, and takes some 30 MB


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    public_url: str  # of the verification pages: what the QR codes hold
    font_folder: Path
    extra_fonts: tuple[Path, ...]  # of the operator, asked last
    seal: bytes | None  # the society's own picture of its seal
    signature: SignatureFiles | None = None  # None: the PDFs are not signed
    workers: int = 1  # processes that render; 1: the service's own


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or impossible one."""
    settings = Settings(environment)
    runtime = read_runtime("renderer", settings)
    return Config(
        runtime=runtime,
        objects=read_object_storage(settings),
        public_url=settings.site("PUBLIC_URL"),
        font_folder=settings.folder("FONT_FOLDER"),
        extra_fonts=settings.files("EXTRA_FONTS"),
        seal=_seal(runtime.programme, settings.file("PROGRAMME_FILE")),
        signature=_signature(settings),
        workers=settings.whole("RENDER_WORKERS", usual_workers(), least=1, most=64),
    )


def usual_workers(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """One for each core that this process may use, four at most. `quota`: the container's, of cgroup v2 (Linux)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        spent, period = quota.read_text(encoding="ascii").split()
        cores = min(cores, round(int(spent) / int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        pass
    return max(1, min(cores, _MOST_USUAL))


def _signature(settings: Settings) -> SignatureFiles | None:
    if not settings.text("SIGNING_KEY_FILE", ""):
        return None
    passphrase = settings.text("SIGNING_PASSPHRASE_FILE", "") and settings.file("SIGNING_PASSPHRASE_FILE")
    return SignatureFiles(
        key=settings.file("SIGNING_KEY_FILE"),
        certificates=settings.file("SIGNING_CERTIFICATES_FILE")
        if settings.text("SIGNING_CERTIFICATES_FILE", "")
        else None,
        passphrase=passphrase.read_bytes().strip() if passphrase else None,
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
