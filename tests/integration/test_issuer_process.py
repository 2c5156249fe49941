"""The issuer as a process on Kafka: orders of the office and corrections, as the other services send and see them."""

from __future__ import annotations

from pathlib import Path

import psycopg
from kafka import KafkaProducer

from deploy.local.stack import Stack
from services.issuer.domain.issuance import assertion_id_of
from shared.events import Event
from shared.office_events import OfficeDecided
from shared.wire import encode
from tests.worlds.credentials import NOW, renewed
from tests.worlds.issuer import corrected, order
from tests.worlds.service_process import service_process
from tests.worlds.story import until

_SECONDS = 60


def test_an_order_on_kafka_revokes_and_orders_for_others_leave_no_log_line(parts: Stack, tmp_path: Path) -> None:
    settings, log = parts.environment("issuer"), tmp_path / "issuer.log"
    secret = Path(settings["ID_SECRET_FILE"]).read_bytes().strip()
    producer = KafkaProducer(bootstrap_servers=settings["KAFKA_BOOTSTRAP"])

    def ids(number: int, version: int = 1) -> str:
        return assertion_id_of(secret, f"R-{number:05}", version)

    def say(*events: Event) -> None:
        for event in events:
            value = encode(event, source="tests", at=NOW)
            producer.send(event.topic.name, key=event.key.encode(), value=value)
        producer.flush()

    def stored() -> set[str]:
        return _ids(settings, "state = 'stored'")

    def revoked() -> set[str]:
        return _ids(settings, "revoked_at is not null")

    first, second = {ids(9001), ids(9002), ids(9003)}, ids(9003, 2)
    undo = OfficeDecided(
        decision_id="U1", decision="undo", subject="2026", by="office", why="試験", decided_at=NOW, value="2"
    )
    with service_process("issuer", settings, log) as process:
        say(*(renewed(number) for number in (9001, 9002, 9003)))
        until(lambda: stored() == first, seconds=_SECONDS, what="the first credentials are stored", log=log)
        process.kill()  # the orders come while it is away
        process.wait()
        say(undo, *(order(ids(number), f"U1/{ids(number)}", part_of="U1") for number in (9001, 9002)))
        say(corrected(9003, 2, family_name="高橋"))
    with service_process("issuer", settings, log):
        until(
            lambda: stored() == first | {second} and revoked() == first,
            seconds=_SECONDS,
            what="the orders are carried out",
            log=log,
        )
    lines = log.read_text()
    assert "U1/" in lines
    about = [line for line in lines.splitlines() if '"2026"' in line and '"number"' not in line]  # counts have a number
    assert about == []  # no service carries out the undo itself


def _ids(settings: dict[str, str], which: str) -> set[str]:
    try:
        with psycopg.connect(settings["DATABASE_URL"]) as connection:
            found = connection.execute(
                f"select assertion_id from assertions where registration_id like 'R-090%' and {which}"
            )
            return {row[0] for row in found}
    except psycopg.errors.UndefinedTable:  # not yet migrated
        return set()
