"""How `akashi feed` delivers a file: in parts over HTTP, each repeated until it is answered, or over Kafka."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from services.registration.config import read_upstream
from services.registration.domain.csv_file import FilePart, csv_rows
from services.registration.domain.delivery import json_lines, json_row, parts_of, refuse_other_kinds
from services.registration.domain.encoding import LABELS
from services.registration.domain.rows import DeliveryRow, RejectedField, UnreadableDeliveryError, rejected_as_json
from services.registration.domain.soundness import trimmed
from services.registration.domain.spreadsheet import as_typed
from services.registration.intake.lines import LONGEST_LINE, LineSplitter
from services.registration.intake.results import RowResults, result_file
from shared.errors import RefuseToStart, TryLater
from shared.runtime.commands import file_name, plain_console
from shared.topics import UPSTREAM_REGISTRATIONS

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

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
    erased: list[dict[str, Any]] = field(default_factory=list)
    look_alikes: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)

    def add(self, answer: dict[str, Any]) -> None:
        self.accepted += answer["accepted"]
        self.unchanged += answer["unchanged"]
        self.not_applied += answer["not_applied"]
        self.rejected += answer["rejected"]
        self.erased += answer.get("erased", [])  # an older release names none
        self.look_alikes += answer.get("look_alikes", [])


class FileDelivery:
    """A file on its way, and what became of its rows so far."""

    def __init__(self, file: Path, form: str, result: FeedResult) -> None:
        self.file = file
        self.form = form
        self.result = result
        self.not_delivered_from: int | None = 0

    def parts(self) -> Iterator[FilePart]:
        """The file in parts; JSON Lines are read as they are sent. UnreadableDeliveryError as of `parts_of`."""
        if self.form == "csv":
            yield from parts_of(self.file.read_bytes(), "csv", _PART_ROWS)
            return
        number = 1
        with self.file.open("rb") as lines:
            splitter = LineSplitter(LONGEST_LINE)
            pending: list[bytes] = []
            for chunk in iter(partial(lines.read, 2**20), b""):
                pending += splitter.feed(chunk)
                while len(pending) >= _PART_ROWS:
                    yield _json_part(pending[:_PART_ROWS], number)
                    del pending[:_PART_ROWS]
                    number += _PART_ROWS
            yield _json_part([*pending, *splitter.end()], number)

    def rows(self) -> Iterator[DeliveryRow | RejectedField]:
        """The rows as they stand in the file."""
        if self.form == "csv":
            yield from csv_rows(self.file.read_bytes())
            return
        for part in self.parts():
            yield from json_lines(part.body, part.first_row)

    def write_result(self, out: Path) -> None:
        results = RowResults()
        for outcome, listed in (
            ("rejected", self.result.rejected),
            ("not-applied", self.result.not_applied),
            ("erased", self.result.erased),
            ("held", self.result.held),
        ):
            for each in listed:
                results.note({"outcome": outcome, **each})
        rows = self.rows()
        try:
            first = list(islice(rows, 1))
        except UnreadableDeliveryError as error:
            first = [error.rejected]
        with out.open("wb") as written:
            written.writelines(result_file(chain(first, rows), results, self.not_delivered_from))


def _json_part(lines: list[bytes], first_row: int) -> FilePart:
    body = b"\n".join(lines)
    if first_row == 1:
        refuse_other_kinds(body)
    return FilePart(body, first_row, len(lines), "utf-8")


def over_http(delivery: FileDelivery, environment: dict[str, str]) -> None:
    import httpx

    upstream = read_upstream(environment)
    headers = {"Authorization": f"Bearer {upstream.key()}"}
    media_type = "text/csv" if delivery.form == "csv" else "application/x-ndjson"
    with httpx.Client(base_url=upstream.url, headers=headers, timeout=120.0, trust_env=False) as client:

        def send(part: FilePart) -> None:
            delivery.not_delivered_from = part.first_row
            delivery.result.add(_post(client, part, media_type, file_name(delivery.file)))

        try:
            _with_progress(delivery.parts(), send, rows=lambda part: part.rows)
        except UnreadableDeliveryError as error:
            delivery.result.rejected.append(rejected_as_json(error.rejected))
            delivery.not_delivered_from = None
            return
        delivery.not_delivered_from = None
        delivery.result.held = list(_held(client, delivery))


def _held(client: httpx.Client, delivery: FileDelivery) -> Iterator[dict[str, Any]]:
    """Who of the file is held, once all of it is delivered: a later part may hold a row of an earlier one."""
    import httpx

    rejected = {each["row"] for each in delivery.result.rejected}
    rows = (
        (row.number, trimmed(str(row.fields.get("registration_id"))))
        for row in delivery.rows()
        if isinstance(row, DeliveryRow) and row.number not in rejected
    )
    while some := list(islice(rows, _PART_ROWS)):
        try:
            response = client.post("/api/v1/outlook", json=[id for _, id in some])
        except httpx.TransportError as error:
            raise TryLater(f"{client.base_url}: {error}; all rows were delivered, but not who is held") from error
        if response.status_code != 200:
            raise TryLater(f"{client.base_url} answered {response.status_code} to the question who is held")
        found = {each["registration_id"]: each for each in response.json()["registrations"]}
        for row, id in some:
            if id in found and found[id]["reason"] is not None:
                told = {name: found[id][name] for name in ("registration_id", "reason", "first_registration_id")}
                yield {"row": row, **told}


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


def over_kafka(delivery: FileDelivery, environment: dict[str, str]) -> None:
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    upstream = read_upstream(environment)
    try:
        producer = KafkaProducer(**upstream.kafka.client, enable_idempotence=True, acks="all", linger_ms=20)

        def send(message: tuple[bytes | None, bytes]) -> None:
            producer.send(UPSTREAM_REGISTRATIONS.name, key=message[0], value=message[1])
            delivery.result.sent += 1

        _with_progress(_messages(delivery), send, rows=lambda message: 1)
        producer.flush(timeout=60)
        producer.close()
    except UnreadableDeliveryError as error:
        delivery.result.rejected.append(rejected_as_json(error.rejected))
    except KafkaError as error:
        raise TryLater(f"Kafka at {upstream.kafka}: {error}; run the same command again") from error


def _messages(delivery: FileDelivery) -> Iterator[tuple[bytes | None, bytes]]:
    """Key and value of each row. Rejects only the rows of a CSV that can't be parsed; the service checks the others.

    Zeros that Excel left out are not added: the programme's forms are known to the service, which names them.
    """
    if delivery.form == "jsonl":
        for part in delivery.parts():
            for line in part.body.split(b"\n"):
                if trimmed(line.decode("utf-8", "replace")):
                    row = json_row(None, line)
                    id = None if isinstance(row, RejectedField) else row.fields.get("registration_id")
                    yield (trimmed(id).encode() if isinstance(id, str) else None), line
        return
    for row in delivery.rows():
        if isinstance(row, RejectedField):
            delivery.result.rejected.append(rejected_as_json(row))
        else:
            fields = as_typed(row.fields)
            yield str(fields["registration_id"]).encode() or None, json.dumps(fields).encode()


def _with_progress(items: Iterable[T], work: Callable[[T], None], rows: Callable[[T], int]) -> None:
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

    console = plain_console(stderr=True)
    with Progress(
        "delivering", SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as progress:
        task = progress.add_task("rows", total=None)
        for item in items:
            work(item)
            progress.advance(task, rows(item))
