"""The edge of the mailer: which events it consumes and which ticks it runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from services.mailer import erasure, handlers, orders, readiness, reports
from services.mailer.bounces import BounceServer, Listener
from services.mailer.config import Config
from services.mailer.handlers import Ports
from services.mailer.store.ledger import MailerTransaction
from shared.erasure_events import AssertionsErased, PersonErased
from shared.errors import RefuseToStart
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    LetterUpdated,
)
from shared.letter_events import AccountLetterRequested, DeskLetterRequested, RequestedLetterUpdated
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.pace import Seldom
from shared.runtime.process import Process

MIGRATIONS = Path(__file__).parent / "migrations"


_BOUNCES_EVERY = 5.0
_REMINDERS_EVERY = 60.0
_FORGET_EVERY = 3600.0


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.recall(LetterUpdated, MailerTransaction.take_back_letters)
    process.recall(RequestedLetterUpdated, MailerTransaction.take_back_requested)
    process.recall(DecisionSettled, MailerTransaction.take_back_settled)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(AddressCorrected, handlers.note_addresses, ports)
    process.note(BadgeReceived, MailerTransaction.note_received)
    process.consume(CertificateRendered, handlers.note_rendered, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.consume(PersonErased, erasure.erase, ports)
    process.consume(AssertionsErased, erasure.erase, ports)
    process.consume(OfficeDecided, orders.carry_out, ports, predicate=orders.is_ours)
    process.consume(DeskLetterRequested, handlers.note_requested, ports)
    process.consume(AccountLetterRequested, handlers.note_requested, ports)
    process.tick("write", handlers.write, ports, full=100)
    process.tick("send", handlers.send, ports)
    process.tick("forget", handlers.forget, ports, every=_FORGET_EVERY)
    seldom = Seldom()  # it reads all letters and periods of some weeks
    process.tick("remind", lambda to: seldom.run(partial(handlers.remind, to)) or 0, ports, every=_REMINDERS_EVERY)
    process.ready("relay", lambda _, to: readiness.relay(to.smtp), config)
    process.ready("dns-mx", lambda _, to: readiness.mx(to.dns, ports.sender), config)
    process.ready("dns-spf", lambda _, to: readiness.spf(to.dns, ports.sender), config)
    process.ready("dns-dkim", lambda _, to: readiness.dkim(to.dns, ports.sender, to.dkim_keys), config)
    process.ready("dns-dmarc", lambda _, to: readiness.dmarc(to.dns, ports.sender), config)
    process.ready("letters", lambda asked, to: readiness.letters(asked, to.limits, to.connections), config)
    if config.bounces is not None:
        process.at_start(partial(_listen, config.bounces), ports)
    if config.bounce_maildir is not None:
        process.tick("bounces", partial(reports.read_bounces, config.bounce_maildir), ports, every=_BOUNCES_EVERY)
    return process


def _listen(listener: Listener, ports: Ports) -> None:
    """Until the process ends: what is not written down by then, the relay keeps."""
    try:
        BounceServer(listener, lambda content, recipients: reports.note_report(content, recipients, ports)).start()
    except OSError as error:
        raise RefuseToStart(
            f"setting BOUNCE_PORT: got {listener.port}, expected a port that is free ({error})"
        ) from error
