"""The settings of renderer: the only reader of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    public_url: str  # of the verification pages: what the QR codes hold
    font_folder: Path


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or impossible one."""
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("renderer", settings),
        objects=read_object_storage(settings),
        public_url=settings.url("PUBLIC_URL"),
        font_folder=settings.folder("FONT_FOLDER"),
    )
