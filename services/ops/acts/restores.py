"""Restores that services noticed: on the board until somebody of the office has acknowledged each."""

from __future__ import annotations

from collections.abc import Sequence

from services.ops.acts.orders import Attribution
from services.ops.board.restores import ACKNOWLEDGE, Restore, RestoreState, acknowledgement_id
from services.ops.metrics import ORDERED
from services.ops.ports import Ports
from services.ops.store.decisions import Order
from shared.errors import NotFound
from shared.office_events import OfficeDecided
from shared.runtime.log import logger

log = logger("ops")


def restores(ports: Ports, state: RestoreState, *, limit: int = 200) -> list[Restore]:
    """The latest first."""
    with ports.store.transaction() as tx:
        return tx.restores.all(state, limit=limit)


def acknowledge(ports: Ports, ids: Sequence[str], who: Attribution) -> list[Restore]:
    """Somebody has looked at these restores and done what people have to do. The first acknowledgement of each stands.

    NotFound when one of them is unknown; then none is acknowledged.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        found = tx.restores.of(ids)
        if missing := sorted(set(ids) - {restore.id for restore in found}):
            raise NotFound(f"got restore {missing[0]!r}, expected one of: akashi restores")
        events = [
            OfficeDecided(
                decision_id=acknowledgement_id(restore.id),
                decision=ACKNOWLEDGE,
                subject=restore.id,
                by=who.by,
                why=who.why,
                decided_at=now,
            )
            for restore in found
            if restore.seen_at is None
        ]
        tx.decisions.note_orders([Order(event, None) for event in events])
        tx.announce(*events)
        # Dying before the commit they stay on the board; after it the outbox has the decisions, for a restore of ops.
        seen = tx.restores.of(ids)
    for event in events:
        ORDERED.labels(ACKNOWLEDGE, "announced").inc()
        log.info("decided", decision=ACKNOWLEDGE, decision_id=event.decision_id, subject=event.subject)
    return seen
