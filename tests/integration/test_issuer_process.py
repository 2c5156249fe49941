"""The issuer as a process on Kafka: orders of the office, corrections and erasures, as the other services send them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from kafka import KafkaProducer

from deploy.local.stack import Stack
from services.issuer.domain.issuance import assertion_id_of
from shared import object_keys
from shared.erasure_events import PersonErased
from shared.errors import NotFound
from shared.events import Event, event_id
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
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
        _say(producer, *events)

    def stored() -> set[str]:
        return _ids(settings, "state = 'stored' and registration_id like 'R-090%'")

    def revoked() -> set[str]:
        return _ids(settings, "revoked_at is not null and registration_id like 'R-090%'")

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


def test_an_erasure_on_kafka_is_carried_out_by_the_next_process_and_announced(parts: Stack, tmp_path: Path) -> None:
    settings, log = parts.environment("issuer"), tmp_path / "issuer.log"
    producer = KafkaProducer(bootstrap_servers=settings["KAFKA_BOOTSTRAP"])
    objects = Objects(read_object_storage(Settings(settings)))
    theirs = PersonErased(
        decision_id="E-9104", subject="R-09104", registration_ids=("R-09104", "R-09105"), erased_at=NOW
    )

    def is_told() -> bool:
        with psycopg.connect(settings["DATABASE_URL"]) as connection:
            query = "select exists (select from announced where event_id = any(%s) having count(*) = 2)"
            ids = [event_id("AssertionsErased", "E-9104"), DecisionSettled.id_of("E-9104", "issuer")]
            row = connection.execute(query, (ids,)).fetchone()
        return bool(row and row[0])

    with service_process("issuer", settings, log) as process:
        _say(producer, renewed(9104), renewed(9106))
        until(
            lambda: len(_ids(settings, "state = 'stored' and registration_id in ('R-09104', 'R-09106')")) == 2,
            seconds=_SECONDS,
            what="the credentials are stored",
            log=log,
        )
        process.kill()
        process.wait()
    _say(producer, theirs, renewed(9105))  # the second one's badge is not issued yet, or just now
    with service_process("issuer", settings, log):
        until(is_told, seconds=_SECONDS, what="the erasure is told", log=log)
    (erased,) = _ids(settings, "registration_id = 'R-09104' and erased_at is not null and credential is null")
    with pytest.raises(NotFound):
        objects.get(object_keys.credential(erased))
    (other,) = _ids(settings, "registration_id = 'R-09106' and erased_at is null and revoked_at is null")
    assert objects.get(object_keys.credential(other))
    assert _ids(settings, "registration_id = 'R-09105' and erased_at is null") == set()


def _say(producer: KafkaProducer, *events: Event) -> None:
    for event in events:
        value = encode(event, source="tests", at=NOW)
        producer.send(event.topic.name, key=event.key.encode(), value=value)
    producer.flush()


def _ids(settings: dict[str, str], which: str) -> set[str]:
    try:
        with psycopg.connect(settings["DATABASE_URL"]) as connection:
            found = connection.execute(f"select assertion_id from assertions where {which}")
            return {row[0] for row in found}
    except psycopg.errors.UndefinedTable:  # not yet migrated
        return set()
