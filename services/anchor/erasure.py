"""Erasing a person: their leaves stay in their batches, so that all others verify; no proof is put any more."""

from __future__ import annotations

from collections.abc import Sequence

from services.anchor.handlers import Ports
from services.anchor.store import AnchorTransaction
from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.runtime.deletions import delete_due, delete_with_evidence, note_deletion
from shared.runtime.log import logger

log = logger("anchor")


def note_erased(events: Sequence[AssertionsErased], ports: Ports) -> None:
    """Any time. No proof is added to these credentials any more; it waits for those that are being put."""
    with ports.store.transaction() as tx:
        claimed = tx.claim_erasures(events)
        tx.leaves.end_proofs([id for event in claimed for id in event.assertion_ids], "erased")
        for event in claimed:
            tx.erase(event.decision_id, event.assertion_ids)
            if event.assertion_ids:
                note_deletion(tx, event)


def delete_erased(ports: Ports) -> int:
    """Any time. Delete credentials that the issuer has deleted: a proof may have been put since, with all else."""

    def delete(tx: AnchorTransaction, event: AssertionsErased) -> bool:
        for id in event.assertion_ids:
            delete_with_evidence(ports.objects, object_keys.credential(id))
        return True

    return delete_due(ports.store, delete, lambda tx, event: None, log)
