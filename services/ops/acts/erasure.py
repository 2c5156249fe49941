"""The order to erase a person, and what it would do. Registration finds the person; every service erases its own."""

from __future__ import annotations

from services.ops.acts.orders import Attribution, announced, ordered_before
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from services.ops.board.erasures import ERASE, ErasedError, ErasurePlan, erase_name
from services.ops.metrics import ORDERED
from services.ops.ports import Ports
from services.ops.queries import unknown_registration
from services.ops.store.events import OpsTransaction
from shared.paper_events import PaperState

_OPEN: tuple[PaperState, ...] = ("ordered", "paid", "printed", "returned")
"""The states of paper that was ordered and that nobody has got yet."""


def plan(ports: Ports, registration_id: str) -> ErasurePlan:
    """Who would be erased, and what would be lost. Changes nothing. NotFound; ErasedError for one who was erased."""
    with ports.store.transaction() as tx:
        return _plan(tx, registration_id)


def erase(ports: Ports, registration_id: str, who: Attribution) -> DecisionLine:
    """Order that the person of a registration is erased, with all registrations. It can't be taken back.

    The order that is pending for any registration of the person is the answer. NotFound. AlreadyDecidedError for one
    who was erased.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        try:
            found = _plan(tx, registration_id)
        except ErasedError as erased:
            earlier = tx.decisions.decision(erased.erasure.decision_id)
            if earlier is not None and earlier.outcome is None:
                return ordered_before(earlier)
            ORDERED.labels(ERASE, "erased-before").inc()
            raise AlreadyDecidedError(str(erased)) from erased
        if found.pending is not None and (earlier := tx.decisions.decision(found.pending)) is not None:
            return ordered_before(earlier)
        return announced(tx, ERASE, registration_id, erase_name(registration_id), who, now)


def _plan(tx: OpsTransaction, registration_id: str) -> ErasurePlan:
    registrations = tx.erasures.registrations_of(registration_id)
    if not registrations:
        raise unknown_registration(tx, registration_id)
    ids = [each.registration_id for each in registrations]
    pending = tx.decisions.pending_about(ERASE, ids)
    return ErasurePlan(
        registration_id=registration_id,
        name=registrations[0].name,
        registrations=registrations,
        paper=tx.paper.rows(_OPEN, None, of=ids, limit=100),
        pending=None if pending is None else pending.id,
    )
