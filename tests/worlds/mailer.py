"""The mailer for tests: a real PostgreSQL, calls of the handlers instead of Kafka, a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import services.mailer
from services.mailer import erasure, handlers, orders
from services.mailer.deliveries import Deliveries
from services.mailer.domain.delivery import SmtpReply
from services.mailer.domain.letters import LetterWriter
from services.mailer.handlers import Ports
from services.mailer.store.ledger import MailerTransaction, Store
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    AssertionRevoked,
    Award,
    BadgeReceived,
    CertificateRendered,
    Event,
    Holder,
    LetterUpdated,
)
from shared.letter_events import AccountLetterRequested, LetterRequested, RequestedLetterUpdated
from shared.office_events import DecisionSettled, OfficeDecided
from shared.programme import parse_programme
from shared.runtime.migrate import migrate
from shared.wire import decode

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
START = datetime(2026, 3, 31, 14, 0, tzinfo=UTC)
APRIL_1 = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
ID = "ABCDEFGHIJKLMNOPQRSTUVWX23"
OTHER = "BCDEFGHIJKLMNOPQRSTUVWX234"

Send = Callable[[str, str, bytes], SmtpReply]


@dataclass
class MailerWorld:
    """The service without Kafka: its handlers, its ticks, and the clock."""

    ports: Ports
    moment: datetime

    def handle(self, *events: Event) -> None:
        """Handle events, one at a time."""
        for event in events:
            self.handle_batch([event])

    def handle_batch(self, events: Sequence[Event]) -> None:
        """Handle events of one kind as the consumers do: in one transaction."""
        with self.ports.store.reading_to({}):  # which refuses a second transaction
            match events[0]:
                case AssertionIssued():
                    handlers.note_issued(events, self.ports)  # type: ignore[arg-type]
                case AddressCorrected():
                    handlers.note_addresses(events, self.ports)  # type: ignore[arg-type]
                case BadgeReceived():
                    with self.ports.store.transaction() as tx:  # as `Process.note` does
                        tx.note_received(tx.claim(events))  # type: ignore[arg-type]
                case CertificateRendered():
                    handlers.note_rendered(events, self.ports)  # type: ignore[arg-type]
                case PersonErased() | AssertionsErased():
                    erasure.erase(events, self.ports)  # type: ignore[arg-type]
                case AssertionRevoked():
                    handlers.note_revoked(events, self.ports)  # type: ignore[arg-type]
                case OfficeDecided():
                    orders.carry_out(events, self.ports)  # type: ignore[arg-type]
                case LetterRequested():
                    handlers.note_requested(events, self.ports)  # type: ignore[arg-type]

    def tick(self, **after: float) -> None:
        """Move the clock, then run both ticks until nothing is due."""
        self.moment += timedelta(**after)
        while handlers.write(self.ports):
            pass
        while handlers.send(self.ports):
            pass

    def announced(self) -> list[Event]:
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox order by id").fetchall()
        return [decode(bytes(row[0])) for row in rows]

    def letter_events(self) -> list[LetterUpdated]:
        return [event for event in self.announced() if isinstance(event, LetterUpdated)]

    def requested(self, letter_id: str = "L-1") -> list[RequestedLetterUpdated]:
        """What was announced of a letter that was asked for."""
        events = [event for event in self.announced() if isinstance(event, RequestedLetterUpdated)]
        return [event for event in events if event.letter_id == letter_id]

    def settled(self) -> dict[str, str]:
        """The outcome of each decision of the office."""
        return {event.decision_id: event.outcome for event in self.announced() if isinstance(event, DecisionSettled)}

    def states(self, assertion_id: str = ID, letter: str = "award") -> list[str]:
        return [e.state for e in self.letter_events() if (e.assertion_id, e.letter) == (assertion_id, letter)]

    def sent(self) -> list[tuple[str, str]]:
        """Badge and letter of all messages sent, in order."""
        return [(event.assertion_id, event.letter) for event in self.letter_events() if event.state == "sent"]


class AtOnce(Executor):
    """Letters leave one after the other, in the thread of the test: in order, and without waiting for threads."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@contextmanager
def mailer_at(url: str, send: Send) -> Iterator[MailerWorld]:
    """The mailer on an empty database."""

    def now() -> datetime:
        return made.moment

    migrate(url, "mailer", Path(services.mailer.__path__[0]) / "migrations")
    store = Store(url, "mailer", MailerTransaction, now)
    writer = LetterWriter(PROGRAMME, "http://localhost:8602", "http://localhost:8603", b"a secret of sixteen bytes")
    deliveries = Deliveries(20, threads=AtOnce())
    made = MailerWorld(Ports(store, writer, PROGRAMME.sender, send, now, deliveries), START)
    yield made
    store.close()


def issued(
    assertion_id: str = ID,
    qualification: str = "gishi",
    email: str = "taro@example.jp",
    version: int = 1,
    corrects: str | None = None,
    registration_id: str | None = None,
) -> AssertionIssued:
    return AssertionIssued(
        assertion_id=assertion_id,
        leaf="00" * 32,
        award=Award(
            registration_id=registration_id or f"R-{assertion_id[:4]}",
            cohort="2026",
            qualification=qualification,
            kind="new",
            pass_number="P1",
            registration_number="N1",
            valid_from=date(2026, 4, 1),
            valid_until=date(2030, 3, 31),
        ),
        holder=Holder(person_id="P", family_name="髙橋", given_name="𠮷之助", email=email),
        issued_at=START,
        notify_from=APRIL_1,
        status_list=1,
        status_index=1,
        version=version,
        corrects=corrects,
    )


def rendered(assertion_id: str = ID) -> CertificateRendered:
    return CertificateRendered(
        assertion_id=assertion_id,
        certificate_key="c",
        certificate_sha256="00",
        details_key="d",
        details_sha256="00",
        rendered_at=APRIL_1,
    )


def received(assertion_id: str = ID) -> BadgeReceived:
    return BadgeReceived(assertion_id=assertion_id, received_at=APRIL_1)


def revoked(assertion_id: str = ID, replaced_by: str | None = None) -> AssertionRevoked:
    return AssertionRevoked(assertion_id=assertion_id, reason="withdrawn", revoked_at=START, replaced_by=replaced_by)


def resend(decision_id: str = "D1", letter: str = "award", subject: str = ID) -> OfficeDecided:
    return OfficeDecided(
        decision_id=decision_id,
        decision="resend",
        subject=subject,
        by="desk",
        why="asked",
        decided_at=START,
        value=letter,
    )


def asked(
    letter_id: str = "L-1",
    letter: str = "reset-password",
    recipient: str = "taro@example.jp",
    hours: float | None = 24,
    **facts: str,
) -> AccountLetterRequested:
    """A letter that the wallet asks for; its link ends after so many hours."""
    complete = {"name": "見本 太郎", "link": "https://wallet.example.jp/reset/1", "hours": "24"}
    return AccountLetterRequested(
        letter_id=letter_id,
        letter=letter,
        recipient=recipient,
        facts={**complete, **facts},
        requested_at=START,
        valid_until=None if hours is None else START + timedelta(hours=hours),
    )
