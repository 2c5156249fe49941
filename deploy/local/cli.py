"""`akashi up`, `akashi down`, `akashi doctor`, `akashi topics`: the local stack from the command line."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.local.environment import SERVICES, Place
from shared.errors import AkashiError

_ROWS = {
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
    "s3": "rclone（S3）",
    "chain": "anvil（チェーン）",
    "mail": "MailDev（受信箱）",
}
_PAGES = ("ops", "inbox", "wallet", "verifier", "registration")
_LOOK_SECONDS = 0.5


@click.command(name="up")
@click.option("--detach", is_flag=True, help="起動したら戻る。止めるには akashi down。")
@click.option("--parts-only", is_flag=True, help="土台（Kafka など）だけを起動する。")
@click.option(
    "--clock", envvar="AKASHI_CLOCK", help="時計の始まり。例: 2027-04-01T00:00:00+09:00（最初の起動のときだけ）"
)
def up(detach: bool, parts_only: bool, clock: str | None) -> None:
    """すべての土台とサービスを起動し、Ctrl-C まで動かす。 / Start all parts and services, until Ctrl-C."""
    from deploy.local.stack import Stack

    console = Console()
    services = () if parts_only else SERVICES
    with _told(), _interruptible():
        place = Place.from_environment()
        board = Board()
        stack = Stack(place.home, place.port_base, clock, services, progress=board.note, detached=detach)
        with Live(get_renderable=board.table, console=console, refresh_per_second=10):
            stack.start()
        show_urls(console, stack.urls, _PAGES if stack.services else ("inbox",))
        if detach:
            console.print("止めるには akashi down。")
            return
        console.print(f"記録は {place.logs} にあります。止めるには Ctrl-C。")
        try:
            while stack.running():
                time.sleep(_LOOK_SECONDS)
            raise click.ClickException(f"監視役が止まりました。記録: {place.logs / 'supervisor.log'}")
        except KeyboardInterrupt:
            console.print("止めています…")
        finally:
            stack.stop()


@click.command(name="down")
def down() -> None:
    """AKASHI_HOME で動いている一式を止める。データは残る。 / Stop the stack of AKASHI_HOME; its data stay."""
    from deploy.local.stack import stop_running

    with _told():
        place = Place.from_environment()
        stopped = stop_running(place)
        click.echo(f"{place.home}: {'止めました。' if stopped else '動いていません。'}")


@click.command(name="doctor")
def doctor() -> None:
    """この計算機に足りないものを挙げる。 / Name what this machine lacks."""
    from deploy.local import doctor as examination

    raise SystemExit(examination.main())


@click.command(name="topics")
@click.option("--bootstrap", envvar="KAFKA_BOOTSTRAP", help="Kafka のアドレス。なければこの計算機の一式。")
@click.option("--replication", type=click.IntRange(1, 9), help="複製の数。なければブローカーの既定。")
def topics(bootstrap: str | None, replication: int | None) -> None:
    """足りないトピックを作る。何度でも実行できる。 / Create the topics that are missing."""
    from deploy.local.topics import provision_topics

    with _told():
        made = provision_topics(bootstrap or Place.from_environment().address("kafka"), replication=replication or -1)
        for name in made:
            click.echo(name)
        click.echo(f"{len(made)} 個のトピックを作りました。", err=True)


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
    words = {
        "ops": "運用ボード",
        "inbox": "届いた手紙",
        "wallet": "ウォレット",
        "verifier": "検証ページ",
        "registration": "登録の受付",
    }
    table = Table(show_header=False, box=None, padding=(0, 1))
    for name in names:
        table.add_row(words[name], urls[name])
    console.print(table)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What a person may read becomes a message, not a traceback."""
    try:
        yield
    except AkashiError as error:
        raise click.ClickException(str(error)) from error


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
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
