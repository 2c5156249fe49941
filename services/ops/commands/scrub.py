"""`akashi scrub`: the services compare their tables with object storage, and make again what is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from services.ops.board.scrubs import ALL, SCRUBBERS
from services.ops.commands.waiting import all_settled, attribution, exit_code, say_later
from shared.runtime.commands import json_option, say_json, say_row

if TYPE_CHECKING:
    from services.ops.board.decisions import DecisionLine
    from services.ops.board.scrubs import ScrubLine

_ROUTINE = "点検 / check"


@click.command(short_help="保管庫の点検と修復 / Compare tables and object storage")
@click.option("--repair", is_flag=True, help="失われたものを作り直します。 / Make again what is lost.")
@click.option("--service", type=click.Choice(SCRUBBERS), help="このサービスだけ。 / Only this service.")
@attribution(required=False, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def scrub(repair: bool, service: str | None, why: str | None, by: str, no_wait: bool, as_json: bool) -> None:
    """記録にあるものが保管庫にそのままあるかを確かめ、--repair なら、ないもの・壊れたものを作り直します。

    Reads every object that the tables say is there, and lists what only storage has. With --repair what is missing or
    broken is made again from the tables, byte for byte; the broken bytes are kept under scrubbed/.

    One line a service and kind: checked, missing, different, only stored, repaired, adopted. Then the objects at fault,
    at most 20 a service: service, key, what is wrong, what became of it.

    Exit code 0: all is as it should be, or is now. 1: something is missing or different (without --repair, or it could
    not be put right), or refused. 2: some have not answered yet, or no answer of ops.
    """
    from services.ops.board.decisions import DecisionLine
    from services.ops.board.scrubs import ScrubLine
    from services.ops.commands.client import fetch, send

    body = {"subject": service or ALL, "repair": repair, "by": by, "why": (why or "").strip() or _ROUTINE}
    line = send("/api/v1/scrub", body, DecisionLine)

    def told() -> list[ScrubLine]:
        return fetch("/api/v1/scrubs", list[ScrubLine], id=line.id)

    if not no_wait:
        line = all_settled(line.id, moves=lambda: sum(each.checked for each in told()))
    _say(line, told(), as_json)
    raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))


def _say(line: DecisionLine, told: list[ScrubLine], as_json: bool) -> None:
    if as_json:
        answer = {"decision": line, "scrubs": told}
        say_json(answer)
        return
    for each in told:
        for count in each.counts:
            say_row(
                each.service,
                count.kind,
                f"checked {count.checked}",
                f"missing {count.missing}",
                f"different {count.different}",
                f"only stored {count.only_stored}",
                f"repaired {count.repaired}",
                f"adopted {count.adopted}",
            )
    for each in told:
        for fault in each.named:
            say_row(each.service, fault.key, fault.found, fault.outcome)
    for service in line.producers or ():
        if service.outcome is None:
            say_row(service.service, None)
    if line.outcome is None:
        say_later(line.id)
