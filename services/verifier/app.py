"""Which event goes where, and the public site."""

from __future__ import annotations

from pathlib import Path

from services.verifier.config import Config
from services.verifier.ports import Ports
from services.verifier.store import VerifierTransaction
from services.verifier.web.site import build_site
from shared.count_events import StatementPublished
from shared.erasure_events import AssertionsErased
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.process import Process
from shared.runtime.readiness import storage_report

MIGRATIONS = Path(__file__).parent / "migrations"

_UNCACHED = "readiness"
"""No such object is there: asked for, the storage itself answers, and no copy of ours."""


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.note(AssertionIssued, VerifierTransaction.note_issued)
    process.note(BadgeReceived, VerifierTransaction.note_received)
    process.note(BadgeVisibilityChanged, VerifierTransaction.note_visibility)
    process.note(AssertionAnchored, VerifierTransaction.note_anchored)
    process.note(AssertionRevoked, VerifierTransaction.note_revoked)
    process.note(AssertionsErased, VerifierTransaction.note_erased)
    process.note(StatementPublished, VerifierTransaction.note_statements)
    process.ready("object-storage", lambda _, to: storage_report(to.site, _UNCACHED), ports)
    process.serve(build_site(config, ports), host=config.web_host, port=config.web_port)
    return process
