"""The store of ops on a new database, and what the runtime does with it: events noted, dead letters kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import psycopg

from services.ops import handlers, queries
from services.ops.app import MIGRATIONS
from services.ops.board.counts import Stage
from services.ops.ports import Ports
from services.ops.sources.lag import Lag
from services.ops.store.events import OpsTransaction, Store
from shared.clock import Clock
from shared.count_events import StatementAnchored, StatementPublished
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    Event,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
    RenderingFailed,
)
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import AccountChanged, CohortHoldChanged, DecisionSettled, OfficeDecided, RestoreNoticed
from shared.paper_events import PaperOrdered, PaperUpdated, PrintSheetRendered
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.batches import RawMessage
from shared.runtime.dead_letters import DeadLetter
from shared.runtime.migrate import migrate
from shared.topics import ASSERTION_ISSUED
from tests.worlds.cohorts import NOON
from tests.worlds.postgres import postgres

BOARD_AGE = 0.6
"""Seconds after which the board shows what has changed: its answers are half a second old at the most."""

TABLES = (
    "people, assertions, letters, batches, rejections, dismissals, dead_letters, decisions, settlements, scrub_reports,"
    " restores, requested_letters, person_events, office_accounts, office_sessions, office_attempts, paper_orders,"
    " paper_items, paper_sheets, cohort_holds, statements, erased, inbox, outbox, announced"
)

NOTES: dict[type[Event], Callable[[OpsTransaction, Sequence[Any]], None]] = {
    RegistrationRenewed: OpsTransaction.note_renewed,
    AddressCorrected: OpsTransaction.note_addresses,
    RegistrationHeld: OpsTransaction.note_holds,
    RegistrationReleased: OpsTransaction.note_holds,
    StatementPublished: OpsTransaction.note_statements,
    StatementAnchored: OpsTransaction.note_anchored_statements,
    AccountChanged: OpsTransaction.note_accounts,
    CohortHoldChanged: OpsTransaction.note_cohort_holds,
    RegistrationRejected: OpsTransaction.note_rejected,
    AssertionIssued: OpsTransaction.note_issued,
    IssuanceRefused: OpsTransaction.note_refused,
    LetterUpdated: OpsTransaction.note_letters,
    RequestedLetterUpdated: OpsTransaction.note_requested_letters,
    BadgeReceived: OpsTransaction.note_received,
    AssertionAnchored: OpsTransaction.note_anchored,
    CertificateRendered: OpsTransaction.note_rendered,
    RenderingFailed: OpsTransaction.note_failed,
    AssertionRevoked: OpsTransaction.note_revoked,
    OfficeDecided: OpsTransaction.note_decided,
    DecisionSettled: OpsTransaction.note_settled,
    RestoreNoticed: OpsTransaction.note_restores,
    AddressRecoveryBegun: OpsTransaction.note_recoveries,
    AddressRecoverySettled: OpsTransaction.note_recoveries,
    PaperOrdered: OpsTransaction.note_paper,
    PaperUpdated: OpsTransaction.note_paper,
    PrintSheetRendered: OpsTransaction.note_paper,
}


class NoBroker:
    """A broker that can't be reached."""

    def lags(self, services: object) -> Lag:
        raise OSError("no broker here")


@contextmanager
def ops_store(now: Clock) -> Iterator[Store]:
    """The store on a new database with the tables of ops."""
    with postgres() as databases:
        url = databases.fresh()
        migrate(url, "ops", MIGRATIONS)
        store = Store(url, "ops", OpsTransaction, now)
        yield store
        store.close()


def empty(store: Store) -> None:
    with psycopg.connect(store.url) as connection:
        connection.execute(f"truncate {TABLES}")


def tell(ports: Ports, *events: Event) -> None:
    """One batch for each event, in the order given."""
    for event in events:
        _note(ports, [event])


def tell_all(ports: Ports, events: Sequence[Event]) -> None:
    """As the runtime does: each type in one batch, the batches in the order of their first event."""
    for type_ in dict.fromkeys(type(event) for event in events):
        _note(ports, [event for event in events if type(event) is type_])


def _note(ports: Ports, events: Sequence[Any]) -> None:
    if isinstance(events[0], PersonErased | AssertionsErased):
        handlers.erase(events, ports)
        return
    with ports.store.transaction() as tx:
        if claimed := tx.claim(events):
            NOTES[type(events[0])](tx, claimed)


def counts(ports: Ports) -> list[int]:
    """The seven counts of the cohort 2026."""
    cohort = queries.status(ports, "2026").cohort
    return [getattr(cohort, stage.word) for stage in Stage]


def dead_letter(
    ports: Ports,
    consumer: str = "mailer",
    *,
    offset: int = 5,
    value: bytes | None = b"poison",
    cause: str = "Unreadable: expected a CloudEvents envelope",
    at: datetime = NOON,
    size: int | None = None,
) -> str:
    """As the runtime of `consumer` writes a dead letter, read twice; returns its id."""
    letter = DeadLetter(
        id=uuid5(NAMESPACE_URL, f"{consumer}/{offset}"),
        topic="assertion.issued",
        partition=1,
        offset=offset,
        key=b"key",
        value=value,
        consumer=consumer,
        cause=cause,
        at=at,
        size=size,
        sha256=None if size is None else "ab" * 32,
    )
    message = RawMessage(record_key=None, value=msgspec.json.encode(letter))
    handlers.note_dead(ASSERTION_ISSUED)([message, message], ports)
    return str(letter.id)


def outbox(ports: Ports) -> list[tuple[str, bytes | None, bytes]]:
    """Topic, key and value of what waits to be sent."""
    with ports.store.transaction() as tx:
        return tx.cursor.execute("select topic, key, value from outbox order by id").fetchall()
