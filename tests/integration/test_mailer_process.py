"""The mailer as a process on Kafka, restored: what the office ordered since the backup holds before it acts."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaProducer
from msgspec.structs import replace

from deploy.local.ports import free_port
from deploy.local.stack import Stack
from shared.events import Event
from shared.office_events import OfficeDecided
from shared.wire import encode
from tests.worlds.mailer import START, issued
from tests.worlds.postgres import Databases
from tests.worlds.service_process import service_process
from tests.worlds.smtp_server import smtpd
from tests.worlds.story import until

_SECONDS = 20
HELD = replace(issued(email="held@example.jp"), notify_from=datetime(2020, 4, 1, tzinfo=UTC))


def order(decision: Any, hours: int) -> OfficeDecided:
    at = START + timedelta(hours=hours)
    return OfficeDecided(decision_id=decision, decision=decision, subject="2026", by="desk", why="x", decided_at=at)


def test_a_restored_mailer_sends_no_letter_that_the_office_has_held_since_the_backup(
    parts: Stack, databases: Databases, tmp_path: Path
) -> None:
    url, away, log = databases.fresh(), free_port(), tmp_path / "mailer.log"

    def mailer(url: str, smtp_port: int) -> AbstractContextManager[object]:
        own = {"DATABASE_URL": url, "SMTP_PORT": str(smtp_port)}
        return service_process("mailer", {**parts.environment("mailer"), **own}, log)

    def say(event: Event) -> None:
        with closing(KafkaProducer(bootstrap_servers=parts.environment("mailer")["KAFKA_BOOTSTRAP"])) as producer:
            value = encode(event, source="tests", at=START)
            producer.send(event.topic.name, key=event.key.encode(), value=value).get(20)

    def has(url: str, query: str) -> None:
        def look() -> list[Any]:
            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()

        until(look, seconds=_SECONDS, what=query, forgive=(psycopg.errors.UndefinedTable,), log=log)

    def copy_of(url: str) -> str:
        in_use = (psycopg.errors.ObjectInUse,)  # for a moment after the end of the process
        return str(until(lambda: databases.copy(url), seconds=_SECONDS, what="a copy", forgive=in_use))

    with mailer(url, away):
        say(HELD)
        has(url, "select from messages where state = 'queued' and message is not null")
    backup = copy_of(url)
    with mailer(url, away):
        say(order("hold-letters", 1))
        has(url, "select from letter_holds where is_held and not exists (select from outbox)")
    restored = copy_of(backup)
    with smtpd() as server, mailer(restored, server.port):
        has(restored, "select from letter_holds where is_held")
        assert [taken.recipient for taken in server.taken] == []
        say(order("resume-letters", 2))
        has(restored, "select from messages where state = 'sent'")
        assert HELD.holder.email in [taken.recipient for taken in server.taken]
