"""Registration for tests: a real PostgreSQL, handlers and outbox instead of Kafka, a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import services.registration
from services.registration import handlers
from services.registration.domain.cohort import cycle_of
from services.registration.domain.delivery import Delivery
from services.registration.domain.record import Rules, UpstreamRecord
from services.registration.handlers import DeliveryResult, Ports
from services.registration.office import orders
from services.registration.store import RegistrationTransaction, Store
from shared.clock import JST
from shared.events import (
    AssertionIssued,
    Event,
    IssuanceRefused,
    RegistrationHeld,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.glyphs import load_glyphs
from shared.office_events import Correction, Decision, OfficeDecided
from shared.programme import parse_programme
from shared.runtime.migrate import migrate
from shared.wire import decode
from tests.worlds.postgres import postgres

KEY = b"the key of upstream"
PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
RULES = Rules(PROGRAMME, load_glyphs(Path("node_modules/@expo-google-fonts")).missing)
SETTLE = timedelta(seconds=2)
NOON = datetime(2026, 4, 1, 12, tzinfo=JST)

E = TypeVar("E", bound=Event)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class RegistrationWorld:
    """The service without Kafka: its handlers, its clock, the events that it announced."""

    ports: Ports
    clock: Clock
    woken: list[datetime] = field(default_factory=list)
    decisions: int = 0

    def deliver(self, *records: UpstreamRecord) -> DeliveryResult:
        return handlers.accept(Delivery(tuple(enumerate(records, 2)), ()), "test", self.ports)

    def settle(self) -> int:
        """Let a delivery settle, then judge all that is due; returns how many were judged."""
        self.clock.now += SETTLE
        return self.judge()

    def judge(self) -> int:
        total = 0
        while judged := handlers.release(self.ports):
            total += judged
        return total

    def decide(
        self,
        decision: Decision,
        subject: str,
        value: str | None = None,
        correction: Correction | None = None,
        **more: Any,
    ) -> OfficeDecided:
        self.decisions += 1
        event = OfficeDecided(
            decision_id=f"D{self.decisions}",
            decision=decision,
            subject=subject,
            by="office",
            why="a test",
            decided_at=self.clock.now,
            value=value,
            correction=correction,
            **more,
        )
        with self.ports.store.reading_to({}):  # which refuses a second transaction
            orders.carry_out([event], self.ports)
        return event

    def issue(self, *ids: str, version: int | None = None) -> None:
        """The issuer issues the newest version, or `version`, of these registrations; without any, of all."""
        newest = {e.key: e for e in self.announced(RegistrationRenewed) if version in (None, e.version)}
        handlers.note_issued([answer_of(newest[id]) for id in ids or newest], self.ports)

    def refuse(self, *ids: str, field: str = "pass_number") -> None:
        """The issuer refuses the newest version of these."""
        newest = {e.key: e for e in self.announced(RegistrationRenewed)}
        events = [refusal(id, newest[id].version, self.clock.now, field) for id in ids]
        with self.ports.store.transaction() as tx:
            tx.note_refused(tx.claim(events))

    def announced(self, kind: type[E]) -> list[E]:
        """All events of a kind so far, in order."""
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox order by id").fetchall()
        return [event for event in (decode(bytes(row[0])) for row in rows) if isinstance(event, kind)]

    def renewed(self) -> list[str]:
        return sorted(event.key for event in self.announced(RegistrationRenewed))

    def held(self) -> dict[str, str]:
        """The reason of each registration that was announced as held and not as released since."""
        reasons: dict[str, str] = {}
        for event in self.announced(Event):
            if isinstance(event, RegistrationHeld):
                reasons[event.key] = event.reason
            elif isinstance(event, RegistrationReleased):
                reasons.pop(event.key)
        return reasons

    def tables_that_say(self, *texts: str) -> list[str]:
        """The tables with a row that says one of these texts, in any column."""
        with self.ports.store.transaction() as tx:
            names = tx.cursor.execute(
                "select table_name from information_schema.tables where table_schema = current_schema() order by 1"
            ).fetchall()
            said = {name: "\n".join(map(_as_text, tx.cursor.execute(f"select * from {name}"))) for (name,) in names}
        return [name for name, rows in said.items() if any(text in rows for text in texts)]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.ports.store.transaction() as tx:
            return tx.cursor.execute(query).fetchall()


def _as_text(row: tuple[Any, ...]) -> str:
    return "\n".join(bytes(cell).decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row)


def refusal(id: str, version: int, at: datetime, field: str = "pass_number") -> IssuanceRefused:
    """The issuer has refused it."""
    return IssuanceRefused(
        registration_id=id,
        cohort="2026",
        version=version,
        field=field,
        expected="curly brackets in pairs",
        refused_at=at,
    )


def answer_of(event: RegistrationRenewed) -> AssertionIssued:
    """The issuer has issued it."""
    return AssertionIssued(
        assertion_id=f"A/{event.key}/{event.version}",
        leaf="0" * 64,
        award=event.award,
        holder=event.holder,
        issued_at=event.notify_from,
        notify_from=event.notify_from,
        status_list=1,
        status_index=1,
        version=event.version,
    )


@contextmanager
def registration_database() -> Iterator[str]:
    """The URL of a PostgreSQL with registration's tables."""
    with postgres() as server:
        url = server.fresh()
        migrate(url, "registration", Path(services.registration.__path__[0]) / "migrations")
        yield url


def ports_at(url: str, clock: Clock, cohort: str = "2026") -> Ports:
    store: Store = Store(url, "registration", RegistrationTransaction, clock)
    return Ports(store=store, rules=RULES, cycle=cycle_of(PROGRAMME, cohort), settle=SETTLE, now=clock)


@contextmanager
def world_at(url: str) -> Iterator[RegistrationWorld]:
    """Registration on empty tables."""
    clock = Clock()
    world = RegistrationWorld(ports_at(url, clock), clock)
    with world.ports.store.transaction() as tx:
        tx.cursor.execute(
            "truncate registrations, not_applied, rejected, inbox, outbox, announced, recalled, recalled_orders,"
            " order_changes, cohort_holds, erased"
        )
    yield world
    world.ports.store.close()


def record(number: int, **changes: Any) -> UpstreamRecord:
    ordinary = {
        "registration_id": f"R{number}",
        "person_id": f"P{number}",
        "qualification": "gishi",
        "kind": "new",
        "pass_number": f"25-{number}",
        "registration_number": f"26G{number}",
        "previous_registration_id": None,
        "family_name": "骨材",
        "given_name": "太郎",
        "family_name_kana": None,
        "given_name_kana": None,
        "family_name_latin": None,
        "given_name_latin": None,
        "birth_date": date(1980, 2, 29),
        "email": f"person{number}@example.jp",
        "contact_email": None,
        "phone": "090-0000-0001",
        "completed_on": date(2026, 2, 1),
        "valid_from": date(2026, 4, 1),
        "valid_until": date(2030, 3, 31),
    }
    return UpstreamRecord(**(ordinary | changes))


def as_json(of: UpstreamRecord, **changes: Any) -> dict[str, Any]:
    fields = {name: getattr(of, name) for name in of.__struct_fields__}
    return {n: v.isoformat() if isinstance(v, date) else v for n, v in fields.items()} | changes
