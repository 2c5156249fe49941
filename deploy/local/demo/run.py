"""`akashi run` (and `make run`): the stack, fed with the sample cohort, whose holders are played."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from deploy.local.demo.holders import HolderStuck, password_of, play
from deploy.local.demo.letters import Inbox, Letter
from deploy.local.demo.progress import STAGES, Watch
from deploy.local.demo.sample.cohort import Expected, write_sample
from deploy.local.environment import Place
from deploy.local.loopback import ask
from deploy.local.office import NAME, PASSWORD, ask_ops, make_account
from deploy.local.stack import Stack
from deploy.local.terminal import (
    PAGES,
    StartTable,
    clock_option,
    errors_as_messages,
    interruptible,
    replicas_option,
    supervisor_ended,
)
from services.ops.board.wording import reason_words
from shared import object_keys
from shared.runtime.commands import plain_console

_LEFT_TO_RECEIVE = 3  # holders that are not played, for the user of the demo to try
_SECONDS = 240.0


def feed(stack: Stack, body: bytes, content_type: str = "application/x-ndjson") -> dict[str, Any]:
    """Deliver records to registration over HTTP; returns its answer. httpx.HTTPStatusError when it is refused."""
    key = (stack.place.secrets / "upstream.key").read_bytes().strip()
    answer = ask.post(
        f"{stack.urls['registration']}/upstream/registrations",
        content=body,
        headers={"Authorization": f"Bearer {key.decode()}", "Content-Type": content_type},
    )
    answer.raise_for_status()
    return dict(answer.json())


class Players(threading.Thread):
    """Plays holders in the background. `received`: their letters so far; `error`: what stopped it."""

    def __init__(self, inbox: Inbox, people: int, *, seconds: float) -> None:
        super().__init__(name="players", daemon=True)
        self._inbox, self._people, self._seconds = inbox, people, seconds
        self._ended = threading.Event()
        self.received: list[Letter] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            play(
                self._inbox,
                people=self._people,
                seconds=self._seconds,
                received=self.received.append,
                stop=self._ended,
            )
        except Exception as error:  # raised by `check`; the progress bars would hide a traceback
            self.error = error

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        self._ended.set()
        self.join(10)


@click.command(name="run", short_help="見本の登録者で全体を動かす。 / Run the demo.")
@click.option(
    "--once",
    is_flag=True,
    help="終わったら止める。すべての人数が一致したときだけ終了コード 0。 / Stop; exit code 0 if all counts match.",
)
@replicas_option
@clock_option
def run_command(once: bool, replicas: int, clock: str | None) -> None:
    """見本の登録者で、登録から発行完了のお知らせまでを動かす。 / Run the demo with the sample cohort.

    Starts everything, feeds the sample cohort, plays its holders, shows the count match, and keeps running.
    """
    console = plain_console()
    with errors_as_messages(), interruptible():
        place = Place.from_environment()
        table = StartTable()
        stack = Stack(place.home, place.port_base, clock, replicas=replicas, progress=table.note)
        try:
            with Live(get_renderable=table.table, console=console, refresh_per_second=10):
                stack.start()
            make_account(stack.place)
            expected = _feed_sample(stack, console)
            matched, players = _watch(stack, console, expected, waiting=0 if once else _LEFT_TO_RECEIVE)
            _show(stack, console, expected, players, matched)
            if once:
                raise SystemExit(0 if matched else 1)
            _stay(stack, console)
        except KeyboardInterrupt:
            console.print("止めています… / Stopping…")
            raise SystemExit(130 if once else 0) from None
        finally:
            stack.stop()


def _feed_sample(stack: Stack, console: Console) -> Expected:
    folder = stack.home / "sample"
    expected = write_sample(folder, stack.cohort)
    deliveries: tuple[tuple[str, str], ...] = (
        ("registrations.csv", "text/csv; charset=Shift_JIS"),
        ("registrations.jsonl", "application/x-ndjson"),
    )
    for name, content_type in deliveries:
        answer = feed(stack, (folder / name).read_bytes(), content_type)
        console.print(
            f"[bold]{name}[/]: 受付 accepted {answer['accepted']} 件、変更なし unchanged {answer['unchanged']} 件"
        )
        for problem in answer["rejected"]:
            got = f"{problem['field']}: {problem['got']}"
            console.print(f"  [yellow]{problem['row']} 行目 row[/] {got}（期待 expected: {problem['expected']}）")
    return expected


def _watch(stack: Stack, console: Console, expected: Expected, waiting: int) -> tuple[bool, Players]:
    receiving = expected.eligible - waiting
    players = Players(Inbox(stack.home / "inbox"), receiving, seconds=_SECONDS)
    players.start()
    watch = Watch(
        stack.place,
        lambda status: _matches(status, expected, receiving),
        seconds=_SECONDS,
        expected=expected.eligible,
    )
    try:
        return watch.run(console, also=players.check), players
    except HolderStuck as error:
        console.print(f"[red]受領できない人がいます / somebody could not receive[/]: {error}")
        return False, players
    finally:
        players.stop()


def _matches(status: Mapping[str, Any], expected: Expected, receiving: int) -> bool:
    """Whether the counts are those expected of the sample: nobody missing or doubled, each held for its reason.

    `receiving` holders were played; if others receive meanwhile, they must reach the end as well.
    """
    counts = status["cohort"]
    before = {counts[stage] for stage in ("eligible", "issued", "notified")}
    after = {counts[stage] for stage in ("received", "anchored", "rendered", "completed")}
    return (
        before == {expected.eligible}
        and len(after) == 1
        and receiving <= min(after) <= expected.eligible
        and status["held_by_reason"] == dict(expected.held_by_reason)
        and status["rejected"] == expected.rejected
        and status["dead_letters"] == 0
    )


def match_of(counts: Mapping[str, int], eligible: int, matched: bool) -> list[str]:
    """The count of each stage, and why fewer have received: some badges are left for the visitor to try."""
    left = eligible - counts["received"]
    verdict = "[green]一致しました / all match[/]" if matched else "[red]一致しません / no match[/]"
    line = "　".join(f"{words} {counts[stage]}" for stage, words in STAGES)
    said = [f"[bold]人数の一致[/] {verdict}　{line}"]
    if matched and left:
        said.append(
            f"  受領から先が {left} 人少ないのは、受領を試せるように残してあるためです。"
            f" / {left} have not received: they are left for you to try."
        )
    return said


def _show(stack: Stack, console: Console, expected: Expected, players: Players, matched: bool) -> None:
    status = ask_ops(stack.place, "/api/v1/status").json()
    people = ask_ops(stack.place, "/api/v1/people").json()
    counts = status["cohort"]
    console.print()
    for line in match_of(counts, expected.eligible, matched):
        console.print(line, soft_wrap=True)
    if not matched:
        held_as = dict(expected.held_by_reason)
        console.print(f"  期待: 発行の対象 {expected.eligible}、保留 {held_as}、読み取れない行 {expected.rejected}")
        for stage, missing in status["people_missing"].items():
            for person in missing["people"]:
                console.print(f"  {dict(STAGES)[stage]}を待つ: {person['registration_id']} {person['name']}")
    held = Table(title="保留の人 / held", title_justify="left")
    for heading in ("登録ID id", "氏名 name", "理由 reason"):
        held.add_column(heading)
    for person in people:
        if person["state"] == "held":
            reason = reason_words(person["reason"])
            held.add_row(
                person["registration_id"], person["name"] or "", f"{reason.ja} / {reason.en}" if reason else ""
            )
    console.print(held)
    where = Table(title="見る / look at", show_header=False, title_justify="left")
    for page in ("ops", "inbox", "desk", "wallet"):
        where.add_row(PAGES[page], stack.urls[page])
        if page == "ops":
            where.add_row("　ログイン / sign in", f"{NAME}　{PASSWORD}")
    if players.received:
        letter = players.received[0]
        where.add_row("　ログイン / login", f"{letter.to}　{password_of(letter.to)}")
    done = [person for person in people if person["state"] == "completed"]
    if done:
        where.add_row("QR の先 / the QR code's page", f"{stack.urls['verifier']}/V/{done[0]['assertion_id']}")
        where.add_row("証書 / certificate", str(_save_certificate(stack, done[0]["assertion_id"])))
    console.print(where)


def _save_certificate(stack: Stack, assertion_id: str) -> Path:
    from shared.runtime.objects import Objects
    from shared.runtime.settings import Settings, read_object_storage

    objects = Objects(read_object_storage(Settings(stack.environment("renderer"))))
    path = stack.home / "certificate.pdf"
    path.write_bytes(objects.get(object_keys.certificate(assertion_id)))
    return path


def _stay(stack: Stack, console: Console) -> None:
    console.print(
        f"\n受領を待つ手紙が {_LEFT_TO_RECEIVE} 通あります。届いた手紙を開いて、受領してみてください。"
        f" / {_LEFT_TO_RECEIVE} letters wait to be received: open one of the inbox and try."
    )
    console.print(
        "止めるには Ctrl-C。データは残り、次の make run で続きから始まります。 / Ctrl-C stops it; the data is kept."
    )
    while stack.running():
        time.sleep(0.5)
    raise click.ClickException(supervisor_ended(stack.place.logs / "supervisor.log"))
