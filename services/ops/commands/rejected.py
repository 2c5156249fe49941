"""Rows of deliveries that could not be read: `akashi rejected list`, `dismiss`."""

from __future__ import annotations

import click

from services.ops.commands.waiting import attribution
from shared.runtime.commands import json_option, say, say_json, say_row


@click.group("rejected", short_help="読めなかった行 / Rows that could not be read")
def rejected() -> None:
    """届いた登録データのうち、読めなかった行を一覧し、対応済みにします。

    List or dismiss the rows of deliveries that could not be read.
    """


@rejected.command("list", short_help="一覧 / List them")
@click.option(
    "--state",
    type=click.Choice(["open", "dismissed", "all"]),
    default="open",
    show_default=True,
    help="この状態のものだけ。 / Only rows in this state.",
)
@json_option
def list_(state: str, as_json: bool) -> None:
    """番号・届いたもの・行・項目ごとの理由を出します。--json では1行に1件です。

    One line each: id, source, row, what is wrong with each field. With --json one JSON object a line.
    """
    from services.ops.board.rejected import RejectedRow, rejected_words
    from services.ops.commands.client import fetch

    found = fetch("/api/v1/rejected", list[RejectedRow], state=state)
    for row in found:
        if as_json:
            say_json(row)
            continue
        wrong = []
        for problem in row.problems:
            name, said = rejected_words(problem.field)
            wrong.append(f"{name.ja} {problem.field}: {said.ja} / {said.en} (expected {problem.expected})")
        say_row(row.id, row.source, row.row_number, *wrong)
    if not found and not as_json:
        say("ありません。 / None.", err=True)


@rejected.command("dismiss", short_help="対応済みにする / Dismiss them")
@click.argument("ids", nargs=-1)
@click.option("--source", help="このファイルの行すべて。 / All rows of this delivery.")
@click.option("--all", "everything", is_flag=True, help="未対応のすべて。 / All open ones.")
@attribution(required=True, public=False)
def dismiss(ids: tuple[str, ...], source: str | None, everything: bool, why: str, by: str) -> None:
    """直した行が届いたもの、要らないものを、理由を残して対応済みにします。

    Takes rows off the board: those that were corrected upstream and delivered again, and those that nobody needs. The
    reason stays on record; a row that is rejected later is open.

    Exit code 0: dismissed. 1: unknown, then none is dismissed. 2: no answer of ops.
    """
    from services.ops.commands.client import send

    if sum((bool(ids), source is not None, everything)) != 1:
        raise click.UsageError(
            "番号、--source、--all のどれか一つを指定してください。 / Give either ids, --source or --all."
        )
    body: dict[str, object] = {"by": by, "why": why}
    if ids:
        body["ids"] = list(ids)
    elif source is not None:
        body["source"] = source
    else:
        body["everything"] = True
    count = send("/api/v1/rejected/dismiss", body, dict[str, int])["dismissed"]
    say(f"対応済みにしました：{count} 項目 / dismissed: {count} fields")
