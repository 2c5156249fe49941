"""What the office orders about sessions: log a person, or everybody, out of the wallet."""

from __future__ import annotations

from services.wallet.ports import Ports
from services.wallet.store import WalletTransaction
from shared.office_events import DecisionSettled, OfficeDecided
from shared.runtime.log import logger

log = logger("wallet")


def is_ours(decision: OfficeDecided) -> bool:
    """Whether the wallet's sessions are what this decision is about."""
    return decision.decision in ("end-sessions", "end-all-sessions")


def end(tx: WalletTransaction, decision: OfficeDecided, ports: Ports) -> None:
    """End the sessions of all accounts of a registration's person, whose browsers are no longer known; or everybody's.

    Passwords and passkeys stay: whoever has them logs in again. Settled with how many sessions there were.
    """
    accounts, detail = 0, ""
    if decision.decision == "end-all-sessions":
        ended, outcome = tx.sessions.close_everybodys(), "done"
        detail = f"{ended} sessions"
    else:
        ids = tx.accounts.of_registration(decision.subject)
        accounts, ended = len(ids), tx.sessions.close_of(ids)
        outcome = "done" if ids else "no-account"
        detail = f"{ended} sessions of {accounts} accounts"
    log.info("decided", decision_id=decision.decision_id, outcome=outcome, sessions=ended)
    tx.announce(
        DecisionSettled(
            decision_id=decision.decision_id,
            subject=decision.subject,
            service="wallet",
            outcome=outcome,
            settled_at=ports.now(),
            detail=detail,
        ),
        cause=decision,
    )
