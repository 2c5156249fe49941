"""The edge of ops: which event goes to which handler."""

from __future__ import annotations

from pathlib import Path

from services.ops import handlers
from services.ops.config import Config
from services.ops.handlers import Ports
from services.ops.web.site import site
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    DecisionSettled,
    LetterUpdated,
    OfficeDecided,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.runtime.process import Process
from shared.topics import TOPICS

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.consume(RegistrationRenewed, handlers.note_renewed, ports)
    process.consume(RegistrationHeld, handlers.note_held, ports)
    process.consume(RegistrationReleased, handlers.note_released, ports)
    process.consume(RegistrationRejected, handlers.note_rejected, ports)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(LetterUpdated, handlers.note_letters, ports)
    process.consume(BadgeReceived, handlers.note_received, ports)
    process.consume(AssertionAnchored, handlers.note_anchored, ports)
    process.consume(CertificateRendered, handlers.note_rendered, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.consume(OfficeDecided, handlers.note_decided, ports)
    process.consume(DecisionSettled, handlers.note_settled, ports)
    for topic in TOPICS:
        process.consume_raw(topic.dead, handlers.note_dead(topic), ports)
    process.tick("measure", handlers.measure, ports, every=2.0)
    process.serve(
        site(config.runtime.programme, config.links, ports, process.wake),
        host=config.web_host,
        port=config.web_port,
    )
    return process
