"""What `akashi up` and `akashi run` share on a terminal: the start row by row, the URLs, errors told, signals heard."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from shared.errors import AkashiError

_ROWS = {
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
    "s3": "rclone（S3）",
    "chain": "anvil（チェーン）",
    "mail": "MailDev（受信箱）",
}

PAGES = {
    "ops": "運用ボード",
    "inbox": "届いた手紙",
    "wallet": "ウォレット",
    "verifier": "検証ページ",
    "registration": "登録の受付",
}


class Board:
    """What is up and what is still to come, row by row, in the order of the start."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def note(self, name: str, state: str) -> None:
        """A stack's progress callback."""
        if name == "stack":
            return
        self._states[name] = state
        if state == "starting":
            self._began[name] = time.monotonic()
        else:
            self._took[name] = time.monotonic() - self._began.get(name, time.monotonic())

    def table(self) -> Table:
        table = Table(show_header=False, box=None, padding=(0, 1))
        for name, state in list(self._states.items()):
            mark = "[green]✓[/]" if state == "ready" else "[yellow]…[/]"
            took = f"{self._took[name]:.1f} 秒" if name in self._took else ""
            table.add_row(mark, _ROWS.get(name, name), f"[dim]{took}[/]")
        return table


def show_urls(console: Console, urls: dict[str, str], names: tuple[str, ...]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 1))
    for name in names:
        table.add_row(PAGES[name], urls[name])
    console.print(table)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What a person may read becomes a message, not a traceback."""
    try:
        yield
    except AkashiError as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """TERM and a closed terminal end things as Ctrl-C does. A second signal is ignored: ending goes on."""
    asked = threading.Event()

    def interrupt(*_: Any) -> None:
        if not asked.is_set():
            asked.set()
            raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
