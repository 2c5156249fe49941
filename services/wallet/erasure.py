"""A person is erased: badges, orders of paper, and the accounts that are theirs alone."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from services.wallet.ports import Ports
from shared.erasure_events import AssertionsErased, PersonErased
from shared.runtime.log import logger

log = logger("wallet")


def erase(events: Sequence[PersonErased | AssertionsErased], ports: Ports) -> None:
    """Any time. Nothing is kept of these people; their sessions end at once. No letter tells of it.

    Either event tells which registrations are theirs, and may be read first. Who acts with an account at this moment is
    waited for, or finds it deleted.
    """
    with ports.store.transaction() as tx:
        for event in tx.claim_erasures(events):
            erased = tx.erase_rows(event.registration_ids, event.assertion_ids)
            tx.erase(event.decision_id, [*event.registration_ids, *erased.assertion_ids], erased.addresses)
            if isinstance(event, PersonErased):
                detail = f"{erased.shared} accounts stay: they have badges of others" if erased.shared else None
                tx.announce(replace(event.settled("wallet", ports.now()), detail=detail), cause=event)
            log.info(
                "decided",
                decision_id=event.decision_id,
                badges=len(erased.assertion_ids),
                accounts=len(erased.accounts),
            )
    # If we die before the commit, the events come again; after it, the inbox drops them.
