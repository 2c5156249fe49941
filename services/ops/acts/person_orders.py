"""Orders about one person's registration that registration carries out: another address, a hold, an agreed spelling."""

from __future__ import annotations

from services.ops.acts.orders import Attribution, announced, ordered_before
from services.ops.board.counts import Person
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from services.ops.ports import Ports
from services.ops.queries import unknown_registration
from services.ops.store.events import OpsTransaction
from shared.office_events import Correction, Decision

SPELLED = ("family_name", "given_name", "family_name_latin", "given_name_latin")
"""The fields whose spelling may be agreed for a person who has no badge yet."""


def correct_address(ports: Ports, registration_id: str, address: str, who: Attribution) -> DecisionLine:
    """Order another address: before the issue for the badge, afterwards for the letters about it.

    Registration reads the address, and tells both addresses. The same order that is pending is one. NotFound.
    """
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        _known(tx, registration_id)
        return _order(tx, ports, "correct-address", registration_id, who, value=address.strip())


def hold(ports: Ports, registration_id: str, who: Attribution) -> DecisionLine:
    """Order that no badge is issued until the office resumes it. NotFound. AlreadyDecidedError for one with a badge."""
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        person = _known(tx, registration_id)
        if person.assertion_id is not None:
            raise AlreadyDecidedError("it has a badge: revoke that instead")
        if person.held and person.held_reason == "office-hold":
            raise AlreadyDecidedError("it is held by the office already: end that by resume")
        return _order(tx, ports, "hold", registration_id, who)


def spell(ports: Ports, registration_id: str, spelling: Correction, who: Attribution) -> DecisionLine:
    """Order how the name of a held person is written on the certificate, as was agreed. The record stays upstream's.

    NotFound. AlreadyDecidedError for one that is not held, for other fields than names, and for none.
    """
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        person = _known(tx, registration_id)
        if not person.held:
            raise AlreadyDecidedError(f"it is {person.state}, expected one that is held: correct it instead")
        if not spelling.changes or not set(spelling.changes) <= set(SPELLED):
            raise AlreadyDecidedError(f"expected some of {', '.join(SPELLED)}: before the issue the rest is upstream's")
        return _order(tx, ports, "correct", registration_id, who, correction=spelling)


def _known(tx: OpsTransaction, registration_id: str) -> Person:
    person = tx.board.person(registration_id)
    if person is None:
        raise unknown_registration(tx, registration_id)
    return person


def _order(
    tx: OpsTransaction,
    ports: Ports,
    decision: Decision,
    registration_id: str,
    who: Attribution,
    *,
    value: str | None = None,
    correction: Correction | None = None,
) -> DecisionLine:
    name = f"{decision}/{registration_id}"
    if (earlier := tx.decisions.pending_order(name)) is not None:
        if value is not None or correction is not None:
            raise AlreadyDecidedError(f"{earlier.by} ordered the same at {earlier.at:%H:%M:%S}Z: wait for its outcome")
        return ordered_before(earlier)
    return announced(tx, decision, registration_id, name, who, ports.now(), value=value, correction=correction)
