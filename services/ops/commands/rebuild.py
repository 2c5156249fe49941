"""`akashi rebuild`: a service that lost what it knew learns it again from those that announced it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from services.ops.commands.waiting import all_settled, attribution, exit_code, reason_of, say_later
from shared.runtime.commands import json_option, say_json, say_row
from shared.topics import SERVICES

if TYPE_CHECKING:
    from services.ops.board.decisions import DecisionLine

_ONLY_COUNTED = "数えるだけ / count only"


@click.command(short_help="サービスの記録を作り直す / Make a service complete again")
@click.argument("service", type=click.Choice(SERVICES))
@click.option(
    "--from", "producer", type=click.Choice(SERVICES), help="このサービスからだけ。 / Only from this service."
)
@click.option("--dry-run", is_flag=True, help="件数を数えるだけです。 / Only count the events.")
@attribution(required=False, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def rebuild(
    service: str, producer: str | None, dry_run: bool, why: str | None, by: str, no_wait: bool, as_json: bool
) -> None:
    """SERVICE が知るべきことを、それを発表した各サービスに、もう一度そのまま発表させます。

    Has the services that SERVICE learns from announce again, byte for byte, all that they ever announced. What SERVICE
    has already, it drops. Use it for a service whose schema is new or empty, or that missed messages (a gap).
    registration also reads the upstream: have that deliver again.

    One line a producer: service, outcome, number of events. `done`: they are in its outbox; `akashi status` shows when
    SERVICE has read them (lag 0).

    Exit code 0: all producers answered. 1: refused. 2: some have not answered yet, or no answer of ops.
    """
    from services.ops.board.decisions import DecisionLine
    from services.ops.commands.client import send

    reason = (why or _ONLY_COUNTED) if dry_run else reason_of(why)
    body = {"reader": service, "producer": producer, "dry_run": dry_run, "by": by, "why": reason}
    line = send("/api/v1/rebuild", body, DecisionLine)
    if not no_wait:
        line = all_settled(line.id)
    _say(line, as_json)
    raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))


def _say(line: DecisionLine, as_json: bool) -> None:
    if as_json:
        say_json(line)
        return
    for producer in line.producers or ():
        say_row(producer.service, producer.outcome, producer.detail)
    if line.outcome is None:
        say_later(line.id)
