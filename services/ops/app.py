"""The edge of ops: which event goes where."""

from __future__ import annotations

from pathlib import Path

from services.ops import handlers
from services.ops.acts import feed
from services.ops.acts.accounts import office_sessions
from services.ops.config import Config
from services.ops.ports import Ports
from services.ops.store.events import OpsTransaction
from services.ops.web.site import build_site
from shared.count_events import StatementAnchored, StatementPublished
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
    RenderingFailed,
)
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import (
    AccountChanged,
    CohortHoldChanged,
    DecisionSettled,
    ObjectsScrubbed,
    OfficeDecided,
    RebuildOrdered,
    RestoreNoticed,
    ScrubOrdered,
)
from shared.paper_events import PaperOrdered, PaperUpdated, PrintSheetRendered
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.process import Process
from shared.runtime.web.office_session import OfficeSessions
from shared.topics import TOPICS

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.note(RegistrationRenewed, OpsTransaction.note_renewed)
    process.note(AddressCorrected, OpsTransaction.note_addresses)
    process.note(AddressRecoveryBegun, OpsTransaction.note_recoveries)
    process.note(AddressRecoverySettled, OpsTransaction.note_recoveries)
    process.note(RegistrationHeld, OpsTransaction.note_holds)
    process.note(RegistrationReleased, OpsTransaction.note_holds)
    process.note(CohortHoldChanged, OpsTransaction.note_cohort_holds)
    process.note(RegistrationRejected, OpsTransaction.note_rejected)
    process.note(AssertionIssued, OpsTransaction.note_issued)
    process.note(IssuanceRefused, OpsTransaction.note_refused)
    process.note(LetterUpdated, OpsTransaction.note_letters)
    process.note(RequestedLetterUpdated, OpsTransaction.note_requested_letters)
    process.note(BadgeReceived, OpsTransaction.note_received)
    process.note(AssertionAnchored, OpsTransaction.note_anchored)
    process.note(StatementPublished, OpsTransaction.note_statements)
    process.note(StatementAnchored, OpsTransaction.note_anchored_statements)
    process.note(CertificateRendered, OpsTransaction.note_rendered)
    process.note(RenderingFailed, OpsTransaction.note_failed)
    process.note(AssertionRevoked, OpsTransaction.note_revoked)
    process.note(PaperOrdered, OpsTransaction.note_paper)
    process.note(PaperUpdated, OpsTransaction.note_paper)
    process.note(PrintSheetRendered, OpsTransaction.note_paper)
    process.consume(PersonErased, handlers.erase, ports)
    process.consume(AssertionsErased, handlers.erase, ports)
    process.note(OfficeDecided, OpsTransaction.note_decided)
    process.note(DecisionSettled, OpsTransaction.note_settled)
    process.note(RestoreNoticed, OpsTransaction.note_restores)
    process.recall(OfficeDecided, OpsTransaction.take_back_decided)
    process.note(AccountChanged, OpsTransaction.note_accounts)
    process.recall(AccountChanged, OpsTransaction.note_accounts)
    process.recall(RebuildOrdered, OpsTransaction.take_back_rebuilds)
    process.note(ObjectsScrubbed, OpsTransaction.note_scrubbed)
    process.recall(ScrubOrdered, OpsTransaction.take_back_scrubs)
    for topic in TOPICS:
        process.consume_raw(topic.dead, handlers.note_dead(topic), ports)
    process.tick("measure", handlers.measure, ports, every=2.0, waits=False)
    process.tick("health", handlers.read_health, ports, every=5.0, waits=False)
    process.tick("interrupted", feed.settle_interrupted, ports, every=60.0)
    runtime = config.runtime
    sessions = office_sessions(ports, runtime.programme)
    process.tick("sessions", OfficeSessions.forget_past, sessions, every=600.0)
    process.serve(
        build_site(
            runtime.programme, config.links, ports, process.wake, config.api_key, runtime.access, sessions=sessions
        ),
        host=config.web_host,
        port=config.web_port,
    )
    return process
