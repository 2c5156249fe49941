"""Kafka that asks for TLS and a login: every kind of client of ours reads and writes, and a wrong login is named."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaProducer

from deploy.local.parts.topics import broker_answers, provision_topics
from deploy.local.ports import free_port
from deploy.local.stack import Stack
from services.ops.sources.lag import KafkaBroker
from services.wallet.store import WalletTransaction
from shared.errors import TryLater
from shared.events import BadgeReceived
from shared.runtime.db import Database
from shared.runtime.kafka_access import read_kafka
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.outbox import Relay
from shared.runtime.restored import read_marks
from shared.runtime.settings import Settings
from shared.topics import TOPICS
from shared.wire import encode
from tests.worlds.credentials import NOW, ROOT
from tests.worlds.postgres import Databases
from tests.worlds.secure_kafka import PASSWORD, SecureKafka, secure_kafka

WALLET_MIGRATIONS = ROOT / "services" / "wallet" / "migrations"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure")) as kafka:
        provision_topics(read_kafka(Settings(kafka.settings())))
        yield kafka


def until(found: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 90
    while not found():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)


@contextmanager
def verifier(parts: Stack, database: str, settings: dict[str, str], log: Path) -> Iterator[None]:
    environment = {**parts.environment("verifier"), **settings, "DATABASE_URL": database, "METRICS_PORT": "0"}
    environment["WEB_PORT"] = str(free_port())
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-m", "services.verifier"], env=environment, cwd=ROOT, stderr=out)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_a_service_reads_and_another_writes_with_a_login(
    parts: Stack, secured: SecureKafka, databases: Databases, tmp_path: Path
) -> None:
    wallet_url, verifier_url, log = databases.fresh(), databases.fresh(), tmp_path / "verifier.log"
    access = read_kafka(Settings(secured.settings()))
    migrate(wallet_url, "wallet", WALLET_MIGRATIONS)
    wallet = Database(wallet_url, "wallet", WalletTransaction, lambda: NOW)
    with wallet.transaction() as tx:
        tx.announce(BadgeReceived(assertion_id="A" * 26, received_at=NOW))
    relay = Relay(wallet_url, access, logger("wallet"))
    relay.start()
    with verifier(parts, verifier_url, secured.settings(), log):

        def noted() -> bool:
            try:
                with psycopg.connect(verifier_url) as connection:
                    return bool(connection.execute("select 1 from assertions where received_at is not null").fetchall())
            except psycopg.errors.UndefinedTable:
                return False

        try:
            until(noted, log)
        finally:
            relay.stop(10)
        until(lambda: KafkaBroker(access).lags(["verifier"]).messages.get("verifier") == 0, log)
    assert PASSWORD not in log.read_text()


def test_a_certificate_of_the_authority_is_a_login(secured: SecureKafka) -> None:
    access = read_kafka(Settings(secured.by_certificate()))
    assert broker_answers(access)
    while True:
        try:
            marks = read_marks(access, "issuer")
            break
        except TryLater:  # a broker that has just started has no coordinator of groups yet
            time.sleep(0.5)
    assert set(marks.topic_ids) >= {topic.name for topic in TOPICS}
    with closing(KafkaProducer(**access.client)) as producer:
        event = BadgeReceived(assertion_id="B" * 26, received_at=NOW)
        assert producer.send(event.topic.name, encode(event, source="tests", at=NOW)).get(30).offset >= 0


@pytest.mark.parametrize("wrong", ["password", "authority", "no TLS"])
def test_a_wrong_login_opens_nothing(secured: SecureKafka, tmp_path: Path, wrong: str) -> None:
    password = tmp_path / "password"
    password.write_text("another password")
    settings = {
        "password": {**secured.settings(), "KAFKA_PASSWORD_FILE": str(password)},
        "authority": {name: value for name, value in secured.settings().items() if name != "KAFKA_CA_FILE"},
        "no TLS": {"KAFKA_BOOTSTRAP": secured.scram},
    }[wrong]
    assert not broker_answers(read_kafka(Settings(settings)))


def test_a_service_with_a_wrong_password_says_what_it_waits_for(
    parts: Stack, secured: SecureKafka, databases: Databases, tmp_path: Path
) -> None:
    password, log = tmp_path / "password", tmp_path / "verifier.log"
    password.write_text("another password")
    with verifier(parts, databases.fresh(), {**secured.settings(), "KAFKA_PASSWORD_FILE": str(password)}, log):
        until(lambda: "Authentication" in log.read_text(), log)
    assert "another password" not in log.read_text()
