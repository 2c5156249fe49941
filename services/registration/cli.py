"""`akashi feed`: delivers a file of upstream records, as the society's system or the office would."""

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
    Rejected,
    UnreadableDeliveryError,
    csv_rows,
    decoded,
    json_row,
    lines_of,
    told_to_sender,
)
from shared.errors import AkashiError, RefuseToStart, TryLater
from shared.topics import UPSTREAM_REGISTRATIONS

if TYPE_CHECKING:
    import httpx

CHUNK = 1000  # rows a request
_TRIES = 6  # 0.5 + 1 + 2 + 4 + 8 s: longer than a service takes to start again


@dataclass(frozen=True)
class Part:
    """Some rows of the file, in a form that can be sent by itself."""

    body: bytes
    first_row: int
    rows: int


@dataclass
class Told:
    """What the service answered so far."""

    accepted: int = 0
    unchanged: int = 0
    sent: int = 0  # over Kafka nobody answers
    not_applied: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        self.accepted += answer["accepted"]
        self.unchanged += answer["unchanged"]
        self.not_applied += answer["not_applied"]
        self.rejected += answer["rejected"]


@click.command("feed")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "form", type=click.Choice(["csv", "jsonl"]), help="What FILE is; else by its name.")
@click.option("--via", type=click.Choice(["http", "kafka"]), default="http", show_default=True)
@click.option("--url", help="Of registration; else REGISTRATION_URL, or the stack on this machine.")
@click.option("--key-file", type=click.Path(path_type=Path), help="Holds the API key; else UPSTREAM_KEY_FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def feed(file: Path, form: str | None, via: str, url: str | None, key_file: Path | None, as_json: bool) -> None:
    """Deliver the upstream records in FILE (CSV in UTF-8 or CP932, or JSON Lines).

    \b
    The same file can be delivered again: what is known is left as it is.
    Exit code 0: all rows are accepted or unchanged. 3: some were rejected or came too late. 1: not delivered.
    """
    environment = dict(os.environ)
    if url:
        environment["REGISTRATION_URL"] = url
    if key_file:
        environment["UPSTREAM_KEY_FILE"] = str(key_file)
    form = form or ("csv" if file.suffix.lower() == ".csv" else "jsonl")
    told = Told()
    try:
        (_over_http if via == "http" else _over_kafka)(file, form, environment, told)
    except AkashiError as error:
        raise click.ClickException(str(error)) from error
    finally:
        _print(told, file, as_json)
    if told.rejected or told.not_applied:
        raise SystemExit(3)


def parts_of(body: bytes, form: str, size: int = CHUNK) -> Iterator[Part]:
    """The file in parts of `size` rows, a CSV's each with its heads. UnreadableDeliveryError for a wrong encoding."""
    if form == "csv":
        head, *lines = lines_of(decoded(body))
        for at in range(0, max(len(lines), 1), size):
            some = lines[at : at + size]
            yield Part("\r\n".join([head, *some]).encode(), at + 2, len(some))
    else:
        records = body.split(b"\n")
        for at in range(0, len(records), size):
            some_records = records[at : at + size]
            yield Part(b"\n".join(some_records), at + 1, len(some_records))


def _over_http(file: Path, form: str, environment: dict[str, str], told: Told) -> None:
    import httpx

    upstream = read_upstream(environment)
    headers = {
        "Authorization": f"Bearer {upstream.key()}",
        "Content-Type": "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson",
    }
    try:
        parts = list(parts_of(file.read_bytes(), form))
    except UnreadableDeliveryError as error:
        told.rejected.append(told_to_sender(error.rejected))
        return
    with httpx.Client(base_url=upstream.url, headers=headers, timeout=120.0, trust_env=False) as client:

        def send(part: Part) -> None:
            told.add(_sent(client, part, file.name))

        _with_progress(parts, sum(part.rows for part in parts), send)


def _sent(client: httpx.Client, part: Part, source: str) -> dict[str, Any]:
    """The service's answer. Sending a part again does no harm, so no answer means again. TryLater at the end."""
    import httpx

    pause = 0.5
    for attempt in range(1, _TRIES + 1):
        try:
            response = client.post(
                "/upstream/registrations",
                params={"first_row": str(part.first_row), "source": source},
                content=part.body,
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


def _over_kafka(file: Path, form: str, environment: dict[str, str], told: Told) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    upstream = read_upstream(environment)
    messages = list(_messages(file.read_bytes(), form, told))
    try:
        producer = KafkaProducer(
            bootstrap_servers=upstream.kafka.split(","), enable_idempotence=True, acks="all", linger_ms=20
        )

        def send(message: tuple[bytes | None, bytes]) -> None:
            producer.send(UPSTREAM_REGISTRATIONS.name, key=message[0], value=message[1])
            told.sent += 1

        _with_progress(messages, len(messages), send)
        producer.flush(timeout=60)
        producer.close()
    except KafkaError as error:
        raise TryLater(f"Kafka at {upstream.kafka}: {error}; run the same command again") from error


def _messages(body: bytes, form: str, told: Told) -> Iterator[tuple[bytes | None, bytes]]:
    """Key and value of each row. Rows of a CSV that can't be taken apart are rejected here; else the service judges."""
    if form == "jsonl":
        for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            if line.strip():
                row = json_row(None, line)
                id = None if isinstance(row, Rejected) else row.fields.get("registration_id")
                yield (id.encode() if isinstance(id, str) else None), line
        return
    try:
        rows = list(csv_rows(body))
    except UnreadableDeliveryError as error:
        rows = [error.rejected]
    for row in rows:
        if isinstance(row, Rejected):
            told.rejected.append(told_to_sender(row))
        else:
            yield str(row.fields["registration_id"]).encode() or None, json.dumps(dict(row.fields)).encode()


def _with_progress(items: Sequence[Any], rows: int, work: Callable[[Any], None]) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        "delivering", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("rows", total=rows)
        for item in items:
            work(item)
            progress.advance(task, item.rows if isinstance(item, Part) else 1)


def _print(told: Told, file: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(vars(told), ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    if told.sent:
        click.echo(f"{file.name}: {told.sent} rows sent to Kafka; what is rejected stands at /api/v1/rejected")
    else:
        click.echo(
            f"{file.name}: {told.accepted} accepted, {told.unchanged} unchanged,"
            f" {len({each['row'] for each in told.rejected})} rejected, {len(told.not_applied)} too late"
        )
    if told.rejected:
        console.print(_table("rejected", ("row", "field", "got", "expected"), told.rejected))
    if told.not_applied:
        console.print(_table("too late: the badge is issued", ("row", "registration_id", "fields"), told.not_applied))


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
