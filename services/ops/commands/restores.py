"""`akashi restores`: databases that were set back, until somebody has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from services.ops.commands.waiting import attribution, reason_of
from shared.runtime.commands import json_option, say, say_json, say_row

if TYPE_CHECKING:
    from services.ops.board.restores import Restore


@click.command(short_help="復元されたデータベースと、その確認 / Restored databases, until somebody has looked")
@click.option("--seen", "ids", multiple=True, metavar="ID", help="これを確認しました。 / Acknowledge this one.")
@click.option("--all-seen", is_flag=True, help="どれも確認しました。 / Acknowledge all of them.")
@click.option("--history", is_flag=True, help="確認済みのものも出します。 / Also those that are acknowledged.")
@attribution(required=False, public=False)
@json_option
def restores(ids: tuple[str, ...], all_seen: bool, history: bool, why: str | None, by: str, as_json: bool) -> None:
    """データベースが前の状態に戻されていたことに、サービスが気づいたものです。確認するまでボードに出ます。

    Services that found their database set back to an earlier state: what was taken back by itself, and what people
    have to do. Each is on the board until it is acknowledged: --seen ID --why TEXT.

    Columns: id, service, time, facts taken back, messages read again, acknowledged by. With --json one object a line.

    Exit code 0: none is left to look at. 1: some are, or refused. 2: no answer of ops.
    """
    from services.ops.board.restores import Restore
    from services.ops.commands.client import fetch, send

    if ids and all_seen:
        raise click.UsageError("--seen か --all-seen のどちらかです。 / Give either --seen or --all-seen.")
    chosen = [each.id for each in fetch("/api/v1/restores", list[Restore])] if all_seen else list(ids)
    if chosen:
        send("/api/v1/restores", {"ids": chosen, "by": by, "why": reason_of(why)}, list[Restore])
    found = fetch("/api/v1/restores", list[Restore], state="all" if history or chosen else "unseen")
    for restore in found:
        if history or restore.seen_at is None or restore.id in chosen:
            _say(restore, as_json)
    if not found and not as_json:
        say("ありません。 / None.", err=True)
    raise SystemExit(int(any(restore.seen_at is None for restore in found)))


def _say(restore: Restore, as_json: bool) -> None:
    from services.ops.board.restores import loss_of, signs_of

    if as_json:
        say_json(restore)
        return
    recalled = sum(restore.recalled.values())
    at = f"{restore.at:%Y-%m-%dT%H:%M:%SZ}"
    say_row(restore.id, restore.service, at, recalled, restore.read_again, restore.by)
    if restore.seen_at is not None:
        return
    for sign in signs_of(restore):
        say(f"  {sign.ja} / {sign.en}")
    loss = loss_of(restore)
    for label, words in (("取り戻せないもの / lost", loss.what), ("すること / to do", loss.todo)):
        if words is not None:
            say(f"  {label}: {words.ja} / {words.en}")
