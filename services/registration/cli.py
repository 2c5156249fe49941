"""`akashi feed`: delivers a file of upstream records over HTTP or Kafka."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.registration.config import read_upstream
from services.registration.domain.delivery import (
    FilePart,
    RejectedField,
    UnreadableDeliveryError,
    csv_rows,
    json_row,
    parts_of,
    refuse_other_kinds,
    rejected_as_json,
)
from services.registration.domain.encoding import LABELS
from services.registration.domain.soundness import trimmed
from shared.errors import AkashiError, RefuseToStart, TryLater
from shared.runtime.commands import file_name, json_option, plain_console, say, say_json
from shared.topics import UPSTREAM_REGISTRATIONS

if TYPE_CHECKING:
    import httpx

_PART_ROWS = 1000  # rows a request
_TRIES = 6  # with pauses of 0.5 + 1 + 2 + 4 + 8 s: longer than a service takes to restart


@dataclass
class FeedResult:
    """The sum of the answers so far; its fields are the JSON output."""

    accepted: int = 0
    unchanged: int = 0
    sent: int = 0  # over Kafka there is no answer
    not_applied: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    look_alikes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        self.accepted += answer["accepted"]
        self.unchanged += answer["unchanged"]
        self.not_applied += answer["not_applied"]
        self.rejected += answer["rejected"]
        self.look_alikes += answer.get("look_alikes", [])  # an older release names none


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
@json_option
def feed(file: Path, form: str | None, via: str, url: str | None, key_file: Path | None, as_json: bool) -> None:
    """FILE の登録データを届けます（UTF-8 か CP932 の CSV、または JSON Lines）。 / Deliver the upstream records in FILE.

    \b
    同じファイルは何度届けても同じ結果です。 / Delivering the same file again changes nothing.
    終了コード 0: すべて受付済み、3: 受け付けない行あり、1: 届かず。
    Exit code 0: all rows are accepted or unchanged. 3: some were rejected or came after the issue. 1: not delivered.
    """
    environment = dict(os.environ)
    if url:
        environment["REGISTRATION_URL"] = url
    if key_file:
        environment["UPSTREAM_KEY_FILE"] = str(key_file)
    form = form or ("csv" if file.suffix.lower() == ".csv" else "jsonl")
    result = FeedResult()
    try:
        (_over_http if via == "http" else _over_kafka)(file, form, environment, result)
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    finally:
        _print(result, file, as_json)
    if result.rejected or result.not_applied:
        raise SystemExit(3)


def _over_http(file: Path, form: str, environment: dict[str, str], result: FeedResult) -> None:
    import httpx

    upstream = read_upstream(environment)
    headers = {"Authorization": f"Bearer {upstream.key()}"}
    media_type = "text/csv" if form == "csv" else "application/x-ndjson"
    try:
        parts = list(parts_of(file.read_bytes(), form, _PART_ROWS))
    except UnreadableDeliveryError as error:
        result.rejected.append(rejected_as_json(error.rejected))
        return
    with httpx.Client(base_url=upstream.url, headers=headers, timeout=120.0, trust_env=False) as client:

        def send(part: FilePart) -> None:
            result.add(_post(client, part, media_type, file_name(file)))

        _with_progress(parts, sum(part.rows for part in parts), send)


def _post(client: httpx.Client, part: FilePart, media_type: str, source: str) -> dict[str, Any]:
    """The service's answer. Sending is idempotent, so it is repeated without an answer. TryLater after the last try."""
    import httpx

    pause = 0.5
    for attempt in range(1, _TRIES + 1):
        try:
            response = client.post(
                "/upstream/registrations",
                params={"first_row": str(part.first_row), "source": source},
                content=part.body,
                headers={"Content-Type": f"{media_type}; charset={LABELS[part.charset]}"},
            )
        except httpx.TransportError as error:
            cause = f"{type(error).__name__}: {error}"
        else:
            if response.status_code in (200, 400) and "accepted" in (answer := response.json()):
                return dict(answer)
            if response.status_code < 500:
                raise RefuseToStart(f"{client.base_url} answered {response.status_code}: {response.text[:300]}")
            cause = f"answered {response.status_code}"
        if attempt < _TRIES:
            time.sleep(pause)
            pause *= 2
    raise TryLater(
        f"{client.base_url}: {cause}; row {part.first_row} and later were not delivered: run the same command again"
    )


def _over_kafka(file: Path, form: str, environment: dict[str, str], result: FeedResult) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    upstream = read_upstream(environment)
    messages = list(_messages(file.read_bytes(), form, result))
    try:
        producer = KafkaProducer(**upstream.kafka.client, enable_idempotence=True, acks="all", linger_ms=20)

        def send(message: tuple[bytes | None, bytes]) -> None:
            producer.send(UPSTREAM_REGISTRATIONS.name, key=message[0], value=message[1])
            result.sent += 1

        _with_progress(messages, len(messages), send)
        producer.flush(timeout=60)
        producer.close()
    except KafkaError as error:
        raise TryLater(f"Kafka at {upstream.kafka}: {error}; run the same command again") from error


def _messages(body: bytes, form: str, result: FeedResult) -> Iterator[tuple[bytes | None, bytes]]:
    """Key and value of each row. Rejects only the rows of a CSV that can't be parsed; the service checks the others."""
    if form == "jsonl":
        try:
            refuse_other_kinds(body)
        except UnreadableDeliveryError as error:
            result.rejected.append(rejected_as_json(error.rejected))
            return
        for line in body.split(b"\n"):
            if trimmed(line.decode("utf-8", "replace")):
                row = json_row(None, line)
                id = None if isinstance(row, RejectedField) else row.fields.get("registration_id")
                yield (trimmed(id).encode() if isinstance(id, str) else None), line
        return
    try:
        rows = list(csv_rows(body))
    except UnreadableDeliveryError as error:
        rows = [error.rejected]
    for row in rows:
        if isinstance(row, RejectedField):
            result.rejected.append(rejected_as_json(row))
        else:
            yield trimmed(str(row.fields["registration_id"])).encode() or None, json.dumps(dict(row.fields)).encode()


def _with_progress(items: Sequence[Any], rows: int, work: Callable[[Any], None]) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = plain_console(stderr=True)
    with Progress(
        "delivering", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("rows", total=rows)
        for item in items:
            work(item)
            progress.advance(task, item.rows if isinstance(item, FilePart) else 1)


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
            f"受け取れない {rejected} 行、発行済みのため反映なし {late} 行"
            f" / {result.accepted} accepted, {result.unchanged} unchanged,"
            f" {rejected} rejected, {late} too late"
        )
    if result.rejected:
        console.print(_table("受け取れない行 / rejected", ("row", "field", "got", "expected"), result.rejected))
    if result.not_applied:
        title = "発行済みのため反映なし / too late, the badge is issued"
        console.print(_table(title, ("row", "registration_id", "fields"), result.not_applied))
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
