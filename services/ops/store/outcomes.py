"""What became of the orders of the office, in the schema `ops`: an order is done when all that it asks for was done."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.ops.board.erasures import ERASE, ERASED
from shared.office_events import DecisionSettled
from shared.runtime.db import Transaction
from shared.runtime.erasure import erased_among

# An order to correct is carried out by two: registration releases the next version, the issuer issues it, or refuses.
_VERSION = "substring(decisions.target from '[0-9]+$')::integer"
_AWAITS_ISSUER = "(decisions.decision = 'correct' and decisions.target is not null and s.outcome = 'done')"
_ISSUED = f"coalesce(p.issued_version, 0) >= {_VERSION}"
PRODUCERS = "string_to_array(d.producers, ',')"


class Outcomes:
    """Order, answers of the services and facts come in any order: each of them decides what it can."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def lock_orders(self) -> None:
        """One order at a time until this transaction ends: each sees what the one before it ordered."""
        self._tx.cursor.execute("select pg_advisory_xact_lock(hashtext('ops/orders'))")

    def note_settled(self, events: Sequence[DecisionSettled]) -> None:
        """Keep outcomes, whichever of order and outcome comes first; without details about who was erased."""
        erased = erased_among(self._tx, {event.subject for event in events})
        self._tx.insert_rows(
            "settlements",
            [
                {
                    "decision_id": event.decision_id,
                    "service": event.service,
                    "outcome": event.outcome,
                    "detail": None if event.subject in erased else event.detail,
                    "paper": None if event.paper is None else msgspec.json.encode(event.paper).decode(),
                    "settled_at": event.settled_at,
                }
                for event in events
            ],
        )
        self.take_outcomes([event.decision_id for event in events])

    def take_outcomes(self, decision_ids: Sequence[str]) -> None:
        """The outcomes of these orders, as far as they are known."""
        self._tx.cursor.execute(
            "update decisions set settled_by = s.service, outcome = s.outcome, detail = s.detail, paper = s.paper,"
            " settled_at = s.settled_at from settlements s"
            " where s.decision_id = any(%s) and decisions.decision_id = s.decision_id"
            f" and (decisions.outcome is null or decisions.outcome = '{ERASED}')"
            f" and decisions.producers is null and not {_AWAITS_ISSUER}",
            (sorted(decision_ids),),
        )
        # Nobody else has anything to answer when registration knows no such person.
        self._tx.cursor.execute(
            "update decisions set settled_by = s.service, outcome = s.outcome, detail = s.detail,"
            " settled_at = s.settled_at from settlements s"
            " where s.decision_id = any(%s) and decisions.decision_id = s.decision_id and decisions.outcome is null"
            " and decisions.decision = %s and s.service = 'registration' and s.outcome <> 'done'",
            (sorted(decision_ids), ERASE),
        )
        self._take_corrections("decisions.decision_id = any(%s)", decision_ids)
        self._tx.cursor.execute(
            "update decisions set outcome = answered.outcome, settled_at = answered.at from ("
            " select d.decision_id, max(s.settled_at) as at,"
            " case when min(s.outcome) = max(s.outcome) then min(s.outcome) else 'partly' end as outcome"
            f" from decisions d join settlements s on s.decision_id = d.decision_id and s.service = any({PRODUCERS})"
            " where d.decision_id = any(%s) and d.outcome is null"
            f" group by d.decision_id having count(*) = cardinality({PRODUCERS})) answered"
            " where decisions.decision_id = answered.decision_id",
            (sorted(decision_ids),),
        )

    def end_orders(self, subjects: Sequence[str]) -> None:
        """Orders about people who were erased that have no outcome end: nobody can carry them out any more.

        An answer that comes yet takes its place.
        """
        self._tx.cursor.execute(
            "update decisions set outcome = %s, settled_by = %s, settled_at = %s from erased"
            " where decisions.subject = any(%s) and erased.subject = decisions.subject"
            " and decisions.outcome is null and decisions.decision <> %s",
            (ERASED, self._tx.service, self._tx.now(), list(subjects), ERASE),
        )

    def take_corrections(self, registration_ids: Sequence[str]) -> None:
        """What the issuer has answered decides the orders to correct these: done is what was issued."""
        self._take_corrections("decisions.subject = any(%s)", registration_ids)

    def _take_corrections(self, condition: str, ids: Sequence[str]) -> None:
        # The two answers come on two topics, in two transactions at once: the later one sees what the other committed.
        self._tx.cursor.execute("select pg_advisory_xact_lock(hashtext('ops/corrections'))")
        self._tx.cursor.execute(
            "update decisions set settled_by = 'issuer',"
            f" outcome = case when {_ISSUED} then 'done' else 'issuance-refused' end,"
            f" detail = case when {_ISSUED} then s.detail"
            " else concat_ws(': ', p.refused_field, 'expected ' || p.refused_expected) end,"
            f" settled_at = case when {_ISSUED} then coalesce(p.issued_at, s.settled_at) else p.refused_at end"
            " from settlements s, people p"
            " where s.decision_id = decisions.decision_id and p.registration_id = decisions.subject"
            f" and decisions.outcome is null and {_AWAITS_ISSUER} and {condition}"
            f" and ({_ISSUED} or p.refused_version >= {_VERSION})",
            (sorted(ids),),
        )
