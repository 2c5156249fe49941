"""Talking to the supervisor of one stack over circus's endpoint."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from circus.client import CircusClient
from circus.exc import CallError

from deploy.local.environment import REPOSITORY, Place
from shared.errors import TryLater

_LAUNCH = Path(__file__).with_name("launch.py")
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Job:
    """One process to keep alive. `end_by` ends it when the supervisor itself is killed."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    stop_signal: str
    end_by: str
    user: str
    stop_seconds: float


class Supervisor:
    """Asks; each call returns when it is done. TryLater when the supervisor doesn't answer or refuses."""

    def __init__(self, place: Place, pid: int) -> None:
        self.pid = pid
        self._place = place
        self._client = CircusClient(endpoint=f"tcp://{place.address('supervisor')}", timeout=_PATIENCE_SECONDS)

    def close(self) -> None:
        self._client.stop()

    def jobs(self) -> dict[str, str]:
        """Each job's state, in circus's words: active, starting, stopping, stopped."""
        statuses: dict[str, str] = self._ask("status")["statuses"]
        return statuses

    def add(self, job: Job) -> None:
        """Start a process and keep it alive from now on."""
        place = self._place
        launch = ["--home", str(place.home), "--name", job.name, "--supervisor", str(self.pid), "--end-by", job.end_by]
        user = ["--user", job.user] if job.user else []
        self._ask(
            "add",
            name=job.name,
            cmd=f"{shlex.quote(sys.executable)} -S -E",
            args=[str(_LAUNCH), *launch, *user, "--", *job.command],
            start=True,
            waiting=True,
            options={
                "env": dict(job.environment),
                "working_dir": str(REPOSITORY),
                "stop_signal": int(Signals[job.stop_signal]),
                "graceful_timeout": job.stop_seconds,
                "max_retry": -1,
            },
        )

    def remove(self, name: str) -> None:
        self._ask("rm", name=name, waiting=True)

    def halt(self, name: str) -> None:
        """Stop it gracefully and keep it down."""
        self._ask("stop", name=name, waiting=True)

    def resume(self, name: str) -> None:
        self._ask("start", name=name, waiting=True)

    def _ask(self, command: str, **properties: Any) -> Any:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = self._client.send_message(command, **properties)
            except CallError as error:
                raise TryLater(f"supervisor of {self._place.home}: no answer to {command!r} ({error})") from error
            if answer.get("status") != "error":
                return answer
            # circus does one thing at a time and refuses the rest; each takes milliseconds, a stop some seconds
            if "already running" not in answer["reason"] or time.monotonic() > deadline:
                raise TryLater(f"supervisor of {self._place.home}: {command!r} refused: {answer['reason']}")
            time.sleep(0.05)
