"""What a process reads of a real Kafka, whenever its topics are made. Tests shared/runtime/reader.py."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from deploy.local.stack import Stack
from shared.runtime.db import Database, Transaction
from shared.runtime.log import logger
from shared.runtime.migrate import migrate
from shared.runtime.positions import seek_to_kept
from shared.runtime.reader import faust_app
from shared.runtime.settings import Settings, read_runtime
from tests.worlds.credentials import ROOT
from tests.worlds.postgres import Databases

FIRST, LATER = "reading.first", "reading.later"
_PATIENCE = 90.0  # seconds; aiokafka by itself would look again after 300


def make(kafka: str, topic: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics([NewTopic(topic, 4, 1)])


def say(kafka: str, topic: str) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        producer.send(topic, topic.encode(), partition=3).get(30)


def test_a_topic_that_is_made_after_the_start_is_read_too(parts: Stack, databases: Databases, tmp_path: Path) -> None:
    runtime = replace(read_runtime("wallet", Settings(parts.environment("wallet"))), service="reading")
    kafka, url = runtime.kafka.bootstrap, databases.fresh()
    migrate(url, "wallet", ROOT / "services" / "wallet" / "migrations")
    database = Database(url, "wallet", Transaction, runtime.clock)

    async def read() -> None:
        app: Any = faust_app(runtime, str(tmp_path))
        got: asyncio.Queue[bytes] = asyncio.Queue()

        async def keep(stream: Any) -> None:
            async for value in stream:
                got.put_nowait(value)

        async def is_read(topic: str) -> None:
            await asyncio.to_thread(say, kafka, topic)
            async with asyncio.timeout(_PATIENCE):
                while await got.get() != topic.encode():  # the first topic is read again: no place in it is kept
                    pass

        for topic in (FIRST, LATER):
            app.agent(app.topic(topic, value_type=bytes, value_serializer="raw"), name=topic)(keep)
        reader = app.consumer
        reader.seek_to_committed = partial(seek_to_kept, reader, reader.seek_to_committed, database, logger("wallet"))
        await app.start()
        try:
            await is_read(FIRST)
            await asyncio.to_thread(make, kafka, LATER)
            await is_read(LATER)
        finally:
            await app.stop()

    make(kafka, FIRST)
    asyncio.run(read())
    database.close()
