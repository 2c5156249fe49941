"""The edge of renderer: which event and which timer goes to which handler."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from services.renderer import erasure, handlers
from services.renderer.config import Config
from services.renderer.handlers import Ports
from services.renderer.inventory import Certificates
from services.renderer.pdf.signature import Signer
from services.renderer.print_sheets import PrintSheets, draw_sheets
from services.renderer.store import RendererTransaction
from shared.erasure_events import AssertionsErased
from shared.events import AssertionAnchored, AssertionRevoked, CertificateRendered, RenderingFailed
from shared.object_keys import DID_DOCUMENT
from shared.paper_events import PrintSheetOrdered, PrintSheetRendered
from shared.readiness import Report, not_asked
from shared.runtime.process import Process
from shared.runtime.readiness import ending, storage_report

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.note(AssertionAnchored, RendererTransaction.note_anchored)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.consume(AssertionsErased, erasure.note_erased, ports)
    process.recall(CertificateRendered, RendererTransaction.take_back_rendered)
    process.note(PrintSheetOrdered, RendererTransaction.note_sheets)
    process.recall(PrintSheetRendered, RendererTransaction.take_back_sheets)
    process.recall(RenderingFailed, RendererTransaction.take_back_failed)
    process.at_start(handlers.try_failed, ports)
    process.tick("render", handlers.render, ports, full=10)
    process.tick("sheets", draw_sheets, ports)
    process.tick("erase", erasure.delete_erased, ports)
    process.ready("object-storage", lambda _, to: storage_report(to.objects, DID_DOCUMENT), ports)
    process.ready("pdf-signature", lambda _, to: signature_report(to.signer, to.now()), ports)
    process.scrub(ports.objects, Certificates(ports), PrintSheets(ports), before="anchor")
    return process


def signature_report(signer: Signer | None, now: datetime) -> Report:
    """Until when the certificate is valid that PDFs are signed with."""
    if signer is None:
        return Report(findings=(not_asked("pdf-signature", "no-signature"),))
    return Report(findings=(ending("pdf-signature", "", signer.valid_until, now),))
