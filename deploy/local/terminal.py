"""Terminal output of `akashi up` and `akashi run`: progress of the start, URLs, errors as messages, signals."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
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
    "desk": "アドレスの登録",
    "registration": "登録の受付",
}

clock_option = click.option(
    "--clock",
    envvar="AKASHI_CLOCK",
    help="時計の始まり。例: 2027-04-01T00:00:00+09:00（最初の起動のときだけ）。 / Start of the clock (new home only).",
)
"""The one `--clock` of the commands that start a stack."""

replicas_option = click.option(
    "--replicas",
    envvar="AKASHI_REPLICAS",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="サービスごとのプロセスの数。 / Processes of each service, which share its work.",
)
"""The one `--replicas` of the same commands."""


class StartTable:
    """Progress of a start: one row for each part and service, in the order of the start."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._took: dict[str, float] = {}

    def note(self, name: str, state: str) -> None:
        """The progress callback of `Stack`."""
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


def supervisor_ended(log: Path) -> str:
    return f"監視役が止まりました。記録を確かめてください。 / The supervisor ended, see its log: {log}"


@contextlib.contextmanager
def errors_as_messages() -> Iterator[None]:
    """An AkashiError is shown as a message, without a traceback."""
    try:
        yield
    except AkashiError as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """TERM and HUP (a closed terminal) act as Ctrl-C. Further signals are ignored while stopping."""
    interrupted = threading.Event()

    def interrupt(*_: Any) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
