"""What gets lost in stories: records of topics, schemas, Kafka's folder; and what a service has, to compare."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from psycopg import sql

from deploy.local.environment import database_url
from deploy.local.loopback import ask
from deploy.local.office import ask_ops, signed_in
from deploy.local.parts import postgres
from deploy.local.stack import Stack
from shared.topics import OFFICE_DECISIONS, READ_BY, Topic
from tests.worlds.office import akashi, done
from tests.worlds.story import until
from tests.worlds.tables import rows_at

_AWAY = (psycopg.OperationalError, psycopg.errors.UndefinedTable)


def rebuilt(stack: Stack, *services: str, producers: Sequence[str] = ()) -> None:
    """The step of docs/recovery.md, once for each; when this returns, they have read what was announced again.

    `producers`: from these only, while others don't run.
    """
    for service in services:
        for source in [["--from", each] for each in producers] or [[]]:
            done(akashi(stack, "rebuild", service, *source, "--reason", "docs/recovery.md"))
    settled(stack, *services)


def delete_records(stack: Stack, *topics: Topic) -> None:
    """All that is on the topics now, as when their retention ends."""
    bootstrap = stack.environment("issuer")["KAFKA_BOOTSTRAP"]
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    with (
        closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin,
        closing(KafkaConsumer(bootstrap_servers=bootstrap)) as consumer,
    ):
        consumer.topics()
        admin.delete_records({place: end for place, end in consumer.end_offsets(places).items() if end})


def drop_schema(stack: Stack, service: str) -> None:
    """Of a service that is stopped; when this returns, it has an empty one, as `akashi up` makes it."""
    with psycopg.connect(database_url(stack.place, "postgres"), autocommit=True) as server:
        server.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(service)))
    postgres.provision(stack.place)


def lose_kafka(stack: Stack) -> None:
    """The stack is stopped, Kafka's folder is gone, the stack is started."""
    stack.stop()
    shutil.rmtree(stack.place.data / "kafka")
    stack.start()


def kafka_kept(stack: Stack) -> Path:
    """A copy of Kafka's folder as it is now; Kafka is stopped for it."""
    kept = stack.home / "kafka-kept"
    stack.halt("kafka")
    shutil.copytree(stack.place.data / "kafka", kept)
    stack.resume("kafka")
    return kept


def set_kafka_back(stack: Stack, kept: Path) -> None:
    """Kafka goes on from the copy, with the same topics: as when a disk lost the end of their logs."""
    stack.halt("kafka")
    shutil.rmtree(stack.place.data / "kafka")
    kept.rename(stack.place.data / "kafka")
    stack.resume("kafka")


# ── what the stack says of itself ──────────────────────────────────────────────────────────────────────


def published(stack: Stack, *services: str) -> None:
    """When this returns, all that they announced is on Kafka."""

    def empty() -> bool:
        return not any(count(stack, service, "outbox") for service in services)

    until(empty, seconds=30, what=f"the outboxes of {services} are empty")


def settled(stack: Stack, *services: str, seconds: float = 60) -> None:
    """When this returns, each of `services` has read its topics to their ends, by its own table."""
    with closing(KafkaConsumer(bootstrap_servers=stack.environment("issuer")["KAFKA_BOOTSTRAP"])) as consumer:
        consumer.topics()  # it learns where all partitions are: without that it answers for some of them only

        def at_end(service: str) -> bool:
            topics = {*READ_BY[service], OFFICE_DECISIONS}
            places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
            rows = select(stack, service, "topic, partition, next_offset", "positions")
            kept = {(topic, partition): offset for topic, partition, offset in rows}
            beginnings, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
            return all(kept.get(place, beginnings[place]) >= ends[place] for place in places)

        for service in services:
            until(partial(at_end, service), seconds=seconds, what=f"{service} has read all", forgive=_AWAY)


def gaps_on_board(stack: Stack, service: str) -> dict[str, int]:
    """Messages by topic that this service never read, as the office sees them."""
    answer = ask_ops(stack.place, "/api/v1/status").raise_for_status().json()
    return dict(answer["services"][service]["gaps"])


def has_gaps(stack: Stack, service: str, *topics: Topic) -> None:
    """The board names the gaps of `service` in these topics, and the order that settles them; /metrics has them too."""
    wanted = {topic.name for topic in topics}
    forgive = (httpx.HTTPError,)
    until(
        lambda: wanted <= set(gaps_on_board(stack, service)),
        seconds=40,
        what=f"the board has gaps of {service} in {sorted(wanted)}",
        forgive=forgive,
    )
    board = signed_in(stack.place).get("/").raise_for_status().text
    assert f"akashi rebuild {service}" in board.replace("<wbr>", "")
    metrics = ask.get(f"http://{stack.place.address(f'{service} metrics')}/metrics").raise_for_status().text
    assert all(f'akashi_topic_gap{{topic="{name}"}}' in metrics for name in wanted)


def has_no_gaps(stack: Stack, *services: str) -> None:
    def none() -> bool:
        return not any(gaps_on_board(stack, service) for service in services)

    until(none, seconds=40, what=f"the board has no gaps of {services}", forgive=(httpx.HTTPError,))


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────


def select(stack: Stack, service: str, columns: str, table: str) -> list[tuple[Any, ...]]:
    return rows_at(stack.environment(service)["DATABASE_URL"], f"select {columns} from {table}")


def count(stack: Stack, service: str, table: str) -> int:
    return int(select(stack, service, "count(*)", table)[0][0])


def tables_of(
    stack: Stack, service: str, *, without: Iterable[str], columns: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """All rows of a service by table, each as text, in order. `without`: tables; `columns`: by table, left out too."""
    query = "select tablename from pg_tables where schemaname = current_schema() order by 1"
    with psycopg.connect(stack.environment(service)["DATABASE_URL"]) as connection:
        names = {name for (name,) in connection.execute(query)} - set(without)
        found: dict[str, list[str]] = {}
        for name in sorted(names):
            left_out = sorted({*columns.get(name, ()), *columns.get("*", ())})
            rows = connection.execute(
                sql.SQL("select to_jsonb(t) - %s::text[] from {} t").format(sql.Identifier(name)), (left_out,)
            )
            found[name] = sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for (row,) in rows)
    return found
