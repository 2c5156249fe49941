"""`akashi erase`: a person is forgotten by every service."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from services.ops.commands.waiting import NOT_DONE, all_settled, attribution, exit_code, outcome_text, say_later
from shared.runtime.commands import json_option, say, say_json, say_row

if TYPE_CHECKING:
    from services.ops.board.decisions import DecisionLine
    from services.ops.board.erasures import ErasurePlan

_WORDS = ("消去", "erase")


@click.command(short_help="個人情報を消去する / Erase a person")
@click.argument("registration", metavar="REGISTRATION")
@attribution(required=True, public=False)
@click.option("--yes", is_flag=True, help="確認せずに実行します。 / Don't ask for confirmation.")
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def erase(registration: str, why: str, by: str, yes: bool, no_wait: bool, as_json: bool) -> None:
    """この登録の方の個人情報を、同じ方のほかの登録もあわせて、すべてのサービスから消去します。有効なバッジは取り消されます。
    元に戻すことはできません。はじめに消去されるものを表示し、「消去」と書くと実行します。

    Erases the person of this registration, with all other registrations, in every service. Badges that stand are
    revoked. It can't be taken back. Shows first what would be erased, and asks for the word; without --yes nothing is
    done unless it is typed. One line a service: who has erased its own.

    Exit code 0: every service has. 1: refused, not confirmed, or not done. 2: some have not yet, or no answer of ops.
    """
    from services.ops.board.decisions import DecisionLine
    from services.ops.board.erasures import ErasurePlan
    from services.ops.commands.client import fetch, send

    if not yes:
        _show(fetch(f"/api/v1/erase/{quote(registration)}", ErasurePlan))
        typed = click.prompt("「消去」と書いてください / Type “erase”", default="", show_default=False, err=True)
        if typed.strip().casefold() not in _WORDS:
            say("消去していません。 / Nothing was erased.", err=True)
            raise SystemExit(NOT_DONE)
    line = send("/api/v1/erase", {"registration_id": registration, "by": by, "why": why}, DecisionLine)
    if not no_wait:
        line = all_settled(line.id)
    _say(line, as_json)
    raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))


def _show(plan: ErasurePlan) -> None:
    say(f"{plan.name or '–'}", err=True)
    for each in plan.registrations:
        badge = "取り消し済み / revoked" if each.revoked else "有効 / stands" if each.issued else "なし / none"
        period = f"{each.valid_from or '–'} … {each.valid_until or '–'}"
        say(f"  {each.registration_id}  {each.qualification or '–'}  {period}  バッジ / badge: {badge}", err=True)
    for row in plan.paper:
        say(f"  失われる紙の申し込み / order of paper that is lost: {row.id} {row.state}", err=True)


def _say(line: DecisionLine, as_json: bool) -> None:
    if as_json:
        say_json(line)
        return
    for each in line.producers or ():
        say_row(each.service, each.outcome, each.detail)
    say_row("erase", line.subject, outcome_text(line))
    if line.outcome is None:
        say_later(line.id)
