"""`akashi office`: who may sign in to the office's pages."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from services.ops.board.wording import ROLES
from services.ops.commands.waiting import attribution
from shared.runtime.commands import json_option, say, say_json, say_row

_GENERATE = click.option(
    "--generate",
    is_flag=True,
    help="パスワードを作って一度だけ表示します。 / Draw one, show it once; it is changed at the first sign-in.",
)
_PASSWORD_FILE = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="パスワードを書いたファイル。 / File that holds the password.",
)

_ROLE = click.option(
    "--role",
    type=click.Choice(sorted(ROLES)),
    required=True,
    help="office は自分の窓口だけ、admin はすべて。 / office: its own desk; admin: everything.",
)
_DESK = click.option("--desk", help="窓口（office のとき）。 / The desk, for role office.")


class Account(msgspec.Struct, frozen=True):
    name: str
    role: str
    desk: str | None
    must_change: bool


class Answer(msgspec.Struct, frozen=True):
    name: str
    password: str | None


@click.group("office", short_help="事務局のアカウント / Accounts of the office's pages")
def office() -> None:
    """運用ボードにログインできる人です。 / Who may sign in to the office's pages."""


@office.command("add", short_help="アカウントを作る / Make an account")
@click.argument("name")
@_ROLE
@_DESK
@_PASSWORD_FILE
@_GENERATE
@attribution(required=False, public=False)
@json_option
def add(
    name: str,
    role: str,
    desk: str | None,
    password_file: Path | None,
    generate: bool,
    by: str,
    why: str | None,
    as_json: bool,
) -> None:
    """アカウントを作ります。操作の記録に残ります。パスワードは、尋ねられたときに入力するか、ファイルから読むか、作って一度だけ表示します。

    Makes an account, which stays on record. Its password is asked for, read from a file, or drawn and shown once.

    Exit code 0: done. 1: refused. 2: no answer of ops.
    """
    from services.ops.commands.client import send

    password = _password(password_file, generate=generate)
    body = {"name": name, "role": role, "desk": desk, "password": password, "by": by, "why": why or ""}
    _say(send("/api/v1/office/accounts", body, Answer), as_json)


@office.command("list", short_help="アカウントを一覧する / List the accounts")
@json_option
def list_accounts(as_json: bool) -> None:
    """名前、役割、窓口を出します。 / Columns: name, role, desk."""
    from services.ops.commands.client import fetch

    for account in fetch("/api/v1/office/accounts", list[Account]):
        if as_json:
            say_json(account)
        else:
            say_row(account.name, f"{ROLES[account.role].ja} {account.role}", account.desk)


@office.command("password", short_help="パスワードを変える / Give an account another password")
@click.argument("name")
@_PASSWORD_FILE
@_GENERATE
@attribution(required=False, public=False)
@json_option
def password(name: str, password_file: Path | None, generate: bool, by: str, why: str | None, as_json: bool) -> None:
    """パスワードを変えます。ログインしている端末は、すべてログアウトします。

    Gives an account another password; its sessions end.

    Exit code 0: done. 1: refused. 2: no answer of ops.
    """
    from services.ops.commands.client import send

    drawn_or_given = _password(password_file, generate=generate)
    body = {"name": name, "password": drawn_or_given, "by": by, "why": why or ""}
    _say(send("/api/v1/office/password", body, Answer), as_json)


@office.command("role", short_help="役割や窓口を変える / Change an account's role or desk")
@click.argument("name")
@_ROLE
@_DESK
@attribution(required=False, public=False)
@json_option
def role(name: str, role: str, desk: str | None, by: str, why: str | None, as_json: bool) -> None:
    """役割や窓口を変えます。操作の記録に残ります。ログインしている端末は、すべてログアウトします。パスワードはそのままです。

    Changes role or desk of an account, which stays on record. Its sessions end; its password stays.

    Exit code 0: done. 1: refused, as for the last administrator. 2: no answer of ops.
    """
    from services.ops.commands.client import send

    body = {"name": name, "role": role, "desk": desk, "by": by, "why": why or ""}
    _say(send("/api/v1/office/role", body, Answer), as_json)


@office.command("remove", short_help="アカウントを消す / Remove an account")
@click.argument("name")
@attribution(required=False, public=False)
@json_option
def remove(name: str, by: str, why: str | None, as_json: bool) -> None:
    """アカウントを消します。その人の操作の記録は残ります。 / Removes an account; what it ordered stays on record.

    Exit code 0: done. 1: refused. 2: no answer of ops.
    """
    from services.ops.commands.client import send

    _say(send("/api/v1/office/remove", {"name": name, "by": by, "why": why or ""}, Answer), as_json)


def _password(file: Path | None, *, generate: bool) -> str | None:
    """None: ops is to draw one."""
    if generate and file is not None:
        raise click.UsageError(
            "--generate と --password-file はどちらか一つです。 / Give either --generate or --password-file."
        )
    if generate:
        return None
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError(
            "--password-file か --generate を指定してください。 / Give --password-file or --generate: no terminal."
        )
    typed: str = click.prompt("パスワード / Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def _say(answer: Answer, as_json: bool) -> None:
    if as_json:
        say_json(answer)
        return
    say(f"{answer.name}: 済みました。 / Done.", err=True)
    if answer.password is not None:
        say(answer.password)
        say(
            "最初のログインで変えてもらいます。もう表示しません。 / Changed at the first sign-in; not shown again.",
            err=True,
        )
