"""The office's orders about registrations: correct, correct-address, hold, resume, erase; each is settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.registration.domain.address_letters import address_changed_letters
from services.registration.domain.correction import (
    OrderOutcome,
    address_conflict,
    changes_of,
    cohort_of,
    corrected,
    number_conflict,
)
from services.registration.domain.registration import Registration, amended, renewed
from services.registration.domain.soundness import implausible_address, trimmed
from services.registration.domain.spelling import Spelling, is_about_names
from services.registration.handlers import Ports
from services.registration.metrics import ORDERS
from services.registration.office import cohort_holds, erasure
from services.registration.people import recovery
from services.registration.store import RegistrationTransaction
from services.registration.store.office import OrderChange
from shared.addresses import as_mailed, same_address_key
from shared.events import CONTRADICTIONS, AddressCorrected, Event
from shared.office_events import Correction, DecisionSettled, OfficeDecided
from shared.runtime.log import logger
from shared.soundness import address_fault

log = logger("registration")


def is_ours(decision: OfficeDecided) -> bool:
    """Whether registration carries this decision out; other services carry out the rest."""
    about_one = ("correct", "correct-address", "hold", "resume", "erase")
    return decision.decision in about_one or cohort_holds.is_about_a_cohort(decision)


def carry_out(decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Correct a released registration: its badge is issued at the next version (step 3).

    Before the issue (step 2): set an address or the spelling of a name, hold or resume; the registration is judged
    again at once. After it, an address is where letters go: the badge stays. Both addresses are told. A cohort is held
    or resumed with those who come later (`cohort_holds.py`). A person is erased at any time (`erasure.py`). Each order
    is settled with its outcome. One that can't be carried out changes nothing and is counted with its reason. One that
    was carried out before this database was restored sets again what it set, and is not settled again.
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
_ISSUED_ALREADY = OrderOutcome("issued-already", "got a registration with a badge: correct it instead")


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
        self._changes: list[OrderChange] = []

    def carry_out(self, decision: OfficeDecided) -> OrderOutcome:
        if cohort_holds.is_about_a_cohort(decision):
            self.write()
            outcome = cohort_holds.carry_out(self._tx, decision, self._ports.rules.programme, self._now)
            self._known.update(self._tx.registrations(self._known))
            return outcome
        if decision.decision == "erase":
            return self._erase(decision)
        registration = self._known.get(decision.subject)
        if registration is None:
            return OrderOutcome("no-such-registration", f"got {decision.subject}, expected a registration_id")
        if decision.decision == "correct":
            return self._correct(registration, decision)
        if decision.decision == "correct-address":
            return self._correct_address(registration, decision)
        is_hold, is_released = decision.decision == "hold", registration.state == "released"
        if is_hold and is_released and registration.is_issued:
            return _ISSUED_ALREADY
        if decision.lasting and (is_hold or is_released):
            return _DONE  # by the cohort's order, which may be read a little earlier or later than this one of a person
        if is_released and not is_hold:
            return _ISSUED_ALREADY
        if is_hold:
            self._reopen(registration)
            self._tx.set_office_hold(registration.id, self._now)
        elif registration.reason in CONTRADICTIONS and not decision.lasting:
            self._tx.confirm_facts(registration.id, self._now)
        else:
            self._tx.end_office_hold(registration.id, decision.decided_at, self._now)
        self._known.update(self._tx.registrations([registration.id]))
        return _DONE

    def _correct_address(self, registration: Registration, decision: OfficeDecided) -> OrderOutcome:
        """Set an address. A badge that is issued stays as it is: only its letters go there."""
        if decision.value is None:
            return OrderOutcome("no-address", "got no address")
        address = trimmed(decision.value)
        fault = address_fault(address) or implausible_address(address)
        if fault is not None:
            return OrderOutcome("no-address", f"expected {fault.expected}")
        before = registration.email
        if self._end_recovery(registration, address, decision):
            return _DONE
        if before is not None and as_mailed(before) == as_mailed(address):
            return OrderOutcome("changes-nothing", "got the address that is on file")
        self.write()  # what an earlier correction of this batch took
        after = replace(registration, office_email=address)
        is_new = after.address_key != registration.address_key
        if registration.state == "released" and registration.is_issued:
            if is_new and after.address_key is not None:
                uses = self._tx.address_uses([after.address_key], self._ports.cycle.begins_on)
                if (taken := address_conflict(after, uses)) is not None:
                    return taken
            revision = self._tx.move_letters(registration.id, address, decision.decided_at)
            self._events.append(
                AddressCorrected(
                    registration_id=registration.id,
                    cohort=cohort_of(registration),
                    email=as_mailed(address),
                    version=registration.version,
                    revision=revision,
                    corrected_at=decision.decided_at,
                )
            )
        else:
            self._reopen(registration)
            self._tx.set_office_address(registration.id, address, decision.decided_at, self._now)
        self._tell_both(registration, before, address, decision)
        self._keep(decision, "email", before, address)
        self._known.update(self._tx.registrations([registration.id]))
        return _DONE

    def _end_recovery(self, registration: Registration, address: str, decision: OfficeDecided) -> bool:
        """An address set by the office ends a recovery that waits. True if nothing is left to do: the office set the
        new address of the recovery, which takes effect at once, or the one on file, which stays.
        """
        waiting = self._tx.waiting_recovery(registration.record.person_id)
        if waiting is None:
            return False
        before = registration.email
        self.write()
        if same_address_key(address) == same_address_key(waiting.email):
            recovery.move(self._tx, waiting, self._ports.rules.programme, self._ports.cycle.begins_on, self._now)
        else:
            recovery.settle(self._tx, waiting, "stopped", self._now)
        self._known.update(self._tx.registrations(self._known))
        if self._known[registration.id].address_key != same_address_key(address):
            return False
        if before != self._known[registration.id].email:
            self._keep(decision, "email", before, address)
        return True

    def _tell_both(self, registration: Registration, old: str | None, new: str, decision: OfficeDecided) -> None:
        programme = self._ports.rules.programme
        self._events += address_changed_letters(registration, old, new, decision.decision_id, self._now, programme)

    def _keep(self, decision: OfficeDecided, field: str, old: object, new: object) -> None:
        before, after = (None if value is None else str(value) for value in (old, new))
        self._changes.append(OrderChange(decision.decision_id, decision.subject, field, before, after, self._now))

    def _reopen(self, registration: Registration) -> None:
        """A released one that has no badge yet is judged again, as its next version."""
        if registration.state == "released":
            self.write()
            self._tx.update([amended(registration, registration.record)], self._now, judge=True)

    def set_again(self, decision: OfficeDecided) -> None:
        """What the order set before the restore; what it led to is taken back from its announcements already."""
        if cohort_holds.is_about_a_cohort(decision) or (decision.lasting and decision.decision == "hold"):
            return  # taken back from CohortHoldChanged
        if decision.decision == "erase":
            self._erase(decision, was_done=True)  # unless PersonErased was taken back
            return
        registration = self._known.get(decision.subject)
        if decision.decision == "correct" and not is_about_names(decision.correction):
            return
        if registration is None:
            self._tx.keep_order(decision.subject, **_columns_set_by(decision))
        elif registration.state != "released":
            told = list(self._events)
            self.carry_out(decision)
            self._events = told  # its letters were asked for before the restore
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
        if registration.state != "released":
            return self._agree(registration, after, decision)
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
        if after.email is not None and after.email != registration.email:
            self._tell_both(after, registration.email, after.email, decision)
        for field in (decision.correction or Correction()).changes:
            self._keep(decision, field, _value_of(registration, field), _value_of(after, field))
        if after.address_key != registration.address_key and registration.address_key is not None:
            self.write()
            self._tx.judge_address_sharers([registration.address_key], self._now)
        return _DONE

    def _agree(self, registration: Registration, after: Registration, decision: OfficeDecided) -> OrderOutcome:
        """How a name is written that no font can print, as the person agreed; the record stays as upstream's."""
        self._tx.set_spelling(registration.id, after.spelling, self._now)
        for field in (decision.correction or Correction()).changes:
            self._keep(decision, field, _value_of(registration, field), _value_of(after, field))
        self._known.update(self._tx.registrations([registration.id]))
        return _DONE

    def _erase(self, decision: OfficeDecided, *, was_done: bool = False) -> OrderOutcome:
        self.finish()  # what the orders before it changed and tell is erased with the rest
        outcome, erased = erasure.carry_out(self._tx, decision, self._now, was_done=was_done)
        for id in erased:
            self._known.pop(id, None)
        return outcome

    def write(self) -> None:
        self._tx.correct(list(self._corrected.values()), self._now)
        people = {each.record.person_id for each in self._corrected.values()}
        self._tx.judge_contradicted(people, self._corrected.keys(), self._now)
        self._corrected.clear()

    def finish(self) -> None:
        """Write and announce what the orders so far have led to."""
        self.write()
        self._tx.keep_changes(self._changes)
        self._tx.announce(*self._events)
        self._changes.clear()
        self._events.clear()


def _columns_set_by(decision: OfficeDecided) -> dict[str, Any]:
    if decision.decision == "correct-address" and decision.value is not None:
        key = same_address_key(decision.value)
        return {"office_email": decision.value, "address_key": key, "confirmed_at": decision.decided_at}
    if decision.correction is not None:
        return {"spelling": Spelling(dict(changes_of(decision.correction))).as_text()}
    if decision.decision == "resume":
        return {"office_hold": False, "resumed_at": decision.decided_at}
    return {"office_hold": True}


def _value_of(registration: Registration, field: str) -> object:
    return registration.email if field == "email" else getattr(registration.written, field)


def _settled(decision: OfficeDecided, outcome: OrderOutcome, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=decision.decision_id,
        subject=decision.subject,
        service="registration",
        outcome=outcome.outcome,
        settled_at=now,
        detail=outcome.detail,
    )
