"""Orders for a whole cohort: `akashi undo`, `reissue`, `hold-cohort`, `resume-cohort`, each with a dry run first."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from services.ops.commands.waiting import all_settled, attribution, exit_code, outcome_text, reason_of, say_later
from shared.clock import JST
from shared.runtime.commands import json_option, say, say_json, say_row

if TYPE_CHECKING:
    from services.ops.board.decisions import Bulk, DryRun


class _Moment(click.ParamType):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"got {value!r}, expected 2026-04-01 or 2026-04-01T09:00+09:00", param, ctx)
        return found if found.tzinfo else found.replace(tzinfo=JST)


_WORDS = {
    "undo": (
        "年度のバッジをすべて取り消す / Revoke the badges of a cohort",
        "年度のバッジをまとめて取り消します。まず対象者と人数と照合番号を出すだけで、何もしません。"
        "その照合番号を --apply に付けると、その名簿のとおりに実行します。"
        "\n\nRevokes the badges of a cohort. Without --apply it only lists the people, their number and a digest; with"
        " --apply DIGEST it revokes exactly this list, and is refused when the list has changed."
        "\n\nExit code 0: listed, or all done. 1: refused, or not all done. 2: no outcome yet, or no answer of ops.",
        "取り消す人 / to be revoked",
        "発行や訂正の途中で、この名簿に入っていない人。発行されたら、もう一度実行してください。"
        " / badges not issued yet, not on this list: undo again once they are issued",
    ),
    "reissue": (
        "取り消した年度を発行し直す / Issue the badges of an undone cohort again",
        "年度の取り消し（akashi undo）で取り消されたバッジを、同じ内容で発行し直します。"
        "まず名簿を出すだけで、何もしません。"
        "\n\nIssues again, with the same content, the badges that an undo revoked and that were not replaced. Without"
        " --apply it only lists the people, their number and a digest; --apply DIGEST issues them."
        "\n\nExit code 0: listed, or all done. 1: refused, or not all done. 2: no outcome yet, or no answer of ops.",
        "発行し直す人 / to be issued again",
        "一人ずつ取り消され、この名簿に入っていない人（入れるなら --singly）。"
        " / revoked by an order of their own, not on this list: --singly includes them",
    ),
    "hold-cohort": (
        "年度の発行を止める / Hold the registrations of a cohort",
        "年度のうち、まだバッジのない人の発行をまとめて止めます。四月一日を待っている人、あとから届く登録も、再開するまで"
        "止まります。まず名簿を出すだけで、何もしません。"
        "\n\nHolds those of a cohort who have no badge yet, who wait for April 1, and who come later, until"
        " resume-cohort. Without --apply it only lists those who are known; --apply DIGEST holds the cohort."
        "\n\nExit code 0: listed, or all done. 1: refused, or not all done. 2: no outcome yet, or no answer of ops.",
        "止める人 / to be held",
        "すでにバッジのある人。 / have a badge",
    ),
    "resume-cohort": (
        "止めた年度を再開する / Resume the registrations of a cohort",
        "止めている年度を再開し、事務局が止めた人を、まとめて再開します。まず名簿を出すだけで、何もしません。"
        "\n\nEnds the hold of a cohort, and resumes the people who are on hold. Without --apply it only lists them."
        "\n\nExit code 0: listed, or all done. 1: refused, or not all done. 2: no outcome yet, or no answer of ops.",
        "再開する人 / to be resumed",
        "ほかの理由で保留の人。 / held for another reason",
    ),
}


def _bulk(act: Bulk) -> click.Command:
    short, help, heading, rest = _WORDS[act]

    @click.command(act, short_help=short, help=help)
    @click.argument("cohort")
    @click.option("--qualification", help="この資格だけ。 / Only this qualification.")
    @click.option(
        "--apply",
        "digest",
        metavar="DIGEST",
        help="この照合番号の名簿に実行します。 / Carry it out for the list with this digest.",
    )
    @attribution(required=False, public=act in ("undo", "reissue"))
    @click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
    @json_option
    def command(
        cohort: str, digest: str | None, why: str | None, by: str, no_wait: bool, as_json: bool, **choice: Any
    ) -> None:
        from services.ops.board.decisions import DecisionLine, DryRun
        from services.ops.commands.client import fetch, send

        given = {name: _text(value) for name, value in choice.items() if value}
        if digest is None:
            run = fetch(f"/api/v1/{act}", DryRun, cohort=cohort, **given)
            if as_json:
                say_json(run, indent=2)
            else:
                _list(run, heading, rest, _again(act, cohort, choice, run, why))
            return
        body: dict[str, object] = {"cohort": cohort, "digest": digest, "by": by, "why": reason_of(why), **given}
        line = send(f"/api/v1/{act}", body, DecisionLine)
        if not no_wait:
            line = all_settled(line.id)
        if as_json:
            say_json(line)
        else:
            done = line.parts.outcomes if line.parts else {}
            say_row(line.id, line.people, outcome_text(line))
            for word, count in done.items():
                say_row(f"  {word}", count)
            if line.outcome != "done":
                say_later(line.id)
        raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))

    if act in ("undo", "reissue"):
        command.params += [
            click.Option(
                ["--issued-after"], type=_Moment(), help="この時刻以後の発行。 / Issued at this time or later."
            ),
            click.Option(["--issued-before"], type=_Moment(), help="この時刻より前の発行。 / Issued before this time."),
        ]
    if act == "reissue":
        command.params.append(
            click.Option(
                ["--singly"],
                is_flag=True,
                help="一人ずつ取り消された人も含めます。 / Include those revoked one by one.",
            )
        )
    return command


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "true" if value is True else str(value)


def _list(run: DryRun, heading: str, rest: str, command: str) -> None:
    for person in run.people:
        more = (person.reason,) if person.reason else ()
        say_row(person.registration_id, person.assertion_id or None, person.qualification, person.name, *more)
    say(f"{heading}: {run.count:,}", err=True)
    if run.left_out:
        say(f"{rest}: {run.left_out:,}", err=True)
    if (hold := run.held) is not None:
        say(
            f"止めています / held: {hold.since.astimezone(JST):%Y-%m-%d %H:%M} {hold.by}: {hold.why}",
            err=True,
        )
    if run.is_needed:
        say(f"照合番号 digest: {run.digest}", err=True)
        say(f"まだ何もしていません。実行するには / nothing was done; to carry it out:\n  {command}", err=True)


def _again(act: Bulk, cohort: str, choice: dict[str, Any], run: DryRun, why: str | None) -> str:
    words = ["akashi", act, cohort]
    for name, value in choice.items():
        if value:
            words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [_text(value)])
    return shlex.join([*words, "--reason", why or "…", "--apply", run.digest])


undo = _bulk("undo")
reissue = _bulk("reissue")
hold_cohort = _bulk("hold-cohort")
resume_cohort = _bulk("resume-cohort")
