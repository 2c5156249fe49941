"""`akashi bench intake`: a CSV judged and emitted, a long NDJSON stream in bounded memory, and actions meanwhile.

A stack of its own in a temporary folder, all services running. The CSV is what Excel saves as "CSV UTF-8", and is
delivered by `akashi feed`; its badges are issued and mailed while it is measured. The records of the stream are of the
next cohort: they are taken in and judged, and nothing is issued of them.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import psutil
from kafka import KafkaConsumer, TopicPartition

from deploy.bench.intake_actions import Screens, Watched
from deploy.bench.percentile import p95
from deploy.bench.report import Report
from deploy.bench.stacks import own_stack
from deploy.bench.usage import cpu_of_process
from deploy.local.demo.crowd import crowd
from deploy.local.stack import Stack
from services.registration.domain.record import HEADERS
from shared.runtime.commands import json_option
from shared.topics import REGISTRATION_RENEWED

MOST_SECONDS = 60.0
MOST_MEGABYTES = 250.0
MOST_MILLISECONDS = 150.0
_CHUNK = 256 * 1024


@click.command()
@click.option("--records", default=20_000, show_default=True, help="CSV の行数。 / Rows of the CSV.")
@click.option("--streamed", default=100_000, show_default=True, help="NDJSON の行数。 / Records of the stream.")
@click.option("--confirming", default=400, show_default=True, help="アドレスを確かめる人数。 / People who confirm.")
@click.option("--seconds", default=900.0, show_default=True, help="待つ上限（秒）。 / Seconds before giving up.")
@json_option
def intake(records: int, streamed: int, confirming: int, seconds: float, as_json: bool) -> None:
    """受付の速さとメモリーを測る。 / Measure the intake: CSV to Kafka, a stream's memory, one action meanwhile."""
    with own_stack() as stack:
        report = measure(stack, stack.home.parent, records, streamed, seconds, confirming)
    report.show(as_json=as_json)


def measure(stack: Stack, folder: Path, records: int, streamed: int, seconds: float, confirming: int = 400) -> Report:
    report = Report("intake")
    process = psutil.Process(stack.pid("registration"))
    url, key = stack.urls["registration"], (stack.home / "secrets" / "upstream.key").read_text().strip()
    report.add("load of the machine before (1 minute)", psutil.getloadavg()[0], "processes")

    screens = Screens(stack, f"CSV-{0:06d}")
    screens.prepare(confirming, str(int(stack.cohort) + 1))
    file, result = folder / "registrations.csv", folder / "result.csv"
    file.write_bytes(_csv(records, stack.cohort))
    consumer = KafkaConsumer(bootstrap_servers=stack.environment("registration")["KAFKA_BOOTSTRAP"].split(","))
    began, cpu = time.monotonic(), cpu_of_process(process.pid)
    with Watched(process, screens) as csv_watch:
        _feed(stack, file, result)
        fed = time.monotonic()
        while (emitted := _emitted(consumer)) < records:
            if time.monotonic() - began > seconds:
                raise click.ClickException(f"{emitted} of {records} were emitted in {seconds:.0f} s")
            time.sleep(0.1)
    ended = time.monotonic()
    consumer.close()
    report.add(f"CSV of {records}: accepted, with its result file", fed - began, "s")
    report.add(f"CSV of {records}: judged and emitted", ended - began, "s", at_most=MOST_SECONDS)
    report.add(f"CSV of {records}: CPU of registration", cpu_of_process(process.pid) - cpu, "s")
    report.add("CSV: peak resident memory of registration", csv_watch.peak, "MB", at_most=MOST_MEGABYTES)
    _add_actions(report, "CSV", csv_watch)

    began, cpu = time.monotonic(), cpu_of_process(process.pid)
    with Watched(process, screens) as watch:
        summary = _stream(url, key, streamed, str(int(stack.cohort) + 1))
    took = time.monotonic() - began
    if summary["accepted"] != streamed:
        raise click.ClickException(f"got {summary}, expected {streamed} accepted")
    report.add(f"NDJSON of {streamed}: accepted and answered", took, "s")
    report.add("NDJSON: records a second", streamed / took, "records/s")
    report.add("NDJSON: CPU of registration", cpu_of_process(process.pid) - cpu, "s")
    report.add("NDJSON: peak resident memory of registration", watch.peak, "MB", at_most=MOST_MEGABYTES)
    _add_actions(report, "NDJSON", watch)
    report.add("load of the machine after (1 minute)", psutil.getloadavg()[0], "processes")
    return report


def _add_actions(report: Report, delivery: str, watch: Watched) -> None:
    for action, took in (("one registration's outlook", watch.reads), ("an address confirmed", watch.writes)):
        name = f"{delivery}: {action} meanwhile ({len(took)} times), p95"
        report.add(name, p95(took), "ms", at_most=MOST_MILLISECONDS)


def _csv(records: int, cohort: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADERS)
    for each in crowd(records, cohort=cohort, prefix="CSV"):
        writer.writerow([each[name] or "" for name in HEADERS.values()])
    return text.getvalue().encode("utf-8-sig")


def _feed(stack: Stack, file: Path, result: Path) -> None:
    command = [sys.executable, "-c", "from services.registration.cli import feed; feed()", str(file)]
    environment = stack.environment("registration") | {
        "REGISTRATION_URL": stack.urls["registration"],
        "UPSTREAM_KEY_FILE": str(stack.home / "secrets" / "upstream.key"),
    }
    subprocess.run([*command, "--result", str(result)], env=environment, check=True, stdout=subprocess.DEVNULL)


def _emitted(consumer: KafkaConsumer) -> int:
    """How many releases are on Kafka, in as many partitions as the topic has there."""
    topic = REGISTRATION_RENEWED.name
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    return int(sum(consumer.end_offsets(places).values()))


def _stream(url: str, key: str, records: int, cohort: str) -> dict[str, Any]:
    """Sends the records as they are made, reads the answer as it comes; returns its last line."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/x-ndjson",
        "Accept": "application/x-ndjson",
    }

    def body() -> Iterator[bytes]:
        chunk = b""
        for each in crowd(records, cohort=cohort, prefix="STREAM"):
            chunk += json.dumps(each, ensure_ascii=False).encode() + b"\n"
            if len(chunk) >= _CHUNK:
                yield chunk
                chunk = b""
        yield chunk

    last = "{}"
    with (
        httpx.Client(trust_env=False, timeout=600) as client,
        client.stream("POST", f"{url}/upstream/registrations", content=body(), headers=headers) as answer,
    ):
        answer.raise_for_status()
        for line in answer.iter_lines():
            last = line
    return dict(json.loads(last))
