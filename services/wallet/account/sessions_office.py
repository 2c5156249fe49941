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

    Passwords and passkeys stay valid for a new login. Settled with how many sessions there were.
    """
    if decision.decision == "end-all-sessions":
        ended, outcome = tx.sessions.close_everybodys(), "done"
        detail = f"{ended} sessions"
    else:
        accounts = tx.accounts.of_registration(decision.subject)
        # Sessions first, as wherever both are changed: two transactions at once can't deadlock.
        ended = sum(tx.sessions.close_all(account_id) for account_id in accounts)
        for account_id in accounts:
            tx.sessions.forget_devices(account_id)
        outcome = "done" if accounts else "no-account"
        detail = f"{ended} sessions of {len(accounts)} accounts"
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
