"""What the office looks at: `akashi status` and `akashi people`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from services.ops.board.counts import STATES, Stage
from shared.clock import JST
from shared.runtime.commands import json_option, plain_console, say, say_json, say_row

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from services.ops.board.answers import BoardStatus

_WATCH_SECONDS = 1.0
_PAGE = 1000  # people asked for at a time


@click.command(short_help="発行の状況（人数の一致） / The count match of a cohort")
@json_option
@click.option("--watch", is_flag=True, help="Ctrl-C まで更新し続けます。 / Refresh it until Ctrl-C.")
@click.option("--cohort", help="年度（指定がなければ最新）。 / Cohort (default: the latest).")
def status(as_json: bool, watch: bool, cohort: str | None) -> None:
    """対象・発行・お知らせ・受領・記録・PDF・完了の人数と、その差を出します。

    Shows how many people have reached each stage, who is held and why, dead letters and lag.
    """
    from services.ops.board.answers import BoardStatus
    from services.ops.commands.client import fetch

    if watch and as_json:
        raise click.UsageError("--json と --watch は同時に使えません。 / --json and --watch exclude each other.")
    found = fetch("/api/v1/status", BoardStatus, cohort=cohort)
    if as_json:
        say_json(found, indent=2)
        return
    from rich.live import Live

    console = plain_console()
    if not watch:
        console.print(_status(found))
        return
    try:
        with Live(_status(found), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(_WATCH_SECONDS)
                live.update(_status(fetch("/api/v1/status", BoardStatus, cohort=cohort)), refresh=True)
    except KeyboardInterrupt:
        return


Line = tuple[str, str]
"""A text, and its style."""


def _status(found: BoardStatus) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    lines = (*_people_lines(found), *_letter_lines(found), *_machinery_lines(found))
    return Group(_stages(found), *(Text(text, style) for text, style in lines))


def _stages(found: BoardStatus) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from services.ops.board import wording

    most = max(getattr(found.cohort, stage.word) for stage in Stage)
    table = Table(box=None, title=f"{found.cohort.id or '–'}", title_justify="left", pad_edge=False)
    table.add_column("段階 / stage")
    table.add_column("人数", justify="right")
    table.add_column("")
    table.add_column("あと / missing", justify="right")
    table.add_column("1分に / a minute", justify="right")
    for stage in Stage:
        count = getattr(found.cohort, stage.word)
        missing = found.people_missing.get(stage.word)
        table.add_row(
            f"{wording.STAGES[stage.word].ja} {stage.word}",
            f"{count:,}",
            ProgressBar(total=max(most, 1), completed=count, width=24),
            f"{missing.count:,}" if missing and missing.count else "",
            f"{pace.per_minute:,.0f}" if (pace := found.pace.get(stage.word)) and pace.per_minute else "",
        )
    return table


def _people_lines(found: BoardStatus) -> Iterator[Line]:
    from services.ops.board import wording

    yield ("一致しています / all counts match", "bold green") if found.matches else ("途中です / on the way", "yellow")
    for hold in found.cohorts_held:
        of = f"{hold.cohort} {hold.qualification or ''}".strip()
        since = f"{hold.since.astimezone(JST):%Y-%m-%d %H:%M}"
        yield f"年度の発行を止めています cohort held  {of}  {since}  {hold.by}: {hold.why}", "yellow"
    for reason, count in found.held_by_reason.items():
        yield f"保留 held  {count:>6,}  {reason} {(wording.reason_words(reason) or wording.STATES['held']).ja}", ""
    for reason, count in found.stuck_by_reason.items():
        words = wording.STUCK.get(reason)
        yield f"停止 stuck  {count:>6,}  {reason} {words.name.ja if words else ''}", "red"
        if words:
            yield f"{' ' * 19}{words.next.ja} / {words.next.en}", "dim"
    for label, count in (("読めなかった行 rejected", found.rejected), ("未処理 dead letters", found.dead_letters)):
        if count:
            yield f"{label}  {count:,}", "red"


def _letter_lines(found: BoardStatus) -> Iterator[Line]:
    troubles = {state: count for state, count in found.letters.items() if count and state not in ("sent", "queued")}
    if troubles:
        yield "メール letters  " + "  ".join(f"{state} {count:,}" for state, count in troubles.items()), "red"
    for row in found.letters_by_domain[:5]:
        counts = "  ".join(f"{state} {count:,}" for state, count in row.counts.items() if state != "sent")
        yield f"  {row.domain or '?'}  {counts}  {row.answer or ''}", "dim"


def _machinery_lines(found: BoardStatus) -> Iterator[Line]:
    from services.ops.board.health import troubles_of
    from services.ops.board.restores import loss_of

    for restore in found.restores:
        loss = loss_of(restore).what
        lost = (f"取り戻せないもの：{loss.ja}。", f" Lost: {loss.en}.") if loss else ("", "")
        yield f"{restore.service}  データベースが戻されていました。{lost[0]} akashi restores", "red"
        yield f"{' ' * len(restore.service)}  Its database was set back.{lost[1]}", "dim"
    for service, health in found.services.items():
        for trouble in troubles_of(service, health):
            yield f"{service}  {trouble.what.ja}{trouble.todo.ja}", "red"
            yield f"{' ' * len(service)}  {trouble.what.en} {trouble.todo.en}", "dim"
    for line in found.scrubs:
        if line.at_fault:
            yield f"{line.service}  保管庫に異常 objects at fault  {line.at_fault:,}  akashi scrub --repair", "red"
    waiting = {name: count for name, count in found.lag.items() if count}
    yield "処理待ち lag  " + ("  ".join(f"{name} {count:,}" for name, count in waiting.items()) or "0"), ""
    if unknown := sorted(found.lag_unknown):
        yield f"処理待ち不明 lag unknown  {', '.join(unknown)}: {found.lag_unknown[unknown[0]]}", "dim"


@click.command(short_help="人ごとの状態 / The state of each person")
@click.option("--state", type=click.Choice(STATES), help="この状態の人だけ。 / Only people in this state.")
@json_option
@click.option("--cohort", help="年度（指定がなければ最新）。 / Cohort (default: the latest).")
def people(state: str | None, as_json: bool, cohort: str | None) -> None:
    """1行に1人、登録ID・状態・理由・バッジの番号を出します。--json でも1行に1人です。

    One line a person: registration_id, state, reason, assertion_id. With --json one JSON object a line.
    """
    from services.ops.board.answers import PersonLine
    from services.ops.commands.client import fetch_pages

    is_anybody = False
    for page in fetch_pages("/api/v1/people", list[PersonLine], limit=_PAGE, state=state, cohort=cohort):
        is_anybody = is_anybody or bool(page)
        for person in page:
            if as_json:
                say_json(person)
            else:
                say_row(person.registration_id, person.state, person.reason, person.assertion_id)
    if not is_anybody:
        say("該当する人はいません。 / Nobody.", err=True)


@click.command(short_help="人を探す / Find somebody")
@click.argument("text")
@json_option
def find(text: str, as_json: bool) -> None:
    """氏名・よみ・番号・メールアドレス・IDで探します。することのある人から、200人まで出します。

    Finds people by name, kana, number, address or id; at most 200, those with something to do first. Columns as of
    `akashi people`, then name, qualification and cohort.

    Exit code 1: nobody was found.
    """
    from services.ops.board.answers import PersonLine
    from services.ops.commands.client import fetch

    people = fetch("/api/v1/search", list[PersonLine], q=text)
    for person in people:
        if as_json:
            say_json(person)
        else:
            columns = (person.registration_id, person.state, person.reason, person.assertion_id)
            say_row(*columns, person.name, person.qualification, person.cohort)
    if not people:
        say("見つかりませんでした。 / Nobody was found.", err=True)
        raise SystemExit(1)
