"""Changes of the office's accounts, on record like every order."""

from __future__ import annotations

from services.ops.board.accounts import decision_of
from services.ops.metrics import ORDERED
from services.ops.ports import Ports
from services.ops.store.events import OpsTransaction
from shared.office_events import AccountChanged
from shared.programme import Programme
from shared.runtime.log import logger
from shared.runtime.web.office_accounts import AccountChange
from shared.runtime.web.office_session import OfficeSessions

log = logger("ops")


def office_sessions(ports: Ports, programme: Programme) -> OfficeSessions:
    """The sessions and accounts of the office's pages. Each change of an account is announced."""
    return OfficeSessions(ports.store, programme, record=record)


def record(tx: OpsTransaction, change: AccountChange) -> None:
    """Note and announce a change, in the transaction that makes it."""
    tx.decisions.lock_orders()
    event = AccountChanged(
        change_id=tx.decisions.next_id(f"account-{change.change}/{change.name}"),
        account=change.name,
        change=change.change,
        by=change.by,
        why=change.why,
        changed_at=tx.now(),
        role=change.role,
        desk=change.desk,
        former_role=change.former_role,
        former_desk=change.former_desk,
    )
    tx.decisions.note_accounts([event])
    tx.announce(event)
    # Dying before the commit: the account is as before. After it the outbox has what was changed.
    ORDERED.labels(decision_of(event), "announced").inc()
    log.info("decided", decision=decision_of(event))
