"""Rows of deliveries that could not be read: on the board until the office dismisses them, with a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from services.ops.acts.orders import Attribution
from services.ops.board.rejected import DISMISS, RejectedRow
from services.ops.metrics import ORDERED
from services.ops.ports import Ports
from services.ops.store.decisions import Order
from shared.errors import NotFound
from shared.office_events import OfficeDecided
from shared.runtime.log import logger

RowState = Literal["open", "dismissed", "all"]

_AT_ONCE = 1000  # rejections of one decision: 35 KB of ids

log = logger("ops")


def rejected_rows(ports: Ports, state: RowState, *, limit: int = 1000) -> list[RejectedRow]:
    """The latest deliveries first."""
    with ports.store.transaction() as tx:
        return tx.rejections.rows(state, limit=limit)


def dismiss(ports: Ports, who: Attribution, *, ids: Sequence[str] | None = None, source: str | None = None) -> int:
    """These rows (`ids`), those of the delivery `source`, or (neither given) all open ones need nothing more.

    Returns how many fields of rows were dismissed by this call; none that were before. NotFound when an id is unknown
    or the source has no rejected row; then none is dismissed. A row that is rejected later is open.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        if unknown := sorted(set(ids or ()) - tx.rejections.known(ids or ())):
            raise NotFound(f"got row {unknown[0]!r}, expected one of: akashi rejected list")
        by_source = defaultdict(list)
        for of, id in tx.rejections.open_of(ids, source):
            by_source[of].append(id)
        if source is not None and not by_source:
            raise NotFound(f"got delivery {source!r}, expected one with open rows: akashi rejected list")
        events = [
            OfficeDecided(
                decision_id=f"{DISMISS}/{part[0]}",
                decision=DISMISS,
                subject=of,
                by=who.by,
                why=who.why,
                decided_at=now,
                rejections=part,
            )
            for of, found in by_source.items()
            for part in (tuple(found[at : at + _AT_ONCE]) for at in range(0, len(found), _AT_ONCE))
        ]
        tx.decisions.note_orders([Order(event, None) for event in events])
        tx.rejections.note_dismissed(events)
        tx.announce(*events)
        # Dying before the commit they stay on the board; after it the outbox has the decisions, for a restore of ops.
    for event in events:
        ORDERED.labels(DISMISS, "announced").inc()
        log.info("decided", decision=DISMISS, decision_id=event.decision_id)
    return sum(map(len, by_source.values()))
