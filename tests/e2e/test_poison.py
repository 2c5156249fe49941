"""Values that are no message, or that no service can handle, on every topic: put aside with their cause, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from kafka import KafkaProducer

from deploy.local.demo.crowd import crowd, ndjson
from deploy.local.demo.run import feed
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from shared.errors import NotYetKnown, Unreadable
from shared.runtime.dead_letters import MAX_VALUE_BYTES
from shared.topics import OFFICE_DECISIONS, READ_BY, SERVICES, TOPICS, UPSTREAM_REGISTRATIONS, Topic
from shared.wire import decode
from tests.worlds.losses import select, settled
from tests.worlds.poison import DEPTHS, LARGE, poison_for, unknown_for
from tests.worlds.story import Story, until

HARMLESS = {
    "DecisionSettled: an integer beyond 64 bits",
    "OfficeDecided: an integer beyond 64 bits",
    "RebuildOrdered: NUL in each text",
    "ScrubOrdered: NUL in each text",
}
"""Orders about nobody, and answers to them, whose bad field no service keeps, or keeps as a text to show."""


CODECS = ("gzip", "snappy", "lz4", "zstd")
UPSTREAM = UPSTREAM_REGISTRATIONS


def bootstrap_of(stack: Stack) -> str:
    return stack.environment("issuer")["KAFKA_BOOTSTRAP"]


class Sent(NamedTuple):
    """A value that was sent: where it lies, and what is wrong with it."""

    topic: Topic
    partition: int
    offset: int
    what: str
    value: bytes | None

    @property
    def place(self) -> tuple[str, int, int]:
        return (self.topic.name, self.partition, self.offset)


def send_all(stack: Stack) -> list[Sent]:
    bootstrap = stack.environment("issuer")["KAFKA_BOOTSTRAP"]
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)) as producer:
        waiting = []
        for topic in TOPICS:
            values = {**poison_for(topic), **({} if topic == UPSTREAM_REGISTRATIONS else unknown_for(topic))}
            for what, value in values.items():
                waiting.append((topic, what, value, producer.send(topic.name, key=b"poison", value=value)))
        producer.flush(60)
        found = [(topic, what, value, future.get(10)) for topic, what, value, future in waiting]
    return [Sent(topic, at.partition, at.offset, what, value) for topic, what, value, at in found]


def readers_of(topic: Topic) -> set[str]:
    if topic == OFFICE_DECISIONS:
        return set(SERVICES)  # all read the orders to rebuild
    return {service for service, topics in READ_BY.items() if topic in topics}


def unreadable(sent: Iterable[Sent]) -> dict[tuple[str, int, int], bool]:
    """Places of what no reader can decode, and whether a later release could."""
    found = {}
    for each in sent:
        try:
            decode(each.value)
        except Unreadable as error:
            found[each.place] = isinstance(error, NotYetKnown)
    return found


def test_poison_on_every_topic_is_put_aside_with_its_cause_and_stops_nobody(stack: Stack) -> None:
    processes = {service: stack.pid(service) for service in SERVICES}
    sent = send_all(stack)
    story = Story(stack, "POISON", 50)
    story.feed()
    story.play()
    story.completes()
    settled(stack, *SERVICES)
    assert {service: stack.pid(service) for service in SERVICES} == processes, "a service ended"

    events = [each for each in sent if each.topic != UPSTREAM_REGISTRATIONS]
    bad = unreadable(events)
    wanted = Counter(
        (service, *each.place) for each in events if bad.get(each.place) is False for service in readers_of(each.topic)
    )
    until(lambda: wanted <= dead_letters(stack), seconds=60, what="each reader's dead letters are listed")
    dead = dead_letters(stack)
    assert set(dead.values()) == {1}
    places = {key[1:] for key in dead}
    taken = {each.what for each in events if each.place not in bad and each.place not in places}
    assert taken <= HARMLESS, f"nobody put aside {sorted(taken - HARMLESS)}"
    for topic in TOPICS[1:]:
        later = {each.place for each in events if each.topic == topic and bad.get(each.place)}
        assert len(later) == 2
        for service in readers_of(topic):
            kept = select(stack, service, 'topic, partition, "offset"', "unread")
            assert later <= {(name, partition, offset) for name, partition, offset in kept}

    def on_board() -> bool:
        board = ask_ops(stack.place, "/api/v1/status").raise_for_status().json()
        is_kept = all(board["services"][service]["unread"] for service in SERVICES)
        return is_kept and board["dead_letters"] >= wanted.total()

    until(on_board, seconds=30, what="the board has the dead letters, and what is kept for a later release")
    causes = select(stack, "ops", "cause, octet_length(value), size", "dead_letters where state = 'open'")
    assert all(cause for cause, _, _ in causes)
    cut = {(kept, size) for _, kept, size in causes if size is not None}
    assert cut == {(MAX_VALUE_BYTES, LARGE + len('{"id": ""}'))}


def dead_letters(stack: Stack) -> Counter[tuple[str, str, int, int]]:
    columns = 'consumer, topic, partition, "offset"'
    return Counter(select(stack, "ops", columns, "dead_letters where state = 'open' and partition is not null"))


class OverKafka(Story):
    """A crowd that upstream writes to its topic, each of its records compressed in another way."""

    def feed(self, seconds: float = 60) -> dict[str, Any]:
        self._starts = self._ends()
        records = ndjson(crowd(self.size, cohort=self.stack.cohort, prefix=self.prefix)).splitlines()
        for number, codec in enumerate(CODECS):
            with closing(KafkaProducer(bootstrap_servers=bootstrap_of(self.stack), compression_type=codec)) as producer:
                for place, record in enumerate(records[number :: len(CODECS)]):
                    producer.send(UPSTREAM.name, value=record, partition=place % UPSTREAM.partitions).get(30)
        self._fed = True
        return {}


def in_transaction(stack: Stack, name: str, records: Sequence[bytes], *, commits: bool) -> None:
    """Write `records`, one a partition, in a transaction that upstream commits or aborts."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap_of(stack), transactional_id=name)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        for partition, record in enumerate(records):
            producer.send(UPSTREAM.name, value=record, partition=partition).get(30)
        if commits:
            producer.commit_transaction()
        else:
            producer.abort_transaction()


def no_records(stack: Stack) -> dict[tuple[str, int, int], int]:
    """Write what is no record, up to the most that Kafka takes; where each lies, and its size in bytes."""
    sizes = {"none": (900_000, 1_000_000, 1_048_000), "zstd": (30_000_000,), "lz4": (8_000_000,)}
    found = {}
    for codec, lengths in sizes.items():
        with closing(
            KafkaProducer(
                bootstrap_servers=bootstrap_of(stack),
                compression_type=None if codec == "none" else codec,
                max_request_size=64_000_000,
            )
        ) as producer:
            for length in lengths:
                at = producer.send(UPSTREAM.name, key=b"k", value=b"\xff" * length, partition=length % 4).get(60)
                found[at.topic, at.partition, at.offset] = length
            key = producer.send(UPSTREAM.name, key=b"k" * 700_000, value=b"\xff" * 50, partition=0).get(60)
            found[key.topic, key.partition, key.offset] = 50
    return found


def test_impossible_days_huge_values_and_aborted_transactions_cost_themselves_only(stack: Stack) -> None:
    processes = {service: stack.pid(service) for service in SERVICES}
    good = OverKafka(stack, "CODEC", 40)
    good.feed()
    good.play()
    year = int(stack.cohort)
    days = {"completed_on": ("9999-12-31", "1899-12-30", f"{year + 35}-02-10"), "valid_until": ("9999-12-31",)}
    bad = [(field, day) for field, values in days.items() for day in values]
    records = list(crowd(len(bad) + 2, cohort=stack.cohort, prefix="DAYS"))
    for record, (field, day) in zip(records, bad, strict=False):
        record[field] = day
    answer = feed(stack, ndjson(iter(records)))
    assert answer["accepted"] == 2
    assert [each["field"] for each in answer["rejected"]] == [field for field, _ in bad]
    large = no_records(stack)
    lost = ndjson(crowd(4, cohort=stack.cohort, prefix="ABORTED")).splitlines()
    kept = ndjson(crowd(4, cohort=stack.cohort, prefix="COMMITTED")).splitlines()
    in_transaction(stack, "upstream-1", lost, commits=False)
    in_transaction(stack, "upstream-2", kept, commits=True)

    good.completes()
    known = "select registration_id from registrations where registration_id like %s"
    until(lambda: len(good.rows("registration", known, "COMMITTED-%")) == 4, seconds=60, what="what was committed")
    assert good.rows("registration", known, "ABORTED-%") == []
    assert len(good.rows("registration", known, "DAYS-%")) == 2
    where = "topic = 'upstream.registrations' and consumer = 'registration' and state = 'open'"
    columns = 'topic, partition, "offset", coalesce(size, octet_length(value))'

    def letters() -> dict[tuple[str, int, int], int]:
        rows = select(stack, "ops", columns, f"dead_letters where {where}")
        return {(topic, partition, offset): size for topic, partition, offset, size in rows}

    until(lambda: large.items() <= letters().items(), seconds=60, what="the dead letter of each")

    def has_no_lag() -> bool:
        board = ask_ops(stack.place, "/api/v1/status").raise_for_status().json()
        return bool(board["lag"]["registration"] == 0)

    until(has_no_lag, seconds=60, what="a lag of 0 where each partition ends with the end of a transaction")
    assert {service: stack.pid(service) for service in SERVICES} == processes, "a service ended"
    for partition in range(UPSTREAM.partitions):  # other stories wait until all is read, marks of transactions too
        with closing(KafkaProducer(bootstrap_servers=bootstrap_of(stack))) as producer:
            producer.send(UPSTREAM.name, value=kept[partition], partition=partition).get(30)


def test_a_line_that_is_nested_too_deeply_costs_that_line_of_its_delivery_only(stack: Stack) -> None:
    one, two = ndjson(crowd(2, cohort=stack.cohort, prefix="NESTED")).splitlines()
    nested = [b"[" * depth + b"]" * depth for depth in DEPTHS]
    answer = feed(stack, b"\n".join([one, *nested, two]))
    assert answer["accepted"] == 2
    assert [rejected["row"] for rejected in answer["rejected"]] == [2, 3, 4]
