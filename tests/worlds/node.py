"""Scripts of Node that stay for all questions of this process: loading one takes half a second of CPU and more."""

from __future__ import annotations

import atexit
import json
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any

TESTS = Path(__file__).parents[1]


class NodeScript:
    """A script that answers line by line, as `tests/outside/answering.mjs` does. Thread-safe."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._turn = Lock()
        self._errors = TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            ["node", "--no-warnings", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
        )
        atexit.register(self.close)

    def ask(self, question: object) -> Any:
        """Its answer, JSON both ways. AssertionError with its own words when it has none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(question) + "\n")  # ASCII, so a line ends where it should
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(f"{self._script.name} ended: {self._errors.read().decode()}")
        said = json.loads(line)
        assert "answer" in said, f"{self._script.name}: {said['error']}"
        return said["answer"]

    def close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait(20)
            self._errors.close()


@cache
def node_script(path: str) -> NodeScript:
    """The one of this process. `path`: below `tests`."""
    return NodeScript(TESTS / path)
