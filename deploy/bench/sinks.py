"""Mail servers that take every letter and forget it, each a process of its own. Used by the benches."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

import click

from deploy.local.environment import REPOSITORY
from deploy.local.ports import free_port


@dataclass(frozen=True)
class Sink:
    """A running sink on the loopback address."""

    name: str
    port: int
    pid: int


def cheapest() -> AbstractContextManager[Sink]:
    """Postfix's smtp-sink where there is one on PATH; else the lean one."""
    program = shutil.which("smtp-sink")
    return lean() if program is None else smtp_sink(program)


@contextmanager
def smtp_sink(program: str) -> Iterator[Sink]:
    """Postfix's own, which takes several commands at once."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *user, f"127.0.0.1:{port}", "100"]) as process:
        try:
            _wait_for(port)
            yield Sink("smtp-sink", port, process.pid)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), smtplib.SMTP("127.0.0.1", port, timeout=5):
            return
        time.sleep(0.1)
    raise click.ClickException(f"smtp-sink: got no answer on port {port}, expected a greeting")


def lean() -> AbstractContextManager[Sink]:
    """Ours: `lean_sink.py`."""
    return _module("lean", "deploy.bench.lean_sink")


def aiosmtpd() -> AbstractContextManager[Sink]:
    """A whole mail server in Python: `mail_sink.py`."""
    return _module("aiosmtpd", "deploy.bench.mail_sink")


@contextmanager
def _module(name: str, module: str) -> Iterator[Sink]:
    """It prints its port, and ends when its standard input does: also when this process is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", module], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Sink(name, int(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()
