"""A person is erased: no letter leaves to them any more, and nothing of them is kept."""

from __future__ import annotations

from collections.abc import Sequence

from services.mailer.handlers import Ports, announce
from shared.erasure_events import AssertionsErased, PersonErased
from shared.runtime.log import logger

log = logger("mailer")


def erase(events: Sequence[PersonErased | AssertionsErased], ports: Ports) -> None:
    """Any time. Nothing is kept of these people, and no letter leaves to them that was asked for before.

    Either event tells which registrations are theirs, and may be read first.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        for event in tx.claim_erasures(events):
            rows = tx.erase_rows(event.registration_ids, event.assertion_ids, event.erased_at)
            tx.erase(event.decision_id, [*event.registration_ids, *rows.assertion_ids], rows.addresses)
            for each in rows.unsent:  # so that none leaves after a restore to before this
                announce(tx, ports, each, "cancelled", each.attempts, now, "erased")
            if isinstance(event, PersonErased):
                tx.announce(event.settled("mailer", now), cause=event)
            log.info("decided", decision_id=event.decision_id, badges=len(rows.assertion_ids))
    # If we die before the commit, the events come again; after it, the inbox drops them.
