"""Client of one stack's supervisor, over circus's endpoint."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from circus.client import CircusClient
from circus.exc import CallError

from deploy.local.environment import REPOSITORY, Place
from shared.errors import TryLater

_LAUNCH = Path(__file__).with_name("launch.py")
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Job:
    """One process to keep running. `end_by` is the signal that ends it when the supervisor itself is killed."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    stop_signal: str
    end_by: str
    user: str
    stop_seconds: float


class SupervisorClient:
    """Each call returns when the supervisor has done it. TryLater when it does not answer or refuses."""

    def __init__(self, place: Place, pid: int) -> None:
        self.pid = pid
        self._place = place
        self._client = CircusClient(endpoint=f"ipc://{place.supervisor_socket}", timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        self._client.stop()

    def jobs(self) -> dict[str, str]:
        """State of each job as circus names it: active, starting, stopping, stopped."""
        statuses: dict[str, str] = self._ask("status")["statuses"]
        return statuses

    def add(self, job: Job) -> None:
        """Start a process and restart it whenever it ends."""
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

    def halt(self, *names: str) -> None:
        """Stop them gracefully, side by side; they stay stopped until `resume`."""
        self._ask("stop", name=_any_of(names), match="regex", waiting=True)

    def resume(self, *names: str) -> None:
        self._ask("start", name=_any_of(names), match="regex", waiting=True)

    def _ask(self, command: str, **properties: Any) -> Any:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                answer = self._client.send_message(command, **properties)
            except CallError as error:
                raise TryLater(f"supervisor of {self._place.home}: no answer to {command!r} ({error})") from error
            if answer.get("status") != "error":
                return answer
            # circus runs one command at a time and refuses others: milliseconds each, some seconds for a stop
            if "already running" not in answer["reason"] or time.monotonic() > deadline:
                raise TryLater(f"supervisor of {self._place.home}: {command!r} refused: {answer['reason']}")
            time.sleep(0.05)


def _any_of(names: Iterable[str]) -> str:
    """The regular expression by which circus finds them."""
    return f"^({'|'.join(re.escape(name) for name in names)})$"
