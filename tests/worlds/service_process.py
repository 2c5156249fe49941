"""One service as a process of its own, with the settings that a test gives it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.credentials import ROOT

_SECONDS = 30


@contextmanager
def service_process(service: str, settings: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Ended as a supervisor does, so that its consumer group has no member that is gone. `log` is appended to."""
    environment = {**settings, "METRICS_PORT": "0"}
    with log.open("ab") as out:
        command = [sys.executable, "-m", f"services.{service}"]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
