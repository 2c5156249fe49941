"""Where the data of people lies: in which tables, topics, logs and objects, and what docs/security.md says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from deploy.local.demo.sample.cohort import JSONL_NAME
from deploy.local.stack import Stack
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from shared.topics import SERVICES
from tests.worlds.story import records_until
from tests.worlds.tables import table_as_text, table_names

_DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
_ROW = re.compile(r"^\| (\w+) \| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)

NEVER_TOLD = ("birth_date", "phone", "contact_email")
TOLD = ("email", "family_name", "given_name", "pass_number", "registration_number")


def of_the_sample(folder: Path, fields: tuple[str, ...]) -> re.Pattern[str]:
    """Finds each value that the sample has in these fields, a day in any of three forms."""
    values = set()
    for line in (folder / JSONL_NAME).read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        values |= {record[field] for field in fields if record.get(field)}
    days = {value for value in values if re.fullmatch(r"\d{4}-\d\d-\d\d", value)}
    values |= {day.replace("-", sign) for day in days for sign in ("/", "")}
    return re.compile("|".join(map(re.escape, sorted(values))))


def of_one(record: Mapping[str, Any]) -> re.Pattern[str]:
    """Finds what only this person of a crowd has: address, numbers, person_id."""
    told = ("email", "pass_number", "registration_number", "person_id")
    return re.compile("|".join(re.escape(record[field]) for field in told))


def tables_with(stack: Stack, found: re.Pattern[str]) -> set[tuple[str, str]]:
    """Service and table of each row that says it."""
    return {
        (service, table)
        for service in SERVICES
        for table in tables_of(stack, service)
        if found.search(rows_as_text(stack, service, table))
    }


def documented() -> Mapping[str, set[str]]:
    """The tables that hold personal data by the document, of each service."""
    text = _DOCUMENT.read_text(encoding="utf-8").partition("## Where personal data lies")[2]
    found: dict[str, set[str]] = {}
    for service, tables in _ROW.findall(text):
        found.setdefault(service, set()).update(re.findall(r"`(\w+)`", tables))
    return found


def tables_of(stack: Stack, service: str) -> list[str]:
    return table_names(stack.environment(service)["DATABASE_URL"])


def rows_as_text(stack: Stack, service: str, table: str) -> str:
    """As `tables.table_as_text`."""
    return table_as_text(stack.environment(service)["DATABASE_URL"], table)


def topics_as_text(stack: Stack) -> Iterator[tuple[str, str]]:
    """Each topic with the keys, values and headers of all its messages."""
    with closing(KafkaConsumer(bootstrap_servers=stack.environment("issuer")["KAFKA_BOOTSTRAP"])) as consumer:
        for topic in sorted(consumer.topics()):
            places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(places)
            consumer.seek_to_beginning()
            found = []
            for record in records_until(consumer, consumer.end_offsets(places)):
                parts = (record.key, record.value, *(value for _, value in record.headers))
                found += [part.decode(errors="replace") for part in parts if part]
            yield topic, "\n".join(found)


def objects_as_text(stack: Stack) -> Iterator[tuple[str, str]]:
    """Each object in storage; of a PDF and a picture what isn't compressed."""
    objects = Objects(read_object_storage(Settings(stack.environment("renderer"))))
    last = ""
    while keys := objects.list_keys("", last, 1000):
        for key in keys:
            yield key, objects.get(key).decode(errors="replace")
        last = keys[-1]


def logs_as_text(stack: Stack) -> Iterator[tuple[str, str]]:
    """But for that of the mail server, which stands for the holders' own."""
    for log in sorted(stack.place.logs.glob("*.log")):
        if log.name != "mail.log":
            yield log.name, log.read_text(encoding="utf-8", errors="replace")
