"""The commands of ops: `akashi status`, `akashi people`, `akashi dead-letters`."""

from __future__ import annotations

import getpass
import sys
import time
from typing import TYPE_CHECKING

import click
import msgspec

from services.ops.board.counts import STATES, Stage

if TYPE_CHECKING:
    from rich.console import RenderableType

    from services.ops.board.answers import Status

_WATCH_SECONDS = 1.0


@click.command(short_help="発行の状況（人数の一致）/ The count match of a cohort")
@click.option("--json", "as_json", is_flag=True, help="JSONで出す。 / As JSON.")
@click.option("--watch", is_flag=True, help="Ctrl-C まで更新し続ける。 / Keep it fresh until Ctrl-C.")
@click.option("--cohort", help="年度（指定がなければ最新）。 / The cohort; the latest unless given.")
def status(as_json: bool, watch: bool, cohort: str | None) -> None:
    """対象・発行・お知らせ・受領・記録・PDF・完了の人数と、その差を出します。

    Shows how many people have reached each stage, who is held and why, dead letters and lag.
    """
    from services.ops.board.answers import Status, encode
    from services.ops.commands.client import fetch

    if watch and as_json:
        raise click.UsageError("--json と --watch は同時に使えません。 / --json and --watch exclude each other.")
    found = fetch("/api/v1/status", Status, cohort=cohort)
    if as_json:
        click.echo(msgspec.json.format(encode(found), indent=2))
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if not watch:
        console.print(_table(found))
        return
    try:
        with Live(_table(found), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(_WATCH_SECONDS)
                live.update(_table(fetch("/api/v1/status", Status, cohort=cohort)), refresh=True)
    except KeyboardInterrupt:
        return


def _table(found: Status) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from services.ops.board import wording

    most = max(getattr(found.cohort, stage.word) for stage in Stage)
    table = Table(box=None, title=f"{found.cohort.id or '–'}", title_justify="left", pad_edge=False)
    table.add_column("段階 / stage")
    table.add_column("人数", justify="right")
    table.add_column("")
    table.add_column("あと / missing", justify="right")
    for stage in Stage:
        count = getattr(found.cohort, stage.word)
        missing = found.people_missing.get(stage.word)
        table.add_row(
            f"{wording.STAGES[stage.word].ja} {stage.word}",
            f"{count:,}",
            ProgressBar(total=max(most, 1), completed=count, width=24),
            f"{missing.count:,}" if missing and missing.count else "",
        )
    lines = [
        Text("一致しています / all counts match", "bold green")
        if found.matches
        else Text("途中です / on the way", "yellow")
    ]
    for reason, count in found.held_by_reason.items():
        lines.append(
            Text(f"保留 held  {count:>6,}  {reason} {(wording.reason_words(reason) or wording.STATES['held']).ja}")
        )
    for label, count in (("読めなかった行 rejected", found.rejected), ("未処理 dead letters", found.dead_letters)):
        if count:
            lines.append(Text(f"{label}  {count:,}", "red"))
    troubles = {state: count for state, count in found.letters.items() if count and state not in ("sent", "queued")}
    if troubles:
        lines.append(
            Text("メール letters  " + "  ".join(f"{state} {count:,}" for state, count in troubles.items()), "red")
        )
    waiting = {name: count for name, count in found.lag.items() if count}
    unknown = sorted(found.lag_unknown)
    lines.append(Text("処理待ち lag  " + ("  ".join(f"{name} {count:,}" for name, count in waiting.items()) or "0")))
    if unknown:
        lines.append(Text(f"処理待ち不明 lag unknown  {', '.join(unknown)}: {found.lag_unknown[unknown[0]]}", "dim"))
    return Group(table, *lines)


@click.command(short_help="人ごとの状態 / Where each person stands")
@click.option("--state", type=click.Choice(STATES), help="この状態の人だけ。 / Only who is in this state.")
@click.option("--json", "as_json", is_flag=True, help="1行に1人のJSON。 / One JSON object a line.")
@click.option("--cohort", help="年度（指定がなければ最新）。 / The cohort; the latest unless given.")
def people(state: str | None, as_json: bool, cohort: str | None) -> None:
    """1行に1人、登録ID・状態・理由・バッジの番号を出します。

    One line a person: registration_id, state, reason, assertion_id.
    """
    from services.ops.board.answers import PersonLine
    from services.ops.commands.client import fetch

    found = fetch("/api/v1/people", list[PersonLine], state=state, cohort=cohort)
    out = sys.stdout
    for person in found:
        if as_json:
            out.write(msgspec.json.encode(person).decode() + "\n")
        else:
            out.write(
                f"{person.registration_id}\t{person.state}\t{person.reason or '-'}\t{person.assertion_id or '-'}\n"
            )


@click.group("dead-letters", short_help="処理できなかったメッセージ / Messages that could not be handled")
def dead_letters() -> None:
    """処理できなかったメッセージの一覧、再投入、破棄。

    List, replay or discard the messages that a service could not handle.
    """


@dead_letters.command("list", short_help="一覧 / List them")
@click.option("--state", type=click.Choice(["open", "replayed", "discarded", "all"]), default="open", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="1行に1件のJSON。 / One JSON object a line.")
def list_(state: str, as_json: bool) -> None:
    """番号、トピック、位置、サービス、原因を出します。 / Id, topic, place, service, cause."""
    from services.ops.board.answers import DeadLetterLine
    from services.ops.commands.client import fetch

    found = fetch("/api/v1/dead-letters", list[DeadLetterLine], state=state)
    for letter in found:
        if as_json:
            click.echo(msgspec.json.encode(letter).decode())
        else:
            place = "-" if letter.offset is None else f"{letter.partition}/{letter.offset}"
            click.echo(f"{letter.id}\t{letter.state}\t{letter.topic}\t{place}\t{letter.consumer}\t{letter.cause}")
    if not found and not as_json:
        click.echo("ありません。 / None.", err=True)


def _decision(name: str, done: str, help: str, short: str, reason: str | None = None) -> click.Command:
    @dead_letters.command(name, help=help, short_help=short)
    @click.argument("ids", nargs=-1)
    @click.option("--all", "everything", is_flag=True, help="未対応のすべて。 / All that are open.")
    @click.option(
        "--reason",
        "why",
        required=reason is None,
        default=reason,
        help="理由（記録に残ります）。 / Why; stays on record.",
    )
    @click.option(
        "--by", default=getpass.getuser, help="担当者（指定がなければ利用者名）。 / Who; your user name unless given."
    )
    def command(ids: tuple[str, ...], everything: bool, why: str, by: str) -> None:
        from services.ops.board.answers import DeadLetterLine
        from services.ops.commands.client import fetch, order

        if bool(ids) == everything:
            raise click.UsageError("番号か --all のどちらかを指定してください。 / Give either ids or --all.")
        chosen = list(ids)
        if everything:
            chosen = [letter.id for letter in fetch("/api/v1/dead-letters", list[DeadLetterLine])]
        still_open = set(chosen)
        for id in chosen:
            if everything and id not in still_open:
                continue  # it went with another one: several services had failed on one message
            order(f"/api/v1/dead-letters/{id}/{name}", {"by": by, "why": why})
            click.echo(f"{done} {id}")
            if everything:
                still_open = {letter.id for letter in fetch("/api/v1/dead-letters", list[DeadLetterLine])}

    return command


replay = _decision(
    "replay",
    "再投入 replayed",
    "もとのトピックへ、もとのまま再び流します。処理済みのサービスでは二重になりません。"
    "\n\nSends the message to its topic once more, as it was; who has handled it drops it.",
    "再投入 / Replay",
    reason="理由の記入なし / no reason given",
)
discard = _decision(
    "discard",
    "破棄 discarded",
    "理由を残して破棄します。\n\nLets the message rest, with the reason on record.",
    "破棄 / Discard",
)
