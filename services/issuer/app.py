"""The edge of issuer: the handler of each event and of each tick."""

from __future__ import annotations

from pathlib import Path

from services.issuer import erasure, handlers, readiness
from services.issuer.config import Config
from services.issuer.count import counting
from services.issuer.count.statement_inventory import Statements
from services.issuer.domain.revocation import is_revoke
from services.issuer.handlers import Ports
from services.issuer.storage.inventory import Credentials, Documents
from services.issuer.store import IssuerTransaction
from shared.count_events import StatementPublished
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, IssuanceRefused, RegistrationRenewed
from shared.object_keys import DID_DOCUMENT
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.process import Process
from shared.runtime.readiness import storage_report

MIGRATIONS = Path(__file__).parent / "migrations"
_LEAST_PAUSE = 1.0  # seconds: counting reads every badge
_LOOK_AGAIN_SECONDS = 60.0
_LIST_EVERY = 1.0  # seconds between two tries while storage is away; page follows page


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.check(handlers.check_key, ports)
    process.recall(AssertionIssued, IssuerTransaction.take_back_issued)
    process.recall(IssuanceRefused, IssuerTransaction.take_back_refused)
    process.recall(AssertionRevoked, IssuerTransaction.take_back_revoked)
    process.recall(AssertionsErased, IssuerTransaction.take_back_erased)
    process.recall(DecisionSettled, IssuerTransaction.take_back_settled)
    process.recall(StatementPublished, IssuerTransaction.take_back_statements)
    process.compare(handlers.compare_storage, ports)
    process.at_start(handlers.begin, ports)
    process.consume(RegistrationRenewed, handlers.issue, ports)
    process.consume(OfficeDecided, handlers.revoke, ports, predicate=is_revoke)
    process.consume(PersonErased, erasure.note_erased, ports)
    process.note(AssertionAnchored, IssuerTransaction.note_anchored)
    process.tick("list_credentials", handlers.list_credentials, ports, every=_LIST_EVERY)
    process.tick("store", handlers.store, ports, full=50)
    process.tick("publish", handlers.publish, ports)
    process.tick("erase", erasure.delete_erased, ports)
    process.tick("read_manifests", counting.read_manifests, ports)
    process.tick("state", counting.state, ports, every=max(config.statement_pause.total_seconds(), _LEAST_PAUSE))
    process.tick("publish_statements", counting.publish_statements, ports)
    process.ready("object-storage", lambda _, to: storage_report(to.objects, DID_DOCUMENT), ports)
    process.ready(
        "signing-key", lambda _, to: readiness.signing_key(config.key_file, to.sources.key, to.objects), ports
    )
    process.tick("look_again", handlers.look_again, ports, every=_LOOK_AGAIN_SECONDS)
    process.scrub(
        ports.objects,
        Credentials(ports.store, ports.sources, ports.signer),
        Documents(ports.store, ports.objects, ports.sources, ports.now),
        Statements(ports.store, ports.sources),
    )
    return process
