"""What a service announced reaches Kafka before a test goes on."""

from __future__ import annotations

import time
from typing import Any

from shared.runtime.db import Database
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.log import logger
from shared.runtime.outbox import Relay

LOG = logger("wallet")


def relayed(database: Database[Any], kafka: str) -> None:
    """Run the relay until the outbox is empty."""
    relay = Relay(database.url, KafkaAccess(kafka), LOG)
    relay.start()
    try:
        deadline = time.monotonic() + 240  # after a refusal the producer waits for its time-outs first
        while rows(database, "select 1 from outbox"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        relay.stop(10)


def rows(database: Database[Any], query: str) -> list[Any]:
    with database.transaction() as tx:
        return list(tx.cursor.execute(query).fetchall())
