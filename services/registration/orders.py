"""What the office orders of registrations: correct, hold, resume; each settled with its outcome, done or why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from services.registration.domain.correction import Outcome, cohort_of, corrected, taken_by
from services.registration.domain.intake import Standing, renewed
from services.registration.handlers import Ports
from services.registration.store import RegistrationTransaction
from shared.addresses import address_problem
from shared.events import Correction, DecisionSettled, Event, OfficeDecided
from shared.runtime.log import logger
from shared.runtime.metrics import counter

log = logger("registration")

_DECIDED = counter("registration_decisions", "Decisions of the office: done, or why not", ("outcome",))


def is_ours(decision: OfficeDecided) -> bool:
    """The other decisions are other services'."""
    return decision.decision in ("correct", "correct-address", "hold", "resume")


def decide(decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Correct a registration whose badge is issued, so that it is issued once more; or, before the issue
    (step 2), correct an address, hold or resume: then it is judged again at once.

    Each is settled with its outcome. One that can't be done changes nothing and is counted with its reason.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.alone()
        claimed = tx.claim([decision for decision in decisions if is_ours(decision)])
        carried_out = _CarryOut(tx, ports, now, tx.standings({decision.subject for decision in claimed}))
        settled = [(decision, carried_out.outcome_of(decision)) for decision in claimed]
        carried_out.finish()
        tx.announce(*(_settled(decision, outcome, now) for decision, outcome in settled))
        # Dying before the commit, the decisions come again from Kafka; after it, the inbox knows them and the issuer
        # hears of each corrected version once.
    for decision, outcome in settled:
        log.info("decided", decision_id=decision.decision_id, subject=decision.subject, outcome=outcome.outcome)
    for word, number in Counter(outcome.outcome for _, outcome in settled).items():
        _DECIDED.labels(word).inc(number)


_DONE = Outcome("done")


class _CarryOut:
    """A batch of decisions, one after the other; `known` is as the decisions so far left it."""

    def __init__(self, tx: RegistrationTransaction, ports: Ports, now: datetime, known: dict[str, Standing]) -> None:
        self._tx = tx
        self._ports = ports
        self._now = now
        self._known = known
        self._corrected: dict[str, Standing] = {}  # not written yet: a whole batch is one statement
        self._facts: list[Event] = []

    def outcome_of(self, decision: OfficeDecided) -> Outcome:
        standing = self._known.get(decision.subject)
        if standing is None:
            return Outcome("no-such-registration", f"got {decision.subject}, expected a registration_id")
        if decision.decision == "correct":
            return self._correct(standing, decision)
        if standing.state == "released":
            return Outcome("issued-already", "got a registration with a badge: correct it instead")
        if decision.decision == "correct-address":
            if decision.value is None:
                return Outcome("no-address", "got no address")
            problem = address_problem(decision.value)
            if problem is not None:
                return Outcome("no-address", f"expected {problem}")
            self._tx.set_office_address(standing, decision.value, decision.decided_at, self._now)
            if standing.address_key is not None:
                self._tx.judge_sharers_again([standing.address_key], self._now)
        else:
            self._tx.set_office_hold(standing, decision.decision == "hold", self._now)
        self._known.update(self._tx.standings([standing.id]))
        return _DONE

    def _correct(self, standing: Standing, decision: OfficeDecided) -> Outcome:
        after = corrected(
            standing,
            decision.correction or Correction(),
            decision.decided_at,
            self._ports.rules,
            self._ports.cycle,
        )
        if isinstance(after, Outcome):
            return after
        if after.address_key != standing.address_key and after.address_key is not None:
            self.write()  # who of this batch came to the address a moment ago counts too
            taken = taken_by(after, self._tx.address_uses([after.address_key], self._ports.cycle.begins_on))
            if taken is not None:
                return taken
        self._known[after.id] = self._corrected[after.id] = after
        self._facts.append(renewed(after, cohort_of(after), self._now, decision.why))
        if after.address_key != standing.address_key and standing.address_key is not None:
            self.write()
            self._tx.judge_sharers_again([standing.address_key], self._now)
        return _DONE

    def write(self) -> None:
        self._tx.correct(list(self._corrected.values()), self._now)
        self._corrected.clear()

    def finish(self) -> None:
        self.write()
        self._tx.announce(*self._facts)


def _settled(decision: OfficeDecided, outcome: Outcome, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=decision.decision_id,
        subject=decision.subject,
        service="registration",
        outcome=outcome.outcome,
        settled_at=now,
        detail=outcome.detail,
    )
