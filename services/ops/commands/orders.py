"""The office's commands about one person: `akashi revoke`, `akashi correct`; and `akashi decisions`."""

from __future__ import annotations

import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
import msgspec

from services.ops.board import wording
from services.ops.commands.waiting import exit_code, later, on_record, outcome_text, reason_of, settled

if TYPE_CHECKING:
    from services.ops.board.decisions import DecisionLine


@click.command(short_help="バッジを取り消す / Revoke badges, with a reason")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@on_record(required=True)
@click.option("--no-wait", is_flag=True, help="結果を待たない。 / Don't wait for the outcome.")
@click.option("--json", "as_json", is_flag=True, help="1行に1件のJSON。 / One JSON object a line.")
def revoke(ids: tuple[str, ...], why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """バッジを取り消します。IDはバッジの番号か、登録ID（その最新のバッジ）です。20秒まで結果を待ちます。

    Revokes the badges with these assertion or registration ids and waits up to 20 s for the outcome.

    Exit code 0: done. 1: refused, or not done. 2: not known yet, or ops can't be reached.
    """
    from services.ops.board.decisions import DecisionLine
    from services.ops.commands.client import send

    code = 0
    for id in ids:
        line = send("/api/v1/revoke", {"id": id, "by": by, "why": why}, DecisionLine)
        line = settled(line.id, wait=not no_wait)
        code = max(code, 0 if no_wait and line.outcome is None else exit_code(line))
        _say(line, as_json)
    raise SystemExit(code)


_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command(short_help="発行済みのバッジを訂正する / Correct what was issued")
@click.argument("registration", metavar="REGISTRATION")
@click.option("--family-name", help="氏 / family name")
@click.option("--given-name", help="名 / given name")
@click.option("--family-name-latin", help='氏（ローマ字）。"" でなしに。 / Latin; "" takes it away')
@click.option("--given-name-latin", help='名（ローマ字）。"" でなしに。 / Latin; "" takes it away')
@click.option("--email", help="本人のメールアドレス / the person's own address")
@click.option("--pass-number", help="合格番号 / pass number")
@click.option("--registration-number", help="登録番号 / registration number")
@click.option("--valid-from", type=_DAY, help="有効期間の開始日 / first day, YYYY-MM-DD")
@click.option("--valid-until", type=_DAY, help="有効期間の満了日 / last day, YYYY-MM-DD")
@click.option("--again", is_flag=True, help="同じ内容で発行し直す。 / Issue once more as it is.")
@on_record(required=False)
@click.option("--dry-run", is_flag=True, help="変わるところを見るだけ。 / Only show what would change.")
@click.option("--yes", is_flag=True, help="確かめずに実行する。 / Don't ask.")
@click.option("--no-wait", is_flag=True, help="結果を待たない。 / Don't wait for the outcome.")
@click.option("--json", "as_json", is_flag=True, help="JSONで出す。 / As JSON.")
def correct(
    registration: str,
    again: bool,
    why: str | None,
    by: str,
    dry_run: bool,
    yes: bool,
    no_wait: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """登録の内容を訂正し、バッジを発行し直します。前のバッジは「訂正により差し替え」になります。

    Corrects a registration and issues its badge once more; the former one is revoked as replaced by it. Shows old
    and new first, and asks when it is used on a terminal.

    Exit code 0: done, or nothing wanted. 1: refused, or not done. 2: not known yet, or ops can't be reached.
    """
    from services.ops.board.decisions import DecisionLine, Life, differences
    from services.ops.commands.client import fetch, send
    from shared.events import Correction

    correction = msgspec.convert({name: _plain(value) for name, value in given.items()}, Correction)
    wanted = any(value is not None for value in given.values())
    if wanted == again:
        raise click.UsageError(
            "訂正する項目か --again のどちらかを指定してください。 / Give either what to correct or --again."
        )
    reason = "" if dry_run else reason_of(why)
    life = fetch(f"/api/v1/people/{quote(registration)}", Life)
    changes = differences(life.facts, correction)
    if wanted and not changes:
        click.echo("すでにその内容です。 / That is what stands already.", err=True)
        raise SystemExit(1)
    if as_json and dry_run:
        listed = [{"field": name, "old": old, "new": new} for name, old, new in changes]
        told = {"registration_id": registration, "name": life.name, "version": life.version, "changes": listed}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        return
    if not as_json:
        _show(life.name, life.registration_id, changes)
    if dry_run:
        return
    if not yes and sys.stdin.isatty() and not click.confirm("実行しますか / Do it?", default=False, err=True):
        return
    body = {
        "registration_id": registration,
        "version": life.version,
        "by": by,
        "why": reason,
        "correction": msgspec.to_builtins(_without_none(correction)),
    }
    line = settled(send("/api/v1/correct", body, DecisionLine).id, wait=not no_wait)
    _say(line, as_json)
    raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))


def _plain(value: Any) -> str | date | None:
    return value.date() if isinstance(value, datetime) else value


def _without_none(correction: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(correction).items() if value is not None}


def _show(name: str | None, registration_id: str, changes: list[tuple[str, str | None, str | None]]) -> None:
    click.echo(f"{name or '–'}  {registration_id}", err=True)
    if not changes:
        click.echo("  同じ内容で発行し直す / issued once more as it is", err=True)
    for field, old, new in changes:
        label = wording.either(wording.FIELDS, field)
        before = "（登録されているもの / on file）" if field == "email" else old or "–"
        click.echo(f"  {label.ja} {field}: {before} → {new or '–'}", err=True)


@click.command(short_help="操作の記録と結果 / What the office decided, and what became of it")
@click.argument("about", required=False, metavar="[ID]")
@click.option("--json", "as_json", is_flag=True, help="1行に1件のJSON。 / One JSON object a line.")
@click.option("--limit", type=click.IntRange(1, 25_000), help="件数。 / How many at most.")
def decisions(about: str | None, as_json: bool, limit: int | None) -> None:
    """誰が、いつ、なぜ、何を決めたかと、その結果です。新しい順に出します。

    The audit trail with outcomes, the latest first. ID: a decision (of an undo: all its people), a registration, a
    badge or a cohort. Without it the parts of an undo are left out.

    Columns: time, decision, subject, registration, name, by, outcome, why.
    """
    from services.ops.board.decisions import DecisionLine
    from services.ops.commands.client import fetch

    most = limit or (25_000 if about else 100)
    for line in fetch("/api/v1/decisions", list[DecisionLine], about=about, limit=str(most)):
        if as_json:
            sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
            continue
        outcome = line.outcome or "-"
        if line.parts is not None:
            outcome = f"{outcome} {line.parts.settled}/{line.parts.total}"
        columns = (
            f"{line.at:%Y-%m-%dT%H:%M:%SZ}",
            line.decision,
            line.subject,
            line.registration_id or "-",
            line.name or "-",
            line.by,
            outcome if line.detail is None else f"{outcome} ({line.detail})",
            line.why,
        )
        sys.stdout.write("\t".join(columns) + "\n")


def _say(line: DecisionLine, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(line).decode())
        return
    kind = wording.either(wording.DECISIONS, line.decision)
    click.echo(f"{kind.ja} {line.decision}\t{line.subject}\t{line.name or '-'}\t{outcome_text(line)}")
    if line.outcome is None:
        later(line.id)
