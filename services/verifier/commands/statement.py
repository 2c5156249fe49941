"""`akashi statement verify`: the nine checks of the public count at a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from services.verifier.commands.checks import config_of, print_checks, source_options
from shared.runtime.commands import json_option, plain_console, say_json

if TYPE_CHECKING:
    from services.verifier.check.count import CountVerdict
    from services.verifier.config import CommandConfig
    from shared.credentials.content import Document
    from shared.programme import Bilingual

_COLOURS = {"right": "green", "not-recorded-yet": "green", "not-right": "red", "could-not-check": "yellow"}


@click.group("statement")
def command() -> None:
    """証明書の数の公開集計。 / The public count of certificates."""


@command.command()
@click.argument("cohort")
@json_option
@click.option(
    "--number", type=click.IntRange(1), help="第何回の集計か（既定：最新） / which statement; default: newest"
)
@source_options
def verify(cohort: str, as_json: bool, number: int | None, issuer_url: str | None, rpc_url: str | None) -> None:
    """年度 COHORT の集計が記録と合うかを確かめる。 / Check the count of the year COHORT against all records.

    署名、前の集計とのつながり、内訳、束の目録、取り消しの一覧、ブロックチェーンを調べる。
    集計のファイルは akashi verify FILE で確かめられる。
    / Signature, chain of statements, sums, manifests, status lists, blockchain. For a file: akashi verify FILE.

    終了コード / exit code: 0 合っている agrees, 1 合わない does not agree, 2 確認できない could not check.
    """
    from services.verifier.sources.count import newest_of, statement_of
    from services.verifier.sources.issuer_site import HttpSite
    from shared import object_keys

    if not object_keys.is_cohort(cohort):
        text = f"got {cohort[:40]!r}, expected a year such as 2026（年度を4桁で） / four digits"
        raise click.BadParameter(text, param_hint="COHORT")
    config = config_of("statement", issuer_url=issuer_url, rpc_url=rpc_url)

    def load() -> Document:
        site = HttpSite(config.issuer_url)
        return newest_of(cohort, site) if number is None else statement_of(cohort, number, site)

    answer(load, config, as_json=as_json, cohort=cohort)


def answer(load: Callable[[], Document], config: CommandConfig, *, as_json: bool, cohort: str | None = None) -> None:
    """Check the statement that `load` gives, print what was found and end with the exit code."""
    from services.verifier.check.count import COUNT_EXIT_CODES
    from services.verifier.counting import check_count
    from services.verifier.sources.chains import chains_of
    from services.verifier.sources.issuer_site import HttpSite
    from services.verifier.web.count_answers import count_answer_of
    from shared.clock import clock_from

    verdict = check_count(
        load,
        HttpSite(config.issuer_url),
        chains_of(config.networks),
        public_url=config.issuer_url,
        now=clock_from(os.environ.get("AKASHI_CLOCK")),
        cohort=cohort,
    )
    if as_json:
        say_json(count_answer_of(verdict, _issuer(config)), indent=1)
    else:
        _print(verdict, config)
    sys.exit(COUNT_EXIT_CODES[verdict.kind])


def _issuer(config: CommandConfig) -> Bilingual:
    from shared.programme import Bilingual

    return Bilingual(config.issuer_url, config.issuer_url)


def _print(verdict: CountVerdict, config: CommandConfig) -> None:
    from rich.text import Text

    from services.verifier.check.count_words import (
        COUNT_NAMES,
        COUNT_NEXT,
        count_explanation,
        count_heading,
        count_sentence,
    )

    console = plain_console(highlight=False)
    said = count_heading(verdict)
    console.print(Text(f"\n{said.ja} / {said.en}", style=f"bold {_COLOURS[verdict.kind]}"))
    for told in (count_sentence(verdict, _issuer(config)), COUNT_NEXT[verdict.kind]):
        console.print(Text(told.ja))
        console.print(Text(told.en, style="dim"))
    statement = verdict.statement
    if statement is not None and verdict.is_genuine:
        figures = statement.figures
        console.print(Text(f"{statement.cohort}年度 第{statement.number}回 / statement {statement.number}"))
        if verdict.newest not in (None, statement.number):
            console.print(Text(f"最新は第{verdict.newest}回 / the newest is {verdict.newest}"))
        console.print(
            Text(
                f"発行 issued {figures.issued}　有効 valid {figures.valid}　取消 revoked {figures.revoked}"
                f"　訂正 corrected {figures.corrected}　記録済み recorded {figures.anchored}"
            )
        )
    checks = [(check, COUNT_NAMES[check.number], count_explanation(check)) for check in verdict.checks]
    print_checks(console, checks, verdict.checked_at, config.issuer_url)
