"""The edge of issuer: the handler of each event and of each tick."""

from __future__ import annotations

from pathlib import Path

from services.issuer import handlers
from services.issuer.config import Config
from services.issuer.domain.revocation import is_revoke
from services.issuer.handlers import Ports
from services.issuer.inventory import Credentials, Documents
from services.issuer.store import IssuerTransaction
from shared.events import AssertionIssued, AssertionRevoked, IssuanceRefused, RegistrationRenewed
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.process import Process

MIGRATIONS = Path(__file__).parent / "migrations"

_LIST_EVERY = 1.0  # seconds between two tries while storage is away; page follows page


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.check(handlers.check_key, ports)
    process.recall(AssertionIssued, IssuerTransaction.take_back_issued)
    process.recall(IssuanceRefused, IssuerTransaction.take_back_refused)
    process.recall(AssertionRevoked, IssuerTransaction.take_back_revoked)
    process.recall(DecisionSettled, IssuerTransaction.take_back_settled)
    process.compare(handlers.compare_storage, ports)
    process.at_start(handlers.begin, ports)
    process.consume(RegistrationRenewed, handlers.issue, ports)
    process.consume(OfficeDecided, handlers.revoke, ports, predicate=is_revoke)
    process.tick("list_credentials", handlers.list_credentials, ports, every=_LIST_EVERY)
    process.tick("store", handlers.store, ports)
    process.tick("publish", handlers.publish, ports)
    process.scrub(
        ports.objects,
        Credentials(ports.store, ports.sources, ports.signer),
        Documents(ports.store, ports.objects, ports.sources, ports.now),
    )
    return process
