"""`akashi letters resend`, `hold`, `resume`: orders about letters."""

from __future__ import annotations

import click

from services.ops.commands.orders import give
from services.ops.commands.waiting import attribution
from shared.runtime.commands import json_option

_no_wait = click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")


@click.command(short_help="お知らせをもう一度送る / Send a letter again")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@click.option(
    "--letter",
    required=True,
    help="お知らせの種類：award、completion、correction、revocation。"
    " / Which letter: award, completion, correction, revocation.",
)
@attribution(required=True, public=False)
@_no_wait
@json_option
def resend(ids: tuple[str, ...], letter: str, why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """同じお知らせを、同じアドレスへもう一度送ります。IDはバッジの番号か、登録ID（その最新のバッジ）です。

    Sends the same letter to the same address once more. ID: an assertion, or a registration for its newest badge. To
    another address: correct it with `akashi correct ID --email …`.

    Exit code 0: it is queued. 1: refused. 2: no outcome yet, or no answer of ops.
    """
    bodies = ({"id": id, "letter": letter, "by": by, "why": why} for id in ids)
    raise SystemExit(max(give("/api/v1/letters/resend", body, no_wait, as_json) for body in bodies))


@click.command(short_help="年度のお知らせを止める / Hold the letters of a cohort")
@click.argument("cohort")
@attribution(required=True, public=False)
@_no_wait
@json_option
def hold(cohort: str, why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """この年度のお知らせを、1通も送らないようにします。5秒以内に止まります。相手のサーバーに渡したものは戻せません。

    No letter of this cohort leaves any more, within 5 seconds, until `akashi letters resume`. Those that the relay has
    are on their way.

    Exit code 0: done. 1: refused, or they are held already. 2: no outcome yet, or no answer of ops.
    """
    raise SystemExit(give("/api/v1/letters/hold", {"cohort": cohort, "by": by, "why": why}, no_wait, as_json))


@click.command(short_help="止めたお知らせを再開する / Resume the letters of a cohort")
@click.argument("cohort")
@attribution(required=True, public=False)
@_no_wait
@json_option
def resume(cohort: str, why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """止めていたお知らせを、待っているものから順に送ります。 / The letters that were held leave, in their order.

    Exit code 0: done. 1: refused, or they are not held. 2: no outcome yet, or no answer of ops.
    """
    raise SystemExit(give("/api/v1/letters/resume", {"cohort": cohort, "by": by, "why": why}, no_wait, as_json))
