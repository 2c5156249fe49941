"""The edge of the mailer: which events it consumes and which ticks it runs."""

from __future__ import annotations

from pathlib import Path

from services.mailer import handlers
from services.mailer.config import Config
from services.mailer.handlers import Ports
from services.mailer.store import MailerTransaction
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived, CertificateRendered, LetterUpdated
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.process import Process

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.recall(LetterUpdated, MailerTransaction.take_back_letters)
    process.recall(DecisionSettled, MailerTransaction.take_back_settled)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.note(BadgeReceived, MailerTransaction.note_received)
    process.consume(CertificateRendered, handlers.note_rendered, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.consume(OfficeDecided, handlers.carry_out, ports, predicate=handlers.is_ours)
    process.tick("write", handlers.write, ports)
    process.tick("send", handlers.send, ports)
    return process
