"""Erasing a person, in order: draw nothing of theirs any more, delete the PDFs, draw the print sheets without them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from services.renderer.handlers import Ports
from services.renderer.metrics import ERASED
from services.renderer.store import RendererTransaction
from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.errors import NotFound
from shared.runtime.deletions import delete_due, delete_evidence, delete_with_evidence, note_deletion
from shared.runtime.log import logger

log = logger("renderer")


def note_erased(events: Sequence[AssertionsErased], ports: Ports) -> None:
    """Any time. Nothing is drawn of these badges, also when their AssertionAnchored comes later. Sheets are due again.

    It waits for what is being drawn of them. Who had no badge is settled at once.
    """
    with ports.store.transaction() as tx:
        claimed = tx.claim_erasures(events)
        ids = [id for event in claimed for id in event.assertion_ids]
        tx.erase_renderings(ids, ports.now())
        tx.draw_again(tx.lock_sheets_with(ids), ports.now())
        for event in claimed:
            tx.erase(event.decision_id, event.assertion_ids)
            if event.assertion_ids:
                note_deletion(tx, event)
            else:
                tx.announce(event.settled("renderer", ports.now()), cause=event)
    # Committed: the PDFs are still in storage; delete_erased() deletes them.
    ERASED.inc(len(ids))


def delete_erased(ports: Ports) -> int:
    """Any time. Delete the PDFs of who was erased, and settle once the print sheets are drawn without them."""

    def delete(tx: RendererTransaction, event: AssertionsErased) -> bool:
        for id in event.assertion_ids:
            for key in (object_keys.certificate(id), object_keys.details(id)):
                delete_with_evidence(ports.objects, key)
        sheets = [_is_without(each, tx, ports) for each in tx.lock_sheets_with(event.assertion_ids)]
        return all(sheets)

    def tell(tx: RendererTransaction, event: AssertionsErased) -> None:
        tx.announce(event.settled("renderer", ports.now()))

    return delete_due(ports.store, delete, tell, log)


def _is_without(sheet_id: str, tx: RendererTransaction, ports: Ports) -> bool:
    """Whether storage has the sheet as it was drawn without those who were erased; else it is due to be drawn."""
    key = object_keys.print_sheet(sheet_id)
    drawn = tx.lock_drawn_sheet(sheet_id)
    if drawn is None and not tx.is_sheet_empty(sheet_id):
        return False  # it waits to be drawn
    delete_evidence(ports.objects, key)
    if drawn is None:
        ports.objects.delete(key)
        return True
    try:
        stored = ports.objects.get(key)
    except NotFound:
        return True
    if sha256(stored).hexdigest() == drawn.sha256:
        return True
    tx.draw_again([sheet_id], ports.now())
    return False
