"""Orders for one person: `akashi revoke`, `correct`, `correct-address`, `hold`, `resume`; `akashi decisions`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import click
import msgspec

from services.ops.board import wording
from services.ops.board.counts import HELD
from services.ops.board.decisions import DAYS, DecisionLine, History, differences
from services.ops.board.stuck import Stuck
from services.ops.commands.waiting import attribution, exit_code, outcome_text, reason_of, say_later, settled
from shared.office_events import CORRECTABLE, Correction
from shared.runtime.commands import json_option, say, say_json, say_row

F = TypeVar("F", bound=Callable[..., Any])


@click.command(short_help="バッジを取り消す / Revoke badges")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@attribution(required=True)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def revoke(ids: tuple[str, ...], why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """バッジを取り消します。IDはバッジの番号か、登録ID（その最新のバッジ）です。20秒まで結果を待ちます。

    Revokes the badges with these assertion or registration ids (a registration's newest) and waits up to 20 s for the
    outcome. With --json one JSON object a line.

    Exit code 0: done. 1: refused, or not done. 2: no outcome yet, or no answer of ops.
    """
    bodies = ({"id": id, "by": by, "why": why} for id in ids)
    raise SystemExit(max(give("/api/v1/revoke", body, no_wait, as_json) for body in bodies))


@click.command(short_help="保留の登録を、そのままで進める / Release held registrations as they are")
@click.argument("ids", nargs=-1, required=True, metavar="REGISTRATION…")
@attribution(required=True, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def resume(ids: tuple[str, ...], why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """ほかの記録と食い違うために保留の登録を、この記録が正しいものとして進めます。判定できなかった登録は判定し直します。

    Releases registrations that are held because other records say otherwise: this record is right as it is. What could
    not be judged is judged again. With --json one JSON object a line.

    Exit code 0: done. 1: refused, or not done. 2: no outcome yet, or no answer of ops.
    """
    bodies = ({"registration_id": id, "by": by, "why": why} for id in ids)
    raise SystemExit(max(give("/api/v1/resume", body, no_wait, as_json) for body in bodies))


@click.command("correct-address", short_help="メールアドレスを変える / Change somebody's address")
@click.argument("registration", metavar="REGISTRATION")
@click.argument("address", metavar="ADDRESS")
@attribution(required=True, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def correct_address(registration: str, address: str, why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """メールアドレスを変えます。発行の前なら、そのアドレスで発行します。発行の後なら、バッジはそのままで、これからの
    お知らせの送り先が変わります。前と後の両方のアドレスに知らせます。

    Changes an address. Before the issue the badge is issued at it; afterwards the badge stays, and letters go to it.
    Both addresses are notified.

    Exit code 0: done. 1: refused, or not done. 2: no outcome yet, or no answer of ops.
    """
    body = {"registration_id": registration, "address": address, "by": by, "why": why}
    raise SystemExit(give("/api/v1/correct-address", body, no_wait, as_json))


@click.command(short_help="発行を止める / Hold registrations")
@click.argument("ids", nargs=-1, required=True, metavar="REGISTRATION…")
@attribution(required=True, public=False)
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
def hold(ids: tuple[str, ...], why: str, by: str, no_wait: bool, as_json: bool) -> None:
    """akashi resume で再開するまで、バッジを発行しません。 / No badge is issued until akashi resume.

    Exit code 0: done. 1: refused, or not done. 2: no outcome yet, or no answer of ops.
    """
    bodies = ({"registration_id": id, "by": by, "why": why} for id in ids)
    raise SystemExit(max(give("/api/v1/hold", body, no_wait, as_json) for body in bodies))


def _correctable(command: F) -> F:
    """One option for each field that may be corrected, named as the field."""
    for name in reversed(CORRECTABLE):
        words = wording.FIELDS[name]
        remove = ('"" でなしにします。', '; "" removes it') if name.endswith("_latin") else ("", "")
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=click.DateTime(formats=["%Y-%m-%d"]) if name in DAYS else None,
            help=f"{words.ja}。{remove[0]} / {words.en}{remove[1]}.",
        )(command)
    return command


@click.command(short_help="発行済みのバッジを訂正する / Correct a badge that was issued")
@click.argument("registration", metavar="REGISTRATION")
@_correctable
@click.option("--again", is_flag=True, help="同じ内容で発行し直します。 / Issue the badge again, unchanged.")
@attribution(required=False)
@click.option("--dry-run", is_flag=True, help="変わるところを表示するだけです。 / Only show what would change.")
@click.option("--yes", is_flag=True, help="確認せずに実行します。 / Don't ask for confirmation.")
@click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
@json_option
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
    発行できずに止まっている登録にも使えます。保留している人には、氏名を証書にどう書くか（本人と決めた表記）を指定します。

    Corrects a registration and issues its badge again; the former badge is revoked as replaced by the new one. Also for
    one whose badge could not be issued. Of a held person: how the name is written, as was agreed. Shows old and new
    values first, and asks for confirmation on a terminal.

    Exit code 0: done, or not confirmed. 1: refused, or not done. 2: no outcome yet, or no answer of ops.
    """
    from services.ops.commands.client import fetch, send

    correction = msgspec.convert({name: _day(value) for name, value in given.items()}, Correction)
    wanted = any(value is not None for value in given.values())
    if wanted == again:
        raise click.UsageError(
            "訂正する項目か --again のどちらかを指定してください。 / Give either fields to correct or --again."
        )
    reason = "" if dry_run else reason_of(why)
    found = fetch(f"/api/v1/people/{quote(registration)}", History)
    changes = differences(found.facts, correction)
    if wanted and not changes:
        say("すでにその内容です。 / The registration says that already.", err=True)
        raise SystemExit(1)
    if as_json and dry_run:
        listed = [{"field": name, "old": old, "new": new} for name, old, new in changes]
        preview = {"registration_id": registration, "name": found.name, "version": found.version, "changes": listed}
        say_json(preview, indent=2)
        return
    if not as_json:
        _show(found.name, found.registration_id, changes)
        _show_stuck(found.stuck)
    if dry_run:
        return
    if not yes and sys.stdin.isatty() and not click.confirm("実行しますか / Proceed?", default=False, err=True):
        return
    given_fields = msgspec.to_builtins(correction.changes)
    body: dict[str, object] = {"registration_id": registration, "by": by, "why": reason}
    if found.state == HELD and wanted:
        path, body = "/api/v1/spell", {**body, "spelling": given_fields}
    else:
        path, body = "/api/v1/correct", {**body, "version": found.version, "correction": given_fields}
    line = settled(send(path, body, DecisionLine).id, wait=not no_wait)
    say_order(line, as_json)
    raise SystemExit(0 if no_wait and line.outcome is None else exit_code(line))


def _day(value: Any) -> str | date | None:
    return value.date() if isinstance(value, datetime) else value


def _show(name: str | None, registration_id: str, changes: list[tuple[str, str | None, str | None]]) -> None:
    say(f"{name or '–'}  {registration_id}", err=True)
    if not changes:
        say("  同じ内容で発行し直す / issued again, unchanged", err=True)
    for field, old, new in changes:
        label = wording.words_for(wording.FIELDS, field)
        before = "（登録されているもの / on file）" if field == "email" else old or "–"
        say(f"  {label.ja} {field}: {before} → {new or '–'}", err=True)


def _show_stuck(stuck: Stuck | None) -> None:
    if stuck is not None and stuck.reason in wording.STUCK:
        words = wording.STUCK[stuck.reason].name
        say(f"  いま止まっている理由 / stuck: {words.ja} / {words.en}  {stuck.field or ''} {stuck.got or ''}", err=True)


@click.command(short_help="操作の記録と結果 / Decisions of the office and their outcomes")
@click.argument("about", required=False, metavar="[ID]")
@json_option
@click.option("--limit", type=click.IntRange(1, 25_000), help="件数の上限。 / Maximum number.")
def decisions(about: str | None, as_json: bool, limit: int | None) -> None:
    """誰が、いつ、なぜ、何を決めたかと、その結果です。新しい順に出します。

    The audit trail with outcomes, the latest first. ID: a decision (of an undo: all its people), a registration, a
    badge or a cohort. Without it the parts of an undo are left out.

    Columns: time, decision, subject, registration, name, by, outcome, why. With --json one JSON object a line.

    Exit code 1: nothing is on record about this ID.
    """
    from services.ops.commands.client import fetch

    most = limit or (25_000 if about else 100)
    found = fetch("/api/v1/decisions", list[DecisionLine], about=about, limit=str(most))
    if not found:
        of = (f"{about} についての", f" about {about}") if about else ("", "")
        say(f"{of[0]}操作の記録はありません。 / No decision{of[1]} is on record.", err=True)
        raise SystemExit(1 if about else 0)
    for line in found:
        if as_json:
            say_json(line)
            continue
        outcome = [line.outcome] if line.outcome else []
        if line.parts is not None:
            outcome.append(f"{line.parts.settled}/{line.parts.total}")
        if line.producers is not None:
            answered = sum(producer.outcome is not None for producer in line.producers)
            outcome.append(f"{answered}/{len(line.producers)}")
        if line.detail is not None:
            outcome.append(f"({line.detail})")
        columns = (
            f"{line.at:%Y-%m-%dT%H:%M:%SZ}",
            line.decision,
            line.subject,
            line.registration_id,
            line.name,
            line.by,
            " ".join(outcome) or None,
            line.why,
        )
        say_row(*columns)


def give(path: str, body: dict[str, str], no_wait: bool, as_json: bool) -> int:
    """Give an order, and print it with its outcome; the exit code: 0 without an outcome, if none is awaited."""
    from services.ops.commands.client import send

    line = settled(send(path, body, DecisionLine).id, wait=not no_wait)
    say_order(line, as_json)
    return 0 if no_wait and line.outcome is None else exit_code(line)


def say_order(line: DecisionLine, as_json: bool) -> None:
    """Print an order with its outcome."""
    if as_json:
        say_json(line)
        return
    kind = wording.words_for(wording.DECISIONS, line.decision)
    say_row(f"{kind.ja} {line.decision}", line.subject, line.name, outcome_text(line))
    if line.outcome is None:
        say_later(line.id)
