"""`akashi verify`: the same checks at a terminal, of a file or URL, by the issuer's site and a node of the chain."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from services.verifier.commands.checks import config_of, print_checks, source_options
from shared.runtime.commands import json_option, plain_console, say, say_json

if TYPE_CHECKING:
    from services.verifier.check.evidence import IssuerRecord
    from services.verifier.check.verdict import Verdict
    from services.verifier.config import CommandConfig
    from services.verifier.verification import Sources, VerificationResult
    from shared.errors import NotFound, TryLater
    from shared.programme import Bilingual

_COLOURS = {0: "green", 1: "red", 2: "yellow"}
_PRINTED = (
    "このPDFのQRコードが示す登録の状態です。PDFそのものは確かめていません。"
    " / What the QR code on this PDF leads to; the PDF itself was not checked."
)


@click.command("verify")
@click.argument("source", metavar="FILE|URL")
@json_option
@source_options
def command(source: str, as_json: bool, issuer_url: str | None, rpc_url: str | None) -> None:
    """証明書（JSON、バッジのPNG・SVG、PDF）が有効かを確かめる。 / Check whether a certificate is valid.

    FILE|URL は証明書データ、バッジの画像、PDF、確認ページのURL（…/V/番号）、番号、公開集計（JSON）のどれか。
    / The credential, its badge as PNG or SVG, its PDF, the URL of its page, its number, or a statement of the count.

    終了コード / exit code: 0 有効 valid, 1 有効でない、発行されていない not valid, never issued,
    2 確認できない could not check.
    """
    from services.verifier.commands.statement import answer
    from services.verifier.counting import count_in
    from shared.errors import NotFound

    config = config_of("verify", issuer_url=issuer_url, rpc_url=rpc_url)
    result: VerificationResult | None
    try:
        content = _loaded(source, config.issuer_url)
        if isinstance(content, bytes) and (statement := count_in(content)) is not None:
            answer(lambda: statement, config, as_json=as_json)
        result = _verify(content, config)
    except _NotThere as error:
        result = _without_document(error, config)
    except NotFound:
        result = None
    if result is None:
        _say_not_issued(source, as_json)
        raise SystemExit(1)
    from services.verifier.check.verdict import EXIT_CODES

    if as_json:
        _print_json(result, config)
    else:
        if result.printed:
            say(_PRINTED)
        _print(result.verdict, result.record, config)
    sys.exit(EXIT_CODES[result.verdict.kind])


class _NotThere(Exception):
    """The number of a certificate of which `site` has no data: never issued, erased, or lost."""

    def __init__(self, site: str, assertion_id: str) -> None:
        super().__init__(f"{site}: no certificate {assertion_id}")
        self.site = site
        self.assertion_id = assertion_id


def _say_not_issued(url: str, as_json: bool) -> None:
    """What the page says of an unknown id."""
    from services.verifier.check.wording import LOOK_AGAIN, NOT_FOUND, NOT_ISSUED

    if as_json:
        answer = {"verdict": "not-found", "url": url, "heading": NOT_FOUND, "sentence": NOT_ISSUED, "next": LOOK_AGAIN}
        say_json(answer, indent=1)
        return
    for text in (NOT_FOUND, NOT_ISSUED, LOOK_AGAIN):
        say(f"{text.ja} / {text.en}")
    say(url)


def _loaded(source: str, issuer_url: str) -> bytes | NotFound | TryLater:
    """The content, or why it can't be had: that is part of the verdict."""
    from shared.errors import NotFound, TryLater

    try:
        return _content_of(source, issuer_url)
    except (NotFound, TryLater) as error:
        return error


def _verify(content: bytes | NotFound | TryLater, config: CommandConfig) -> VerificationResult:
    from services.verifier.verification import verify

    def load() -> bytes:
        if isinstance(content, bytes):
            return content
        raise content

    return verify(load, _sources(config))


def _without_document(asked: _NotThere, config: CommandConfig) -> VerificationResult | None:
    """What the issuer's own site says of it. None if it was never issued."""
    from services.verifier.verification import without_document

    return without_document(asked.assertion_id, _sources(config)) if asked.site == config.issuer_url else None


def _sources(config: CommandConfig) -> Sources:
    from services.verifier.sources.chains import chains_of
    from services.verifier.sources.issuer_site import HttpSite, published_record
    from services.verifier.verification import Sources
    from shared.clock import clock_from

    url = config.issuer_url
    now = clock_from(os.environ.get("AKASHI_CLOCK"))
    return Sources(HttpSite(url), chains_of(config.networks), partial(published_record, url), url, now)


def _content_of(source: str, issuer_url: str) -> bytes:
    """The bytes of a file, of a URL, or of the credential whose page or number is named, however it was copied."""
    from services.verifier.sources.issuer_site import download
    from shared.copied_text import assertion_id_in, url_in
    from shared.credentials.baking import MAX_FILE_BYTES
    from shared.errors import NotFound

    if _is_file(source):
        with Path(source).open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)  # enough for every reader to refuse a larger one
    url = url_in(source) or (source if "://" in source else None)
    try:
        parts = urlsplit(url or issuer_url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="FILE|URL") from error
    assertion_id = assertion_id_in(source)
    site = f"{parts.scheme.lower()}://{parts.netloc.lower()}"
    if url is not None and parts.path.strip("/").partition("/")[0].lower() != "v":
        try:
            return download(url)
        except NotFound as error:
            if assertion_id is None or site != issuer_url:
                raise
            raise _NotThere(site, assertion_id) from error
    if assertion_id is None:
        what = "番号が正しくありません / not a whole number" if url else "ファイルがありません / no such file"
        raise click.BadParameter(f"{what}: {source}", param_hint="FILE|URL")
    try:
        return download(f"{site}/credentials/{assertion_id}.json")
    except NotFound as error:
        raise _NotThere(site, assertion_id) from error


def _is_file(source: str) -> bool:
    try:
        return "://" not in source and Path(source).is_file()
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def _issuer(verdict: Verdict, config: CommandConfig) -> Bilingual:
    """The issuer's name as signed; the site's URL when no signature was verified."""
    from shared.programme import Bilingual

    name = verdict.badge.issuer_name if verdict.badge is not None and verdict.is_genuine else ""
    return Bilingual(name or config.issuer_url, name or config.issuer_url)


def _print_json(result: VerificationResult, config: CommandConfig) -> None:
    from services.verifier.web.answers import answer_of

    issuer = _issuer(result.verdict, config)
    url = config.issuer_url
    answer = answer_of(result.verdict, issuer, record=result.record, public_url=url, printed=result.printed)
    say_json(answer, indent=1)


def _print(verdict: Verdict, record: IssuerRecord, config: CommandConfig) -> None:
    from rich.table import Table
    from rich.text import Text

    from services.verifier.check.explanation import explanation
    from services.verifier.check.verdict import EXIT_CODES
    from services.verifier.check.wording import heading, next_step, sentence
    from shared.clock import japan_date

    console = plain_console(highlight=False)
    colour = "yellow" if verdict.is_replaced or verdict.is_empty else _COLOURS[EXIT_CODES[verdict.kind]]
    said = heading(verdict)
    console.print(Text(f"\n{said.ja} / {said.en}", style=f"bold {colour}"))
    if verdict.is_replaced and record.revocation:
        console.print(Text(f"訂正後の証明書 / corrected: {_page(record.revocation.replaced_by, config)}"))
    for told in (sentence(verdict, _issuer(verdict, config)), next_step(verdict)):
        console.print(Text(told.ja))
        console.print(Text(told.en, style="dim"))
    badge = verdict.badge
    if badge is not None and verdict.is_genuine:
        facts = Table.grid(padding=(0, 2))
        for name, value in (
            ("氏名 name", " / ".join(name for name in (badge.name, badge.latin_name) if name)),
            ("資格名 qualification", badge.award),
            ("登録番号 registration no.", badge.registration_number),
            ("有効期間 period", f"{japan_date(badge.valid_from)} ～ {japan_date(badge.valid_until)}"),
            *_related(verdict, record, config),
        ):
            facts.add_row(Text(name, style="dim"), Text(value or "―", overflow="fold"))
        console.print(facts)
    checks = [(check, check.name, explanation(check)) for check in verdict.checks]
    print_checks(console, checks, verdict.checked_at, config.issuer_url)


def _related(verdict: Verdict, record: IssuerRecord, config: CommandConfig) -> list[tuple[str, str]]:
    """Why it was revoked or corrected, and the pages of its renewal and what it renews."""
    revocation = record.revocation
    named = (
        (
            "訂正の理由 reason" if verdict.is_replaced else "取消の理由 reason",
            revocation.reason if revocation else None,
        ),
        ("更新後の証明書 renewal", _page(record.renewed_as, config)),
        ("更新前の証明書 renews", _page(record.renews, config)),
    )
    return [(name, value) for name, value in named if value]


def _page(assertion_id: str | None, config: CommandConfig) -> str | None:
    return f"{config.issuer_url}/V/{assertion_id}" if assertion_id else None
