"""An issuer with a real PostgreSQL and a real object storage, and a clock that the test sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from threading import Barrier, Thread
from typing import Any, TypeVar

import msgspec
import psycopg

from services.issuer import handlers
from services.issuer.domain.issuance import assertion_id_of
from services.issuer.domain.publication import DocumentSources
from services.issuer.handlers import Ports
from services.issuer.signing.signer import Signer
from services.issuer.store import IssuerTransaction, Store
from shared import object_keys
from shared.credentials.status_list import decoded, is_set
from shared.errors import NotFound, TryLater
from shared.events import Event, RegistrationRenewed
from shared.office_events import OfficeDecided
from shared.runtime.migrate import migrate
from shared.runtime.objects import Objects
from shared.runtime.settings import ObjectStorageSettings
from shared.wire import decode
from tests.worlds.credentials import NOW, ROOT, SECRET, SOURCES, renewed

E = TypeVar("E", bound=Event)


class Shelf:
    """A bucket that can be unavailable and records its puts and gets in order."""

    def __init__(self, settings: ObjectStorageSettings) -> None:
        self._objects = Objects(settings)
        self.puts: list[tuple[str, bytes]] = []
        self.gets: list[str] = []
        self.away = False

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if self.away:
            self.puts.append((key, b""))
            raise TryLater(f"object {key}: storage away")
        self._objects.put(key, body, content_type)
        self.puts.append((key, body))

    def get(self, key: str) -> bytes:
        if self.away:
            raise TryLater(f"object {key}: storage away")
        self.gets.append(key)
        return self._objects.get(key)

    def list_keys(self, prefix: str, after: str, limit: int) -> Sequence[str]:
        if self.away:
            raise TryLater(f"object {prefix}*: storage away")
        return self._objects.list_keys(prefix, after, limit)

    def delete(self, key: str) -> None:
        if self.away:
            raise TryLater(f"object {key}: storage away")
        self._objects.delete(key)

    def lose(self, *keys: str) -> None:
        """Delete objects."""
        for key in keys:
            self._objects.delete(key)

    def json(self, key: str) -> Any:
        return json.loads(self.get(key))

    @property
    def keys(self) -> list[str]:
        """The keys of all puts, failed ones too."""
        return [key for key, _ in self.puts]

    @property
    def kept(self) -> set[str]:
        """The keys of the objects in the bucket."""
        there = set()
        for key in set(self.keys):
            with suppress(NotFound):
                self._objects.get(key)
                there.add(key)
        return there


@dataclass
class World:
    """One issuer on an empty schema and an empty bucket."""

    url: str
    bucket: ObjectStorageSettings
    now: datetime = NOW
    shelf: Shelf = field(init=False)
    ports: Ports = field(init=False)

    def __post_init__(self) -> None:
        migrate(self.url, "issuer", ROOT / "services" / "issuer" / "migrations")
        self.shelf = Shelf(self.bucket)
        store = Store(self.url, "issuer", IssuerTransaction, self.clock, pool=12)
        self.ports = Ports(store, self.shelf, SOURCES, signer_of(SOURCES), SECRET, Random(1), self.clock)

    def clock(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, arguments or None).fetchall()

    def events(self) -> list[Event]:
        """All announced events, in order."""
        return [decode(bytes(value)) for (value,) in self.rows("select value from outbox order by id")]

    def announced(self, kind: type[E]) -> list[E]:
        return [event for event in self.events() if isinstance(event, kind)]

    def ports_with(self, sources: DocumentSources) -> Ports:
        """The same issuer with another programme or key."""
        return replace(self.ports, sources=sources, signer=signer_of(sources))

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────

    def issue(self, *events: RegistrationRenewed) -> None:
        """Sign and store; then one second passes."""
        handlers.issue(events, self.ports)
        while handlers.store(self.ports):
            pass
        self.wait(seconds=1)

    def publish(self) -> None:
        """Until nothing is due."""
        while handlers.publish(self.ports):
            pass

    def decide(self, *orders: OfficeDecided) -> None:
        handlers.revoke(orders, self.ports)
        self.wait(seconds=1)

    def published_bits(self, number: int = 1) -> set[int]:
        bits = decoded(self.shelf.json(object_keys.status_list(number))["credentialSubject"]["encodedList"])
        return {index for index in range(len(bits) * 8) if is_set(bits, index)}

    def bits_of(self, ids: Iterable[str], number: int = 1) -> set[int]:
        found = self.rows(
            "select status_index from assertions where assertion_id = any(%s) and status_list = %s", list(ids), number
        )
        return {row[0] for row in found}

    def kept_credentials(self) -> set[str]:
        """The ids of credentials that others can fetch."""
        return {key.split("/")[1].partition(".")[0] for key in self.shelf.kept if key.startswith("credentials/")}

    def credential(self, assertion_id: str) -> Any:
        return self.shelf.json(object_keys.credential(assertion_id))


def signer_of(sources: DocumentSources) -> Signer:
    return Signer(sources.issuer, sources.key, SECRET, Random(2))


def id_of(number: int, version: int = 1) -> str:
    return assertion_id_of(SECRET, f"R-{number:05}", version)


def corrected(number: int, version: int, why: str | None = "氏名の誤り", **changes: Any) -> RegistrationRenewed:
    """The office's correction of a fictional person's registration."""
    return msgspec.structs.replace(renewed(number, **changes), version=version, correction=why)


def order(assertion_id: str, decision_id: str | None = None, why: str = "退会のため", **more: Any) -> OfficeDecided:
    """The office's order to revoke."""
    return OfficeDecided(
        decision_id=decision_id or f"D/{assertion_id}",
        decision="revoke",
        subject=assertion_id,
        by="office",
        why=why,
        decided_at=NOW,
        **more,
    )


def side_by_side(*works: Callable[[], object]) -> None:
    """Run them concurrently, each in its own thread. Raises the first error raised."""
    barrier = Barrier(len(works))
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def dying_at(method: str, world: World) -> Ports:
    """The same issuer, killed when it calls this method of its transaction."""

    def die(self: Any, *_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    kind = type("Dying", (IssuerTransaction,), {method: die})
    return replace(world.ports, store=Store(world.url, "issuer", kind, world.clock))
