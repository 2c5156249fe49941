"""The relay: what a service announced goes from its outbox to Kafka, in order, at least once. Used by each process."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
from kafka import KafkaProducer

from shared.runtime.db import CHANNEL
from shared.runtime.log import Log
from shared.runtime.metrics import PUBLISHED, RELAY_FAILED
from shared.wire import CONTENT_TYPE

_ROUND = 2000  # rows a round: 500 or more keep the producer's batches full
_PAUSE = 0.1  # seconds between two rounds
_SHARE_LOCK = "select pg_try_advisory_lock(hashtext('relay/' || current_schema()))"


class Relay(threading.Thread):
    """One active relay per schema (advisory lock), others stand by. Rows leave the outbox after Kafka has them all."""

    def __init__(self, url: str, kafka: str, log: Log) -> None:
        super().__init__(name="relay", daemon=True)
        self._url = url
        self._kafka = kafka
        self._log = log
        self._stopping = threading.Event()

    def stop(self, timeout: float) -> None:
        """Finish the round in hand, then end. What is left in the outbox goes with the next start."""
        self._stopping.set()
        self.join(timeout)

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._serve()
            except Exception as error:  # broker or database away: the rows stay, the next round sends them again
                RELAY_FAILED.inc()
                self._log.warning("retried", part="relay", cause=f"{type(error).__name__}: {str(error)[:150]}")
                self._stopping.wait(0.5)

    def _serve(self) -> None:
        with psycopg.connect(self._url, autocommit=True, connect_timeout=3) as connection:
            while not self._locked(connection):
                if self._stopping.wait(1.0):
                    return
            connection.execute(f"listen {CHANNEL}")
            producer = KafkaProducer(
                bootstrap_servers=self._kafka,
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                batch_size=256 * 1024,
                max_block_ms=10_000,
                request_timeout_ms=8_000,
                delivery_timeout_ms=20_000,
            )
            try:
                while not self._stopping.is_set():
                    if self._round(connection, producer):
                        self._stopping.wait(_PAUSE)  # the next rows gather: one by one they cost ten times as much
                    else:
                        for _ in connection.notifies(timeout=0.5, stop_after=1):
                            pass
            finally:
                producer.close(timeout=2)

    def _locked(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(_SHARE_LOCK).fetchone()
        return bool(row and row[0])

    def _round(self, connection: psycopg.Connection[Any], producer: Any) -> int:
        cursor = connection.cursor(binary=True)
        rows = cursor.execute("select id, topic, key, value from outbox order by id limit %s", (_ROUND,)).fetchall()
        if rows:
            headers = [("content-type", CONTENT_TYPE)]
            sent = [producer.send(topic, key=key, value=value, headers=headers) for _, topic, key, value in rows]
            producer.flush(timeout=20)
            for future in sent:
                future.get(timeout=1)
            # If we die here Kafka has the rows and the outbox too: they go out again; the readers' inboxes drop them.
            self._forget(cursor, [row[0] for row in rows])
            PUBLISHED.inc(len(rows))
        return len(rows)

    def _forget(self, cursor: psycopg.Cursor[Any], ids: list[int]) -> None:
        cursor.execute("delete from outbox where id = any(%s)", (ids,))
