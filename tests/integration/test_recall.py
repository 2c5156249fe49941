"""The relay and the recall on a real Kafka: what was announced is found again, what Kafka refuses stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.local.stack import Stack
from shared.errors import TryLater
from shared.events import BadgeReceived, BadgeVisibilityChanged
from shared.runtime.broker import ends_of, without_messages
from shared.runtime.db import Database, Transaction
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.outbox import Relay, report_outbox
from shared.runtime.positions import pass_markers
from shared.runtime.rebuild import announce_again
from shared.runtime.recall import recall
from shared.runtime.truncation import find_truncated
from shared.topics import BADGE_RECEIVED, LETTER_UPDATED, REGISTRATION_HELD, Topic
from shared.wire import decode, encode
from tests.worlds.postgres import Databases
from tests.worlds.relay import relayed, rows
from tests.worlds.story import until

NOW = datetime(2027, 4, 1, tzinfo=UTC)
LOG = logger("wallet")
MIGRATION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "0001", None, None, None
def upgrade(): op.execute("create table badges (assertion_id text primary key, received_at timestamptz)")
def downgrade(): pass
"""


class WalletTransaction(Transaction):
    def take_back_received(self, events: Any) -> None:
        self.insert_rows("badges", [{"assertion_id": e.assertion_id, "received_at": e.received_at} for e in events])


@pytest.fixture
def kafka(parts: Stack) -> str:
    return parts.environment("wallet")["KAFKA_BOOTSTRAP"]


@contextmanager
def wallet_database(databases: Databases, folder: Path) -> Iterator[Database[WalletTransaction]]:
    (folder / "0001_badges.py").write_text(MIGRATION)
    url = databases.fresh()
    migrate(url, "wallet", folder)
    database = Database(url, "wallet", WalletTransaction, lambda: NOW)
    yield database
    database.close()


@pytest.fixture
def wallet(databases: Databases, tmp_path: Path) -> Iterator[Database[WalletTransaction]]:
    with wallet_database(databases, tmp_path) as database:
        yield database


def received(name: str, number: int) -> BadgeReceived:
    return BadgeReceived(assertion_id=f"{name}{number}", received_at=NOW)


def announce(database: Database[Any], *events: Any) -> None:
    with database.transaction() as tx:
        tx.announce(*events)


def taken_back(database: Database[Any], kafka: str) -> int:
    return recall(KafkaAccess(kafka), database, {BadgeReceived: WalletTransaction.take_back_received}, LOG)


def test_an_emptied_database_takes_back_all_that_the_service_announced_and_nothing_of_others(
    wallet: Database[WalletTransaction], databases: Databases, kafka: str, tmp_path: Path
) -> None:
    announce(wallet, *(received("EMPTY", number) for number in range(50)))
    relayed(wallet, kafka)
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        stranger = encode(received("STRANGER", 1), source="ops", at=NOW)
        for value in (stranger, b"poison", None):
            producer.send(BADGE_RECEIVED.name, key=b"k", value=value)
        producer.flush(20)
    with wallet_database(databases, tmp_path) as emptied:
        assert taken_back(emptied, kafka) >= 50
        names = {row[0] for row in rows(emptied, "select assertion_id from badges")}
        assert {f"EMPTY{number}" for number in range(50)} <= names
        assert "STRANGER1" not in names
        assert taken_back(emptied, kafka) == 0
        announce(emptied, *(received("EMPTY", number) for number in range(51)))
        assert len(rows(emptied, "select 1 from outbox")) == 1  # the one that is new


def test_what_was_said_of_somebody_who_was_erased_is_known_as_announced_and_not_taken_back(
    wallet: Database[WalletTransaction], databases: Databases, kafka: str, tmp_path: Path
) -> None:
    announce(wallet, *(received("ERASED", number) for number in range(2)))
    relayed(wallet, kafka)
    with wallet_database(databases, tmp_path) as emptied:
        with emptied.transaction() as tx:
            tx.erase("erase-R1-1", ["ERASED0"])
        taken_back(emptied, kafka)
        names = {row[0] for row in rows(emptied, "select assertion_id from badges where assertion_id like 'ERASED%'")}
        assert names == {"ERASED1"}
        kept = rows(emptied, f"select topic, value from announced where event_id = '{received('ERASED', 0).id}'")
        assert kept == [("", b"")]
        announce(emptied, received("ERASED", 0))
        assert rows(emptied, "select 1 from outbox") == []


def test_a_topic_that_kafka_does_not_list_is_waited_for(
    wallet: Database[WalletTransaction], kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BadgeReceived, "topic", Topic("badge.received.not-yet", 1))
    with pytest.raises(TryLater, match=r"badge\.received\.not-yet"):
        taken_back(wallet, kafka)


def test_a_database_that_knows_all_its_announcements_takes_nothing_back(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    taken_back(wallet, kafka)  # what other tests announced
    announce(wallet, *(received("KNOWN", number) for number in range(20)))
    relayed(wallet, kafka)
    assert taken_back(wallet, kafka) == 0


def test_only_what_came_after_the_backup_is_taken_back(wallet: Database[WalletTransaction], kafka: str) -> None:
    taken_back(wallet, kafka)
    announce(wallet, *(received("BEFORE", number) for number in range(10)))
    relayed(wallet, kafka)
    published = rows(wallet, "select topic, partition, next_offset from published")
    announce(wallet, *(received("AFTER", number) for number in range(10)))
    relayed(wallet, kafka)
    with wallet.transaction() as tx:  # the backup is restored
        tx.cursor.execute("delete from announced where key like 'AFTER%'")
        tx.cursor.execute("delete from published")
        for topic, partition, offset in published:
            tx.cursor.execute("insert into published values (%s, %s, %s)", (topic, partition, offset))
        tx.cursor.execute("truncate badges")
    assert taken_back(wallet, kafka) == 10
    assert {row[0] for row in rows(wallet, "select assertion_id from badges")} == {f"AFTER{n}" for n in range(10)}


def test_a_row_that_kafka_refuses_is_put_aside_and_all_others_are_published(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    # The broker takes less than we think: as after a change of its settings.
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        small = {"max.message.bytes": "20000"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, REGISTRATION_HELD.name, configs=small)])
    try:
        with wallet.transaction() as tx:
            for number in range(10):
                tx.announce(received("REFUSED", number))
                tx.forward(REGISTRATION_HELD, b"k", b"x" * (50_000 if number == 5 else 100))
        relayed(wallet, kafka)
        assert [(row[0], row[1]) for row in rows(wallet, "select topic, length(value) from refused")] == [
            (REGISTRATION_HELD.name, 50_000)
        ]
        report_outbox(wallet)
    finally:
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            usual = {"max.message.bytes": "1048588"}
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, REGISTRATION_HELD.name, configs=usual)])


def test_a_topic_that_does_not_exist_keeps_its_rows_and_delays_no_other_topic(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    with wallet.transaction() as tx:
        for number in range(3):
            tx.forward(Topic("no.such.topic"), b"k", b"v%d" % number)
            tx.forward(BADGE_RECEIVED, b"k", b"v%d" % number)
            tx.forward(REGISTRATION_HELD, b"k", b"v%d" % number)
    relay = Relay(wallet.url, KafkaAccess(kafka), LOG)
    relay.start()
    left = [("no.such.topic", b"v0"), ("no.such.topic", b"v1"), ("no.such.topic", b"v2")]
    until(lambda: rows(wallet, "select topic, value from outbox order by id") == left, seconds=120, what="all others")
    relay.stop(15)
    assert rows(wallet, "select topic, value from outbox order by id") == left
    assert rows(wallet, "select 1 from refused") == []


@pytest.mark.parametrize("topic", ["not a name", "x" * 300, "..", "名前"])
def test_a_row_for_a_topic_that_can_not_be_is_put_aside_and_the_others_are_published(
    topic: str, wallet: Database[WalletTransaction], kafka: str
) -> None:
    with wallet.transaction() as tx:
        tx.forward(Topic(topic), b"k", b"v")
        tx.forward(BADGE_RECEIVED, b"k", b"v")
    relayed(wallet, kafka)
    assert rows(wallet, "select topic from refused") == [(topic,)]


def test_a_visibility_without_a_recall_of_its_own_is_noted_as_announced(
    wallet: Database[WalletTransaction], databases: Databases, kafka: str, tmp_path: Path
) -> None:
    hidden = BadgeVisibilityChanged(assertion_id="VISIBLE1", details_public=False, revision=1)
    announce(wallet, hidden)
    relayed(wallet, kafka)
    with wallet_database(databases, tmp_path) as emptied:
        taken_back(emptied, kafka)
        announce(emptied, hidden)
        assert rows(emptied, "select 1 from outbox") == []


def test_a_fact_that_the_relay_repeated_is_taken_back_once(
    wallet: Database[WalletTransaction], databases: Databases, kafka: str, tmp_path: Path
) -> None:
    for _ in range(2):  # the relay died between publishing and forgetting
        with wallet.transaction() as tx:
            event = received("TWICE", 1)
            tx.forward(BADGE_RECEIVED, event.key.encode(), encode(event, source="wallet", at=NOW))
    relayed(wallet, kafka)
    with wallet_database(databases, tmp_path) as emptied:
        handed: list[Any] = []
        recall(KafkaAccess(kafka), emptied, {BadgeReceived: lambda _, events: handed.extend(events)}, LOG)
        assert [event for event in handed if event.assertion_id == "TWICE1"] == [received("TWICE", 1)]


def test_what_a_transaction_leaves_at_the_end_of_a_topic_is_passed_and_no_message_is(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    places: dict[str, TopicPartition] = {}
    for what in ("committed", "aborted", "message"):
        topic = f"markers.{what}"
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
        places[what] = TopicPartition(topic, 0)
        with closing(KafkaProducer(bootstrap_servers=kafka, transactional_id=topic)) as producer:
            producer.init_transactions()
            for number in range(3):
                producer.begin_transaction()
                producer.send(topic, value=b"v").get(30)
                if what == "aborted" and number == 2:
                    producer.abort_transaction()
                else:
                    producer.commit_transaction()
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        producer.send("markers.message", value=b"v").get(30)
    ends = ends_of(KafkaAccess(kafka), places.values())
    assert ends == {places["committed"]: 6, places["aborted"]: 6, places["message"]: 7}
    read = {places["committed"]: 5, places["aborted"]: 3, places["message"]: 5}
    assert without_messages(KafkaAccess(kafka), {tp: (at, ends[tp]) for tp, at in read.items()}) == {
        places["committed"],
        places["aborted"],
    }
    with wallet.transaction() as tx:
        tx.insert_rows("positions", [{"topic": tp.topic, "partition": 0, "next_offset": at} for tp, at in read.items()])
    assert pass_markers(wallet, KafkaAccess(kafka)) == 2
    assert dict(rows(wallet, "select topic, next_offset from positions")) == {
        "markers.committed": 6,
        "markers.aborted": 6,
        "markers.message": 5,
    }


# ── Kafka lost messages: tables whose mark is behind the end of the topic ────────────────────────────────


def truncated_by(database: Database[Any], topic: Topic, messages: int) -> dict[int, int]:
    """As if Kafka had lost so many messages of each partition; the offsets behind which readers still read."""
    with database.transaction() as tx:
        tx.cursor.execute(
            "update published set next_offset = next_offset + %s where topic = %s", (messages, topic.name)
        )
        found = tx.cursor.execute("select partition, next_offset from published where topic = %s", (topic.name,))
        return dict(found.fetchall())


def all_announced(database: Database[Any], kafka: str) -> None:
    """Relay and tick run until nothing is left to be announced."""
    relay = Relay(database.url, KafkaAccess(kafka), LOG)
    relay.start()
    try:
        until(
            lambda: not announce_again(database, log=LOG) and not rows(database, "select 1 from outbox"),
            seconds=60,
            what="all is announced again",
        )
    finally:
        relay.stop(10)


def behind(kafka: str, topic: Topic, marks: dict[int, int]) -> list[str]:
    """Whose events lie behind the marks, in the order in which a reader comes upon them first."""
    seen: list[str] = []
    for partition, mark in marks.items():
        place = TopicPartition(topic.name, partition)
        with closing(KafkaConsumer(bootstrap_servers=kafka, consumer_timeout_ms=1000)) as consumer:
            consumer.assign([place])
            consumer.seek(place, mark)
            end = consumer.end_offsets([place])[place]
            while consumer.position(place) < end:
                for record in consumer.poll(1000).get(place, []):
                    name = getattr(decode(record.value), "assertion_id", "")
                    seen += [name] if name not in seen else []
    return seen


@pytest.mark.parametrize("lost", [1, 40])
def test_what_kafka_lost_is_announced_again_behind_all_that_readers_have_read(
    wallet: Database[WalletTransaction], kafka: str, lost: int
) -> None:
    taken_back(wallet, kafka)
    announce(wallet, *(received(f"LOST{lost}-", number) for number in range(30)))
    relayed(wallet, kafka)
    marks = truncated_by(wallet, BADGE_RECEIVED, lost)
    announce(wallet, *(received(f"NEXT{lost}-", number) for number in range(30)))
    all_announced(wallet, kafka)
    found = behind(kafka, BADGE_RECEIVED, marks)
    assert {name for name in found if name.startswith(f"LOST{lost}-")} == {f"LOST{lost}-{n}" for n in range(30)}
    assert {name for name in found if name.startswith(f"NEXT{lost}-")} == {f"NEXT{lost}-{n}" for n in range(30)}
    ends = dict(rows(wallet, "select partition, next_offset from published where topic = 'badge.received'"))
    assert all(ends[partition] > mark for partition, mark in marks.items())
    assert rows(wallet, "select 1 from announced where topic = 'office.decisions'") == [], "nobody ordered it"
    announce(wallet, received(f"AFTER{lost}-", 1))
    relayed(wallet, kafka)
    assert not announce_again(wallet, log=LOG), "the topic is filled up, so it is over"


def test_a_topic_that_ends_before_our_words_is_found_although_nothing_is_announced(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    taken_back(wallet, kafka)
    announce(wallet, *(received("QUIET", number) for number in range(30)))
    relayed(wallet, kafka)
    assert find_truncated(wallet, kafka=KafkaAccess(kafka), log=LOG) == 0
    assert rows(wallet, "select 1 from rebuilds") == []
    marks = truncated_by(wallet, BADGE_RECEIVED, 3)
    find_truncated(wallet, kafka=KafkaAccess(kafka), log=LOG)
    assert rows(wallet, "select subject from rebuilds") == [(BADGE_RECEIVED.name,)]
    all_announced(wallet, kafka)
    assert {f"QUIET{n}" for n in range(30)} <= set(behind(kafka, BADGE_RECEIVED, marks))


def test_bytes_on_a_topic_without_facts_of_ours_leave_the_outbox_wherever_they_lie(
    wallet: Database[WalletTransaction], kafka: str
) -> None:
    with wallet.transaction() as tx:
        tx.forward(LETTER_UPDATED, b"k", b"replayed")
    relayed(wallet, kafka)
    truncated_by(wallet, LETTER_UPDATED, 1000)
    with wallet.transaction() as tx:
        tx.forward(LETTER_UPDATED, b"k", b"replayed again")
    relayed(wallet, kafka)
    assert rows(wallet, "select 1 from rebuilds") == []
