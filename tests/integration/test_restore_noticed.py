"""A service compares its tables with Kafka and with its database's history at each start, on the real ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from deploy.local.stack import Stack
from services.ops.app import MIGRATIONS
from shared.errors import NotYetKnown, TryLater
from shared.events import BadgeReceived
from shared.office_events import RestoreNoticed
from shared.runtime.catching_up import CatchingUp
from shared.runtime.db import Database, Transaction
from shared.runtime.dead_letters import Record
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.outbox import Relay
from shared.runtime.positions import open_gaps
from shared.runtime.recall import Recall
from shared.runtime.restored import Marks, Storage, compare, retained
from shared.runtime.unread import keep_unread, unread_of
from shared.topics import LETTER_UPDATED
from shared.wire import decode
from tests.worlds.postgres import Databases
from tests.worlds.relay import relayed, rows

LOG = logger("ops")
UNREAD = LETTER_UPDATED.dead  # one partition; no test that shares this Kafka writes to it
SECONDS = count(1)


@pytest.fixture
def kafka(parts: Stack) -> str:
    return parts.environment("ops")["KAFKA_BOOTSTRAP"]


class Service:
    """A service with a name, and so a consumer group, of its own."""

    def __init__(self, databases: Databases, kafka: str) -> None:
        self.name, self._databases, self._kafka = f"service{uuid4().hex[:8]}", databases, kafka
        self.url = databases.fresh()
        migrate(self.url, self.name, MIGRATIONS)
        self.taken: list[Any] = []
        self.recalls: dict[Any, Recall] = {BadgeReceived: lambda _, events: self.taken.extend(events)}
        self.storage = Storage()
        self.database = self._open()
        self.catching_up = CatchingUp(self.database, LOG)

    def _open(self) -> Database[Transaction]:
        return Database(self.url, self.name, Transaction, lambda: datetime.now(UTC) + timedelta(seconds=next(SECONDS)))

    def start(self) -> RestoreNoticed | None:
        """What a start notices; it waits as a process does."""
        while True:
            try:
                found = compare(KafkaAccess(self._kafka), self.database, self.recalls, lambda: self.storage, LOG)
                self.catching_up.wait_for(found.behind)
                return found.notice
            except TryLater:  # a broker that has just started has no coordinator of groups yet
                time.sleep(0.5)

    def set_back_to(self, backup: str) -> None:
        self.database.close()
        self.url = self._databases.copy(backup)
        self.database = self._open()
        self.catching_up = CatchingUp(self.database, LOG)

    def backup(self) -> str:
        self.database.close()
        copied = self._databases.copy(self.url)
        self.database = self._open()
        self.catching_up = CatchingUp(self.database, LOG)
        return copied

    def announce(self, *names: str) -> None:
        with self.database.transaction() as tx:
            tx.announce(*(BadgeReceived(assertion_id=name, received_at=tx.now()) for name in names))
        relayed(self.database, self._kafka)

    def read_to(self, offset: int) -> None:
        """Handle messages up to `offset`: rows and place, then the group's offset, as the consume loop does."""
        with self.database.reading_to({(UNREAD.name, 0): offset}), self.database.transaction():
            pass
        self.acknowledge(offset)

    def acknowledge(self, offset: int) -> None:
        with closing(KafkaAdminClient(bootstrap_servers=self._kafka)) as admin:
            admin.alter_group_offsets(self.name, {TopicPartition(UNREAD.name, 0): OffsetAndMetadata(offset, "", -1)})

    def announced(self) -> list[Any]:
        """The restores that it tells the office of."""
        found = rows(self.database, "select value from announced where topic = 'office.decisions' order by seq")
        return [event for (value,) in found if isinstance(event := decode(bytes(value)), RestoreNoticed)]


@pytest.fixture
def service(databases: Databases, kafka: str) -> Iterator[Service]:
    made = Service(databases, kafka)
    yield made
    made.database.close()


def fill(kafka: str, messages: int) -> int:
    """Messages for the topic that is read; where it ends."""
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        sent = [producer.send(UNREAD.name, value=b"poison", partition=0) for _ in range(messages)]
        producer.flush(20)
        return int(max(each.get(20).offset for each in sent)) + 1


def test_a_new_service_notices_nothing(service: Service) -> None:
    assert service.start() is None
    assert service.start() is None


def test_a_start_after_a_kill_notices_nothing(service: Service, kafka: str) -> None:
    end = fill(kafka, 10)
    service.start()
    service.read_to(end - 4)
    with service.database.reading_to({(UNREAD.name, 0): end}), service.database.transaction():
        pass  # died before it acknowledged
    service.announce("KILLED")
    published = rows(service.database, "select topic, partition, next_offset from published")
    service.announce("KILLED AGAIN")
    with service.database.transaction() as tx:  # died between Kafka's answer and its note
        tx.cursor.execute("truncate published")
        for place in published:
            tx.cursor.execute("insert into published values (%s, %s, %s)", place)
    assert service.start() is None
    assert service.taken == [] and service.announced() == []


def test_own_facts_that_the_tables_lack_are_a_restore_and_told_once(service: Service) -> None:
    service.announce("BEFORE")
    backup = service.backup()
    service.announce("ONE", "TWO")
    service.set_back_to(backup)
    notice = service.start()
    assert notice is not None and notice.recalled == {"BadgeReceived": 2} and notice.service == service.name
    assert [event.assertion_id for event in service.taken] == ["ONE", "TWO"]
    assert not notice.replaced and not notice.read_again
    assert service.announced() == [notice]
    assert service.start() is None
    assert len(service.announced()) == 1


def test_a_group_that_has_read_more_than_the_tables_is_a_restore_of_a_service_that_announces_nothing(
    service: Service, kafka: str
) -> None:
    end = fill(kafka, 10)
    service.read_to(end - 6)
    backup = service.backup()
    service.read_to(end)
    service.set_back_to(backup)
    notice = service.start()
    assert notice is not None and notice.read_again == 6 and notice.recalled == {}
    # Its consumer has not been assigned the partition yet, so the group still has that offset.
    assert service.start() is None
    service.acknowledge(end - 6)
    assert service.start() is None
    service.read_to(end)
    assert service.start() is None


def test_after_a_restore_nothing_is_done_before_all_that_was_read_is_read_again(service: Service, kafka: str) -> None:
    end = fill(kafka, 10)
    service.read_to(end - 6)
    backup = service.backup()
    assert service.start() is None and service.catching_up.is_over()
    service.read_to(end)
    service.set_back_to(backup)
    assert service.start() is not None and not service.catching_up.is_over()
    service.acknowledge(end - 6)  # as the consumer does when it is assigned the partition
    service.read_to(end - 1)
    assert service.start() is None and not service.catching_up.is_over(), "it died meanwhile"
    service.read_to(end)
    assert service.catching_up.is_over()
    assert service.start() is None and service.catching_up.is_over()


def test_what_kafka_does_not_have_any_more_is_not_waited_for(service: Service, kafka: str) -> None:
    end = fill(kafka, 10)
    backup = service.backup()
    service.read_to(end)
    service.set_back_to(backup)
    assert service.start() is not None and not service.catching_up.is_over()
    _create_again(kafka)
    assert service.start() is None and service.catching_up.is_over()


def test_the_same_backup_restored_a_second_time_is_another_restore(service: Service) -> None:
    backup = service.backup()
    service.announce("LOST")
    service.set_back_to(backup)
    first = service.start()
    assert first is not None
    relayed(service.database, service._kafka)
    service.set_back_to(service._databases.copy(backup))
    second = service.start()
    assert second is not None and second.restore_id != first.restore_id
    assert second.recalled == {"BadgeReceived": 1, "RestoreNoticed": 1}
    assert [restore_id for (restore_id,) in rows(service.database, "select restore_id from restore_notices")] == [
        first.restore_id,
        second.restore_id,
    ]


def test_dying_between_taking_back_and_telling_the_next_start_tells(service: Service) -> None:
    backup = service.backup()
    service.announce("LOST")
    service.set_back_to(backup)

    def away() -> Storage:
        raise TryLater("object storage is away")

    with pytest.raises(TryLater):
        compare(KafkaAccess(service._kafka), service.database, service.recalls, away, LOG)
    notice = service.start()
    assert notice is not None and notice.recalled == {"BadgeReceived": 1}


def test_another_history_of_the_database_is_told_once(service: Service) -> None:
    service.start()
    with service.database.transaction() as tx:
        tx.cursor.execute("update database_history set history = '1/00000001'")
    notice = service.start()
    assert notice is not None and notice.replaced and notice.recalled == {}
    assert service.start() is None


def test_what_only_storage_has_is_told_once_and_again_when_it_is_more(service: Service) -> None:
    service.storage = Storage(marks={"last_list": "1:ab"}, ahead={"status_bits": 0})
    assert service.start() is None
    service.storage = Storage(ahead={"status_bits": 2})
    notice = service.start()
    assert notice is not None and notice.storage == {"status_bits": 2}
    assert service.start() is None
    service.storage = Storage(ahead={"status_bits": 3})
    assert service.start() is not None


def test_a_topic_created_again_that_has_grown_past_our_place_is_a_gap_and_no_restore(
    service: Service, kafka: str
) -> None:
    end = fill(kafka, 10)
    service.start()
    service.read_to(end)
    assert service.start() is None and open_gaps(service.database) == []
    _create_again(kafka)
    assert fill(kafka, end + 20) > end
    assert service.start() is None
    (gap,) = open_gaps(service.database)
    assert (gap.topic, gap.first_offset, gap.next_offset) == (UNREAD.name, 0, end)
    assert "created again" in gap.cause
    assert rows(service.database, f"select next_offset from positions where topic = '{UNREAD.name}'") == [(0,)]
    assert service.start() is None and len(open_gaps(service.database)) == 1


def test_a_partition_that_a_topic_lost_and_got_back_is_read_from_its_beginning(service: Service, kafka: str) -> None:
    service.start()
    with service.database.reading_to({(UNREAD.name, 0): 0, (UNREAD.name, 1): 57}), service.database.transaction():
        pass  # as when it had two partitions
    _create_again(kafka)
    assert service.start() is None
    assert [(gap.partition, gap.next_offset) for gap in open_gaps(service.database)] == [(1, 57)]
    assert (1,) not in rows(service.database, f"select partition from positions where topic = '{UNREAD.name}'")


def test_of_two_messages_of_a_later_release_at_one_place_both_are_kept(service: Service) -> None:
    """The topic was created again, or set back, between them."""
    for value in (b"first", b"second", b"third", b"third"):
        record = Record(topic=UNREAD.name, partition=0, offset=7, key=b"k", value=value)
        keep_unread(record, NotYetKnown("of a later release"), service.database)
    assert [bytes(record.value or b"") for record in unread_of(UNREAD, service.database)] == [
        b"second",
        b"first",
        b"third",
    ]


def _create_again(kafka: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_topics([UNREAD.name])
        while UNREAD.name in admin.list_topics():
            pass
        admin.create_topics({UNREAD.name: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics([UNREAD.name])


def test_the_relay_publishes_nothing_of_a_database_that_was_replaced(service: Service, kafka: str) -> None:
    told: list[str] = []
    database = Database(
        service.url, service.name, Transaction, service.database.now, replaced=lambda _, why: told.append(why)
    )
    with database.transaction() as tx:
        tx.announce(BadgeReceived(assertion_id="WAITS", received_at=tx.now()))
    database._lineage._known = ("1", "00000001")  # what the process remembers, when the server comes back as another
    relay = Relay(service.url, KafkaAccess(kafka), LOG, check=database.check)
    with pytest.raises(psycopg.OperationalError, match="replaced"):
        relay._serve()
    assert told
    with psycopg.connect(service.url) as connection:
        assert connection.execute("select count(*) from outbox").fetchall() == [(1,)]
    database.close()


def test_the_first_start_over_tables_of_a_release_that_kept_no_places_is_no_restore(
    service: Service, kafka: str
) -> None:
    end = fill(kafka, 5)
    service.announce("A")
    with service.database.transaction() as tx:  # as that release left them
        tx.claim_id(uuid4())
        for table in ("announced", "published", "positions"):
            tx.cursor.execute(f"delete from {table}")
    service.acknowledge(end)
    assert service.start() is None
    assert [event.assertion_id for event in service.taken] == ["A"]
    assert rows(service.database, "select topic, next_offset from positions") == [(UNREAD.name, 0)]
    assert service.start() is None


def test_what_a_group_had_read_before_it_was_deleted_is_no_gap() -> None:
    had = {("read", 0): 7, ("unread", 0): 3, ("emptied", 0): 9, ("gone", 0): 1}
    marks = Marks({}, {("read", 0): 5, ("unread", 0): 5, ("emptied", 0): 0}, {("read", 0): 8, ("unread", 0): 8}, had)
    assert retained(marks) == {("read", 0): 5}
