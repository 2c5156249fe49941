"""The office's orders about registrations: correct, correct-address, hold, resume; each is settled with its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.registration.domain.correction import (
    OrderOutcome,
    address_conflict,
    cohort_of,
    corrected,
    number_conflict,
)
from services.registration.domain.registration import Registration, amended, renewed
from services.registration.domain.soundness import implausible_address, trimmed
from services.registration.handlers import Ports
from services.registration.metrics import ORDERS
from services.registration.store import RegistrationTransaction
from shared.addresses import same_address_key
from shared.events import CONTRADICTIONS, Event
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from shared.runtime.log import logger
from shared.soundness import address_fault

log = logger("registration")


def is_ours(decision: OfficeDecided) -> bool:
    """Whether registration carries this decision out; other services carry out the rest."""
    return decision.decision in ("correct", "correct-address", "hold", "resume")


def carry_out(decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Correct a released registration: its badge is issued at the next version (step 3).

    Before the issue (step 2): set an address, hold or resume; the registration is judged again at once. Each order is
    settled with its outcome. One that can't be carried out changes nothing and is counted with its reason. One that was
    carried out before this database was restored sets again what it set, and is not settled again.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock()
        claimed = tx.claim([decision for decision in decisions if is_ours(decision)])
        recalled = tx.recalled_orders([decision.decision_id for decision in decisions])
        batch = _Batch(tx, ports, now, tx.registrations({decision.subject for decision in decisions}))
        for decision in decisions:
            if decision.decision_id in recalled:
                batch.set_again(decision)
        settled = [(decision, batch.carry_out(decision)) for decision in claimed]
        batch.finish()
        tx.announce(*(_settled(decision, outcome, now) for decision, outcome in settled))
        # If we die before the commit, the decisions come again from Kafka; after it, the inbox drops them, and each
        # corrected version is announced once.
    for decision, outcome in settled:
        log.info("decided", decision_id=decision.decision_id, subject=decision.subject, outcome=outcome.outcome)
    for word, number in Counter(outcome.outcome for _, outcome in settled).items():
        ORDERS.labels(word).inc(number)


_DONE = OrderOutcome("done")


class _Batch:
    """A batch of decisions, carried out in order. `known`: the registrations as the decisions so far left them."""

    def __init__(
        self, tx: RegistrationTransaction, ports: Ports, now: datetime, known: dict[str, Registration]
    ) -> None:
        self._tx = tx
        self._ports = ports
        self._now = now
        self._known = known
        self._corrected: dict[str, Registration] = {}  # not written yet: one statement for the whole batch
        self._events: list[Event] = []

    def carry_out(self, decision: OfficeDecided) -> OrderOutcome:
        registration = self._known.get(decision.subject)
        if registration is None:
            return OrderOutcome("no-such-registration", f"got {decision.subject}, expected a registration_id")
        if decision.decision == "correct":
            return self._correct(registration, decision)
        if registration.state == "released" and (registration.is_issued or decision.decision == "resume"):
            return OrderOutcome("issued-already", "got a registration with a badge: correct it instead")
        if decision.decision == "correct-address":
            if decision.value is None:
                return OrderOutcome("no-address", "got no address")
            address = trimmed(decision.value)
            fault = address_fault(address) or implausible_address(address)
            if fault is not None:
                return OrderOutcome("no-address", f"expected {fault.expected}")
            self._reopen(registration)
            self._tx.set_office_address(registration.id, address, decision.decided_at, self._now)
            if registration.address_key is not None:
                self._tx.judge_address_sharers([registration.address_key], self._now)
        elif decision.decision == "resume" and registration.reason in CONTRADICTIONS:
            self._tx.confirm_facts(registration.id, self._now)
        else:
            self._reopen(registration)
            self._tx.set_office_hold(registration.id, decision.decision == "hold", self._now)
        self._known.update(self._tx.registrations([registration.id]))
        return _DONE

    def _reopen(self, registration: Registration) -> None:
        """A released one that has no badge yet is judged again, as its next version."""
        if registration.state == "released":
            self.write()
            self._tx.update([amended(registration, registration.record)], self._now, judge=True)

    def set_again(self, decision: OfficeDecided) -> None:
        """What the order set before the restore; what it led to is taken back from its announcements already."""
        registration = self._known.get(decision.subject)
        if decision.decision == "correct":
            return
        if registration is None:
            self._tx.keep_order(decision.subject, **_columns_set_by(decision))
        elif registration.state != "released":
            self.carry_out(decision)
        elif decision.value is not None and same_address_key(decision.value) == registration.address_key:
            self._tx.confirm_office_address(registration.id, decision.value, decision.decided_at)

    def _correct(self, registration: Registration, decision: OfficeDecided) -> OrderOutcome:
        after = corrected(
            registration,
            decision.correction or Correction(),
            decision.decided_at,
            self._ports.rules,
            self._ports.cycle,
        )
        if isinstance(after, OrderOutcome):
            return after
        if (after.record.registration_number, after.record.pass_number) != (
            registration.record.registration_number,
            registration.record.pass_number,
        ):
            self.write()  # an earlier correction of this batch may have taken the number
            uses = self._tx.number_uses([after.record], self._ports.cycle.begins_on)
            if (taken := number_conflict(after, uses)) is not None:
                return taken
        # One without a badge may have been released before another person came to its address.
        is_new_use = after.address_key != registration.address_key or not registration.is_issued
        if is_new_use and after.address_key is not None:
            self.write()  # an earlier correction of this batch may have taken the address
            taken = address_conflict(after, self._tx.address_uses([after.address_key], self._ports.cycle.begins_on))
            if taken is not None:
                return taken
        notify_from = max(self._now, registration.notify_from or self._now)  # no letter before the cohort's day
        after = replace(after, notify_from=notify_from)
        self._known[after.id] = self._corrected[after.id] = after
        self._events.append(renewed(after, cohort_of(after), notify_from, decision.why))
        if after.address_key != registration.address_key and registration.address_key is not None:
            self.write()
            self._tx.judge_address_sharers([registration.address_key], self._now)
        return _DONE

    def write(self) -> None:
        self._tx.correct(list(self._corrected.values()), self._now)
        people = {each.record.person_id for each in self._corrected.values()}
        self._tx.judge_contradicted(people, self._corrected.keys(), self._now)
        self._corrected.clear()

    def finish(self) -> None:
        self.write()
        self._tx.announce(*self._events)


def _columns_set_by(decision: OfficeDecided) -> dict[str, Any]:
    if decision.decision == "correct-address" and decision.value is not None:
        key = same_address_key(decision.value)
        return {"office_email": decision.value, "address_key": key, "confirmed_at": decision.decided_at}
    return {"office_hold": decision.decision == "hold"}


def _settled(decision: OfficeDecided, outcome: OrderOutcome, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=decision.decision_id,
        subject=decision.subject,
        service="registration",
        outcome=outcome.outcome,
        settled_at=now,
        detail=outcome.detail,
    )
