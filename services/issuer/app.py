"""The edge of issuer: the handler of each event and of each tick."""

from __future__ import annotations

from pathlib import Path

from services.issuer import handlers
from services.issuer.config import Config
from services.issuer.domain.revocation import is_revoke
from services.issuer.handlers import Ports
from shared.events import OfficeDecided, RegistrationRenewed
from shared.runtime.process import Process

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.at_start(handlers.begin, ports)
    process.consume(RegistrationRenewed, handlers.issue, ports)
    process.consume(OfficeDecided, handlers.revoke, ports, predicate=is_revoke)
    process.tick("store", handlers.store, ports)
    process.tick("publish", handlers.publish, ports)
    return process
