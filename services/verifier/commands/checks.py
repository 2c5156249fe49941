"""What `akashi verify` and `akashi statement verify` share: their options and settings, and checks at a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shared.runtime.commands import say

if TYPE_CHECKING:
    from rich.console import Console

    from services.verifier.check.checks import Check
    from services.verifier.check.count import CountCheck
    from services.verifier.config import CommandConfig
    from shared.programme import Bilingual

F = TypeVar("F", bound=Callable[..., Any])

_MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "unknown": ("？", "yellow")}
_USAGE = 64  # sysexits.h; 2 would read as "could not check"

_issuer_option = click.option(
    "--issuer-url", metavar="URL", help="発行者の公開サイト（既定：PUBLIC_URL） / the issuer's public site"
)
_rpc_option = click.option(
    "--rpc-url", metavar="URL", help="ブロックチェーンのノード（既定：NETWORKS_FILE） / a node of the chain"
)


def source_options(function: F) -> F:
    """`--issuer-url` and `--rpc-url`: which site and which node to ask."""
    return _issuer_option(_rpc_option(function))


def config_of(command: str, *, issuer_url: str | None, rpc_url: str | None) -> CommandConfig:
    """The settings, or an exit with the usage code."""
    from services.verifier.config import read_command_config
    from shared.errors import RefuseToStart

    try:
        return read_command_config(os.environ, issuer_url=issuer_url, rpc_url=rpc_url)
    except RefuseToStart as error:
        say(f"akashi {command}: {error}", err=True)
        raise SystemExit(_USAGE) from error


def print_checks(
    console: Console,
    checks: Iterable[tuple[Check | CountCheck, Bilingual, Bilingual]],
    checked_at: datetime,
    issuer_url: str,
) -> None:
    """Each check with its name and what it found in words; then the time of the check and the site."""
    from rich.padding import Padding
    from rich.text import Text

    from shared.clock import JST

    console.print()
    for check, name, found in checks:
        mark, style = _MARKS[check.outcome]
        console.print(Text.assemble((f" {mark} ", style), f"{check.number}. {name.ja} / {name.en}"))
        console.print(Padding(Text(f"{found.ja} / {found.en}"), (0, 0, 0, 6)))
        console.print(Padding(Text(check.got, style="dim", overflow="fold"), (0, 0, 0, 6)))
        if check.outcome != "ok":
            console.print(Padding(Text(f"expected: {check.expected}", style="dim", overflow="fold"), (0, 0, 0, 6)))
    moment = checked_at.astimezone(JST)
    console.print(Text(f"\n確認日時 checked {moment:%Y-%m-%d %H:%M:%S} JST　発行者 issuer {issuer_url}\n", style="dim"))
