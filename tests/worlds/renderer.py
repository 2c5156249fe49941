"""A renderer with a real database; object storage is in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from services.renderer.config import Config
from services.renderer.handlers import Ports
from services.renderer.store import RendererTransaction, Store
from shared import object_keys
from shared.events import AssertionAnchored, AssertionRevoked, CertificateRendered, Event, RenderingFailed
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.settings import ObjectStorageSettings, Runtime
from shared.wire import decode
from tests.worlds.consumer import note
from tests.worlds.credentials import assertion, credential
from tests.worlds.objects import MemoryObjects
from tests.worlds.press import FONTS, PROGRAMME

NOW = datetime(2026, 4, 2, 3, 0, tzinfo=UTC)


@dataclass
class Stage:
    """One renderer, its database, its storage, and a clock that stands still."""

    store: Store
    objects: MemoryObjects
    ports: Ports
    now: datetime = NOW

    def note_anchored(self, *events: AssertionAnchored) -> None:
        note(self.store, RendererTransaction.note_anchored, events)

    def later(self, by: timedelta) -> None:
        self.now += by

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.store.url) as connection:
            return connection.execute(query).fetchall()

    def events(self) -> list[Event]:
        """All that was announced, in order."""
        return [decode(value) for (value,) in self.rows("select value from outbox order by id")]

    def announced(self) -> list[CertificateRendered]:
        return [event for event in self.events() if isinstance(event, CertificateRendered)]

    def failures(self) -> list[RenderingFailed]:
        return [event for event in self.events() if isinstance(event, RenderingFailed)]

    def states(self) -> dict[str, str]:
        return dict(self.rows("select assertion_id, state from renderings"))


def anchored(number: int, objects: MemoryObjects | None = None, **changes: Any) -> AssertionAnchored:
    """The event of an assertion; its credential is in object storage."""
    id = assertion(number, **changes).assertion_id
    if objects is not None:
        objects.kept[object_keys.credential(id)] = msgspec.json.encode(credential(number, **changes))
    return AssertionAnchored(
        assertion_id=id,
        leaf="0" * 64,
        merkle_root="1" * 64,
        path=(),
        network="local",
        chain_id=31337,
        contract="0x" + "2" * 40,
        transaction="0x" + "3" * 64,
        block_number=7,
        block_hash="0x" + "4" * 64,
        anchored_at=NOW,
    )


def revoked(assertion_id: str) -> AssertionRevoked:
    return AssertionRevoked(assertion_id=assertion_id, reason="withdrawn", revoked_at=NOW)


def config(stage: Stage) -> Config:
    access, now = KafkaAccess(""), stage.ports.now
    runtime = Runtime("renderer", stage.store.url, access, "127.0.0.1", 0, now, PROGRAMME, 1.0, "auto")
    storage = ObjectStorageSettings("http://localhost", "", Path())
    return Config(runtime, storage, stage.ports.public_url, FONTS, (), None)
