"""A file of registrations that the office hands in on the board: on record, delivered, settled with what came of it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from services.ops.acts.orders import Attribution, announced
from services.ops.board.decisions import FEED
from services.ops.ports import Ports
from services.ops.sources.intake import Delivered
from shared.errors import TryLater
from shared.office_events import DecisionSettled
from shared.runtime.log import logger

_INTERRUPTED_AFTER = timedelta(minutes=15)  # much longer than the longest file takes, and than we wait for the intake

log = logger("ops")


def feed(ports: Ports, name: str, content: bytes, who: Attribution) -> Delivered:
    """Hand the file to registration. TryLater when it gave no answer; then that stands on record as well."""
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        id = announced(tx, FEED, name, f"{FEED}/{sha256(content).hexdigest()[:16]}", who, ports.now()).id
    # If we die from here on, settle_interrupted() gives the order its outcome: the office hands the file in again, and
    # rows that were taken already are unchanged.
    try:
        found = ports.intake.deliver(name, content)
    except TryLater as error:
        _settle(ports, id, name, "not-delivered", str(error))
        raise
    detail = (
        f"accepted {found.accepted}, unchanged {found.unchanged}, rejected {found.rejected_rows},"
        f" after the issue {len(found.not_applied)}, of erased people {len(found.erased)}"
    )
    _settle(ports, id, name, "done", detail)
    return found


def settle_interrupted(ports: Ports) -> int:
    """Any time. Files of which nothing was heard any more: the process that handed them in died. Their number."""
    with ports.store.transaction() as tx:
        open_feeds = tx.decisions.open_feeds(ports.now() - _INTERRUPTED_AFTER)
    for order in open_feeds:
        _settle(ports, order.id, order.subject, "not-delivered", "interrupted: expected the file to be handed in again")
    return len(open_feeds)


def _settle(ports: Ports, id: str, subject: str, outcome: str, detail: str) -> None:
    event = DecisionSettled(
        decision_id=id, subject=subject, service="ops", outcome=outcome, settled_at=ports.now(), detail=detail
    )
    with ports.store.transaction() as tx:
        tx.decisions.note_settled([event])
        tx.announce(event)
    log.info("decided", decision=FEED, decision_id=id, outcome=outcome)
