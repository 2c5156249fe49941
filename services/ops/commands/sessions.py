"""`akashi end-sessions`: log one person, or everybody, out of the wallet."""

from __future__ import annotations

import click

from services.ops.commands.orders import give
from services.ops.commands.waiting import attribution
from shared.runtime.commands import json_option


@click.command("end-sessions", short_help="ウォレットからログアウトさせる / Log holders out of the wallet")
@click.argument("ids", nargs=-1, metavar="[ID…]")
@click.option("--all", "everybody", is_flag=True, help="全員。 / Everybody.")
@attribution(required=True, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def end_sessions(ids: tuple[str, ...], everybody: bool, why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """この人（または --all で全員）を、すべての端末でウォレットからログアウトさせます。IDは登録IDかバッジの番号です。
    パスワードとパスキーは変わりません。

    Logs these people (or, with --all, everybody) out of the wallet on all devices. ID: a registration, or a badge.
    Passwords and passkeys stay valid for a new login.

    Exit code 0: done. 1: refused, or there is no account. 2: no outcome yet, or no answer of ops.
    """
    if bool(ids) == everybody:
        raise click.UsageError("IDか --all のどちらかを指定してください。 / Give either ids or --all.")
    who = {"by": by, "why": why}
    if everybody:
        raise SystemExit(give("/api/v1/end-all-sessions", who, no_wait, as_json))
    raise SystemExit(max(give("/api/v1/end-sessions", {"id": id, **who}, no_wait, as_json) for id in ids))
