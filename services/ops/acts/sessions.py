"""Orders to log holders out of the wallet: one person, or everybody. The wallet carries them out."""

from __future__ import annotations

from services.ops.acts.orders import Attribution, announced
from services.ops.board.decisions import DecisionLine
from services.ops.ports import Ports
from services.ops.queries import unknown_registration
from shared.office_events import Decision

WALLET = "wallet"
"""The subject of an order about everybody's sessions."""


def end(ports: Ports, id: str, who: Attribution) -> DecisionLine:
    """Order that a person is logged out everywhere: `id` is of a registration, or of one of its badges.

    The same order that is pending is one. NotFound.
    """
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        registration_id = tx.decisions.registration_of(id) or id
        if tx.board.person(registration_id) is None:
            raise unknown_registration(tx, registration_id)
        decision: Decision = "end-sessions"
        return announced(tx, decision, registration_id, f"{decision}/{registration_id}", who, ports.now(), once=True)


def end_everybodys(ports: Ports, who: Attribution) -> DecisionLine:
    """Order that everybody is logged out. The same order that is pending is one."""
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        decision: Decision = "end-all-sessions"
        return announced(tx, decision, WALLET, decision, who, ports.now(), once=True)
