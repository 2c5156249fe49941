"""The edge of wallet: which event and which timer goes to which handler, and its pages."""

from __future__ import annotations

from pathlib import Path

from services.wallet import erasure, handlers, office_orders
from services.wallet.account import letters, recovery
from services.wallet.config import Config
from services.wallet.ports import Ports
from services.wallet.store import WalletTransaction
from services.wallet.web.site import web_app
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    BadgeVisibilityChanged,
    CertificateRendered,
)
from shared.letter_events import AccountLetterRequested
from shared.object_keys import DID_DOCUMENT
from shared.office_events import OfficeDecided
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.process import Process
from shared.runtime.readiness import storage_report

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.note(AddressCorrected, WalletTransaction.note_addresses)
    process.consume(AddressRecoveryBegun, recovery.note_begun, ports)
    process.consume(AddressRecoverySettled, recovery.note_settled, ports)
    process.note(AssertionAnchored, WalletTransaction.note_anchored)
    process.note(CertificateRendered, WalletTransaction.note_rendered)
    process.note(AssertionRevoked, WalletTransaction.note_revoked)
    process.consume(PersonErased, erasure.erase, ports)
    process.consume(AssertionsErased, erasure.erase, ports)
    process.recall(BadgeReceived, WalletTransaction.take_back_received)
    process.recall(BadgeVisibilityChanged, WalletTransaction.take_back_visibility)
    process.recall(AccountLetterRequested, WalletTransaction.take_back_letters)
    process.tick("letters", letters.write_asked, ports)
    process.recall(PaperOrdered, WalletTransaction.take_back_paper_ordered)
    process.recall(PaperUpdated, WalletTransaction.take_back_paper_updated)
    process.consume(OfficeDecided, office_orders.carry_out, ports, predicate=office_orders.is_ours)
    process.tick("forget", handlers.forget, ports, every=3600.0)
    process.ready("object-storage", lambda _, to: storage_report(to.objects, DID_DOCUMENT), ports)
    process.serve(web_app(config, ports), host=config.web_host, port=config.web_port)
    return process
