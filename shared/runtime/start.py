"""The `main` of a service. Used by every service; loads nothing of what a process is made of."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from shared.errors import RefuseToStart
from shared.runtime.log import configure, logger
from shared.runtime.settings import Runtime

EX_CONFIG = 78  # sysexits.h: configuration error; supervisors need not try again


class HasRuntime(Protocol):
    @property
    def runtime(self) -> Runtime: ...


class Runs(Protocol):
    def run(self) -> None: ...


C = TypeVar("C", bound=HasRuntime)


def start(read_config: Callable[[Mapping[str, str]], C], wire: Callable[[C], Runs]) -> None:
    """Read the settings, wire, run: the whole `main` of a service. A bad setting ends it with code 78 and its name."""
    configure(os.environ.get("LOG_FORMAT", "auto"))
    try:
        config = read_config(os.environ)
        configure(config.runtime.log_format)
        wire(config).run()
    except RefuseToStart as error:
        logger("start").error("refused", cause=str(error))
        raise SystemExit(EX_CONFIG) from error
