"""Kafka that asks for TLS and a login: every kind of client of ours reads and writes, and a wrong login is named."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from deploy.kafka_acls import grants_of, provision_acls
from deploy.local.parts.topics import broker_answers, provision_topics
from deploy.local.ports import free_port
from deploy.local.stack import Stack
from services.ops.sources.lag import KafkaBroker
from services.wallet.store import WalletTransaction
from shared.errors import TryLater
from shared.events import BadgeReceived
from shared.runtime.db import Database
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.outbox import Relay
from shared.runtime.restored import read_marks
from shared.runtime.settings import Settings, read_kafka
from shared.topics import ALL_TOPICS, TOPICS
from shared.wire import encode
from tests.worlds.credentials import NOW, ROOT
from tests.worlds.postgres import Databases
from tests.worlds.secure_kafka import PASSWORD, SecureKafka, secure_kafka
from tests.worlds.service_process import service_process
from tests.worlds.story import until

_SECONDS = 60
WALLET_MIGRATIONS = ROOT / "services" / "wallet" / "migrations"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure")) as kafka:
        provision_acls(read_kafka(Settings(kafka.settings())))
        while not provisioned(kafka):  # a broker learns of new entries a moment after they are taken
            time.sleep(0.1)
        while not has_coordinator(kafka):  # the topic of group offsets is created on the first request
            time.sleep(0.1)
        yield kafka


def provisioned(kafka: SecureKafka) -> bool:
    """Make the topics as the user who is for that, who may nothing else."""
    try:
        provision_topics(read_kafka(Settings(kafka.settings("topics"))))
    except TryLater:
        return False
    return True


def has_coordinator(kafka: SecureKafka) -> bool:
    """Whether the broker has a coordinator of groups yet. A service waits for it, too."""
    try:
        read_marks(read_kafka(Settings(kafka.settings("issuer"))), "issuer")
    except TryLater:
        return False
    return True


def verifier(
    parts: Stack, database: str, settings: dict[str, str], log: Path
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    own = {"DATABASE_URL": database, "WEB_PORT": str(free_port())}
    return service_process("verifier", {**parts.environment("verifier"), **settings, **own}, log)


def notes_received(database: str) -> bool:
    """Whether a verifier has read of a badge that its holder has received."""
    try:
        with psycopg.connect(database) as connection:
            return bool(connection.execute("select 1 from assertions where received_at is not null").fetchall())
    except psycopg.errors.UndefinedTable:
        return False


def test_a_service_reads_and_another_writes_with_a_login(
    parts: Stack, secured: SecureKafka, databases: Databases, tmp_path: Path
) -> None:
    wallet_url, verifier_url, log = databases.fresh(), databases.fresh(), tmp_path / "verifier.log"
    access = read_kafka(Settings(secured.settings("wallet")))
    migrate(wallet_url, "wallet", WALLET_MIGRATIONS)
    wallet = Database(wallet_url, "wallet", WalletTransaction, lambda: NOW)
    with wallet.transaction() as tx:
        tx.announce(BadgeReceived(assertion_id="A" * 26, received_at=NOW))
    relay = Relay(wallet_url, access, logger("wallet"))
    relay.start()
    with verifier(parts, verifier_url, secured.settings("verifier"), log):
        try:
            until(lambda: notes_received(verifier_url), seconds=_SECONDS, what="the badge is noted", log=log)
        finally:
            relay.stop(10)
        ops = KafkaBroker(read_kafka(Settings(secured.settings("ops"))))
        until(
            lambda: ops.lags(["verifier"]).messages.get("verifier") == 0, seconds=_SECONDS, what="all is read", log=log
        )
        assert '"broken": true' not in log.read_text()
    assert PASSWORD not in log.read_text()


def test_a_certificate_of_the_authority_is_a_login(secured: SecureKafka) -> None:
    access = read_kafka(Settings(secured.by_certificate()))
    assert broker_answers(access)
    assert set(read_marks(access, "issuer").topic_ids) >= {topic.name for topic in TOPICS}
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
        until(lambda: "Authentication" in log.read_text(), seconds=_SECONDS, what="its log names the login", log=log)
    assert "another password" not in log.read_text()


def test_a_service_that_may_not_join_its_group_ends_and_reads_once_it_may(
    parts: Stack, secured: SecureKafka, databases: Databases, tmp_path: Path
) -> None:
    database, log, group = databases.fresh(), tmp_path / "verifier.log", ResourcePattern(ResourceType.GROUP, "verifier")
    joins = ACL("User:verifier", "*", ACLOperation.READ, ACLPermissionType.ALLOW, group)
    access = read_kafka(Settings(secured.settings()))
    with closing(KafkaAdminClient(**access.client)) as admin:
        admin.delete_acls([joins])
        try:
            while admin.describe_acls(joins)[0]:
                time.sleep(0.1)
            with verifier(parts, database, secured.settings("verifier"), log) as process:
                until(lambda: process.poll() is not None, seconds=_SECONDS, what="the process ends", log=log)
                assert process.returncode == 1
        finally:
            admin.create_acls([joins])
    assert "GroupAuthorizationFailedError" in log.read_text()
    with closing(KafkaProducer(**access.client)) as producer:
        event = BadgeReceived(assertion_id="C" * 26, received_at=NOW)
        producer.send(event.topic.name, encode(event, source="tests", at=NOW)).get(30)
    with verifier(parts, database, secured.settings("verifier"), log):
        until(lambda: notes_received(database), seconds=_SECONDS, what="the badge is noted", log=log)


def may(secured: SecureKafka, user: str, do: Callable[[KafkaAccess], object]) -> bool:
    try:
        do(read_kafka(Settings(secured.settings(user))))
        return True
    except KafkaError as error:  # of some the client says only in its text what they are
        assert "AuthorizationFailed" in f"{type(error).__name__} {error}", error
        return False


def writes(topic: str) -> Callable[[KafkaAccess], object]:
    def write(access: KafkaAccess) -> None:
        with closing(KafkaProducer(**access.client, enable_idempotence=True, max_block_ms=20_000)) as producer:
            producer.send(topic, b"x").get(20)

    return write


def reads(topic: str) -> Callable[[KafkaAccess], object]:
    """Until a message has come, which is there, or the broker refuses."""

    def read(access: KafkaAccess) -> None:
        with closing(KafkaConsumer(**access.client, group_id=None, enable_auto_commit=False)) as consumer:
            place = TopicPartition(topic, 0)
            consumer.assign([place])
            consumer.seek(place, 0)
            while not consumer.poll(timeout_ms=1000):
                if consumer.partitions_for_topic(topic) is None:  # it is not even told that there is such a topic
                    raise TopicAuthorizationFailedError(topic)

    return read


def put(secured: SecureKafka, topic: str) -> None:
    """A message on the first partition, by the administrator."""
    with closing(KafkaProducer(**read_kafka(Settings(secured.settings())).client)) as producer:
        producer.send(topic, b"x", partition=0).get(30)


WRONG = {
    "the wallet says that a badge is issued": ("wallet", "assertion.issued", writes),
    "the verifier says anything": ("verifier", "badge.received", writes),
    "the mailer revokes": ("mailer", "assertion.revoked", writes),
    "the upstream orders as the office": ("upstream", "office.decisions", writes),
    "the verifier reads names": ("verifier", "registration.renewed", reads),
    "the anchor reads addresses": ("anchor", "desk.letters", reads),
    "the renderer reads what upstream delivers": ("renderer", "upstream.registrations", reads),
    "the upstream reads what it delivered": ("upstream", "upstream.registrations", reads),
    "the maker of topics writes": ("topics", "registration.renewed", writes),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_user_does_nothing_that_its_service_does_not_do(secured: SecureKafka, what: str) -> None:
    user, topic, verb = WRONG[what]
    put(secured, topic)
    assert not may(secured, user, verb(topic))


@pytest.mark.parametrize("user", ["issuer", "ops", "upstream"])
def test_a_user_writes_and_reads_what_its_service_does(secured: SecureKafka, user: str) -> None:
    topics = [grant for grant in grants_of(user) if grant.resource == "topic"]
    for grant in topics[:: max(1, len(topics) // 3)]:  # some of them: the rules are those of all
        if "Write" in grant.operations:
            assert may(secured, user, writes(grant.name)), grant
        if "Read" in grant.operations:
            put(secured, grant.name)
            assert may(secured, user, reads(grant.name)), grant


@pytest.mark.parametrize("service", ["issuer", "ops"])
def test_what_a_service_asks_of_kafka_at_its_start_is_granted(secured: SecureKafka, service: str) -> None:
    access = read_kafka(Settings(secured.settings(service)))
    granted = {grant.name for grant in grants_of(service) if grant.resource == "topic"}
    assert set(read_marks(access, service).topic_ids) == granted


def test_topics_get_more_partitions_and_never_fewer(secured: SecureKafka) -> None:
    access = read_kafka(Settings(secured.settings("topics")))

    def partitions() -> dict[str, int]:
        with closing(KafkaAdminClient(**access.client)) as admin:
            described = admin.describe_topics([each.name for each in ALL_TOPICS])
        return {topic["name"]: len(topic["partitions"]) for topic in described}

    for asked, got in ((6, 6), (4, 6), (7, 7)):
        assert provision_topics(access, partitions=asked) == []
        while set(partitions().values()) != {1, got}:  # the metadata of a broker follow
            time.sleep(0.1)
        assert {count for name, count in partitions().items() if name.endswith(".dead")} == {1}
