"""`akashi feed` delivers a file of upstream records over HTTP or Kafka; `akashi cohort` is the dry run of a cohort."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from services.registration.config import read_upstream
from services.registration.intake.feeding import FeedResult, FileDelivery, over_http, over_kafka
from shared.errors import AkashiError, RefuseToStart
from shared.runtime.commands import file_name, json_option, plain_console, say, say_json, say_row

_MOST_CSV_BYTES = 128 * 2**20  # read whole: the encoding is that of the whole file
_MOST_SHOWN = 20  # of those that are held; the result file names all


@click.command("feed")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="FILE の形式（省略時は拡張子で判断）。 / Format of FILE (default: by its name).",
)
@click.option(
    "--via", type=click.Choice(["http", "kafka"]), default="http", show_default=True, help="届け方。 / How to deliver."
)
@click.option(
    "--url",
    help="registration の URL（省略時は REGISTRATION_URL、なければこの計算機の一式）。"
    " / URL of registration (default: REGISTRATION_URL, else the stack on this machine).",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="API キーのファイル（省略時は UPSTREAM_KEY_FILE）。 / File with the API key (default: UPSTREAM_KEY_FILE).",
)
@click.option(
    "--result",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="行ごとの結果を書く CSV。直してそのまま届け直せます。 / CSV with the result of each row; correct it, feed it.",
)
@json_option
def feed(
    file: Path,
    form: str | None,
    via: str,
    url: str | None,
    key_file: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """FILE の登録データを届けます（Excel の CSV か Unicode テキスト、または JSON Lines）。 / Deliver FILE.

    \b
    CSV は UTF-8、シフト JIS（CP932）、UTF-16。 / A CSV in UTF-8, CP932 or UTF-16.
    同じファイルは何度届けても同じ結果です。 / Delivering the same file again changes nothing.
    終了コード 0: すべて受付済み、3: 受け付けない行あり、1: 届かず。
    Exit code 0: all rows are accepted or unchanged. 3: some were rejected or came after the issue. 1: not delivered.
    個人情報を消去した登録の行は除かれます。 / Rows of people who were erased are left out.
    """
    environment = _environment(url, key_file)
    form = form or ("csv" if file.suffix.lower() in (".csv", ".txt", ".tsv") else "jsonl")
    if out is not None and via == "kafka":
        raise click.UsageError("--result: Kafka gives no answer; expected --via http")
    if out is not None and out.exists() and out.samefile(file):
        raise click.UsageError(f"--result: got {file_name(out)}, which is FILE itself; expected another file")
    if form == "csv" and file.stat().st_size > _MOST_CSV_BYTES:
        raise click.ClickException(
            f"{file_name(file)}: {file.stat().st_size / 2**20:,.0f} MB の CSV です。"
            f"{_MOST_CSV_BYTES / 2**20:.0f} MB（約 70 万行）までです。分けるか、JSON Lines で届けてください。"
            f" / a CSV may have {_MOST_CSV_BYTES / 2**20:.0f} MB (about 700 000 rows): split it, or deliver JSON Lines."
        )
    result = FeedResult()
    delivery = FileDelivery(file, form, result)
    try:
        (over_http if via == "http" else over_kafka)(delivery, environment)
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    finally:
        if out is not None:
            delivery.write_result(out)
        _print(result, file, as_json)
    if result.rejected or result.not_applied:
        raise SystemExit(3)


def _environment(url: str | None, key_file: Path | None) -> dict[str, str]:
    environment = dict(os.environ)
    if url:
        environment["REGISTRATION_URL"] = url
    if key_file:
        environment["UPSTREAM_KEY_FILE"] = str(key_file)
    return environment


def _print(result: FeedResult, file: Path, as_json: bool) -> None:
    if as_json:
        say_json(vars(result))
        return
    console = plain_console()
    if result.sent:
        say(
            f"{file_name(file)}: Kafka へ {result.sent} 行を送りました。"
            "受け取れない行は akashi rejected list で出ます。"
            f" / {result.sent} rows sent to Kafka; akashi rejected list shows what is rejected."
        )
    else:
        rejected, late = len({each["row"] for each in result.rejected}), len(result.not_applied)
        say(
            f"{file_name(file)}: 受付 {result.accepted} 行、変更なし {result.unchanged} 行、"
            f"受け取れない {rejected} 行、発行済みのため反映なし {late} 行、保留 {len(result.held)} 行"
            + (f"、消去済みのため除外 {len(result.erased)} 行" if result.erased else "")
            + f" / {result.accepted} accepted, {result.unchanged} unchanged,"
            f" {rejected} rejected, {late} too late, {len(result.held)} held"
            + (f", {len(result.erased)} left out: their person was erased" if result.erased else "")
        )
    if result.rejected:
        console.print(_table("受け取れない行 / rejected", ("row", "field", "got", "expected"), result.rejected))
    if result.not_applied:
        title = "発行済みのため反映なし / too late, the badge is issued"
        console.print(_table(title, ("row", "registration_id", "fields"), result.not_applied))
    if result.erased:
        title = "消去済みのため除外 / erased"
        console.print(_table(title, ("row", "registration_id"), result.erased))
    if result.held:
        more = len(result.held) - _MOST_SHOWN
        title = "保留 / held" + (f"（ほか {more} 行 / {more} more: --result）" if more > 0 else "")
        columns = ("row", "registration_id", "reason", "first_registration_id")
        console.print(_table(title, columns, result.held[:_MOST_SHOWN]))
    if result.look_alikes:
        title = "held: よく似た別の文字 / characters that look like others"
        console.print(_table(title, ("row", "registration_id", "field", "got", "expected"), result.look_alikes))


def _table(title: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(escape(_shown(row[column])) for column in columns))
    return table


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command("cohort")
@click.option(
    "--url", help="registration の URL（省略時は feed と同じ）。 / URL of registration (default: as of feed)."
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="API キーのファイル（省略時は UPSTREAM_KEY_FILE）。 / File with the API key (default: UPSTREAM_KEY_FILE).",
)
@json_option
def cohort(url: str | None, key_file: Path | None, as_json: bool) -> None:
    """今の登録データで、だれに・いつ届き、だれがなぜ保留かを並べます（予行）。 / Dry run: who, when, and why not.

    \b
    何も変えません。1 行に 1 件、タブ区切り。 / Changes nothing. One registration a line, tab-separated.
    --json は 1 行に 1 つの JSON。 / --json prints one JSON object a line.
    """
    import httpx

    try:
        upstream = read_upstream(_environment(url, key_file))
        headers = {"Authorization": f"Bearer {upstream.key()}"}
        found: Counter[str] = Counter()
        with (
            httpx.Client(base_url=upstream.url, headers=headers, timeout=120.0, trust_env=False) as client,
            client.stream("GET", "/api/v1/cohort") as response,
        ):
            if response.status_code != 200:
                raise RefuseToStart(f"{client.base_url} answered {response.status_code}")
            for line in response.iter_lines():
                each = json.loads(line)
                found[each["reason"] or each["outcome"]] += 1
                if as_json:
                    say_json(each)
                else:
                    names = ("registration_id", "outcome", "notify_from", "reason", "first_registration_id")
                    say_row(*(each[name] for name in (*names, "qualification", "name")))
    except httpx.TransportError as error:
        raise click.ClickException(f"{upstream.url}: {type(error).__name__}: {error}") from error
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    counts = "、".join(f"{name} {number}" for name, number in sorted(found.items()))
    say(f"{sum(found.values())} 件 / registrations: {counts or '-'}", err=True)
