"""The office's order to erase a person: all of their registrations, whatever became of them."""

from __future__ import annotations

from datetime import datetime

from services.registration.domain.correction import OrderOutcome
from services.registration.store import RegistrationTransaction
from shared.erasure_events import PersonErased
from shared.office_events import OfficeDecided


def carry_out(
    tx: RegistrationTransaction, decision: OfficeDecided, now: datetime, *, was_done: bool = False
) -> tuple[OrderOutcome, tuple[str, ...]]:
    """Erase the person of the order's registration, and have all services do so; with it the registrations erased.

    Under the writers' lock. Of somebody who was erased before nothing is left to do, and nothing is announced again.
    `was_done`: before a restore, so the registration was known, whether it is here or not.
    """
    is_erased = bool(tx.erased([decision.subject]))
    ids = tx.registrations_of_person(decision.subject)
    if was_done and not ids and not is_erased:
        ids = (decision.subject,)
    if ids:
        tx.erase_registrations(decision.decision_id, ids)
        tx.announce(
            PersonErased(
                decision_id=decision.decision_id, subject=decision.subject, registration_ids=ids, erased_at=now
            )
        )
        return OrderOutcome("done"), ids
    if is_erased:
        return OrderOutcome("done", "got a registration whose person was erased before"), ()
    return OrderOutcome("no-such-registration", f"got {decision.subject}, expected a registration_id"), ()
