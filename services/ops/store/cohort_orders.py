"""The table `cohort_holds` of the schema `ops`: what registration has carried out of the orders about whole cohorts."""

from __future__ import annotations

from collections.abc import Sequence

from shared.cohort_orders import CohortOrder, CohortOrders
from shared.office_events import CohortHoldChanged
from shared.runtime.db import Transaction, replace

_COLUMNS = ("held", "decision_id", "decided_by", "why", "decided_at")


class CohortOrderRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, events: Sequence[CohortHoldChanged]) -> None:
        """The order that was decided last counts, whichever comes first."""
        latest = {(e.cohort, e.qualification or ""): e for e in sorted(events, key=lambda e: e.decided_at)}
        self._tx.insert_rows(
            "cohort_holds",
            [
                {
                    "cohort": cohort,
                    "qualification": qualification,
                    "held": event.held,
                    "decision_id": event.decision_id,
                    "decided_by": event.by,
                    "why": event.why,
                    "decided_at": event.decided_at,
                }
                for (cohort, qualification), event in sorted(latest.items())
            ],
            f"{replace('cohort, qualification', _COLUMNS)} where cohort_holds.decided_at <= excluded.decided_at",
        )

    def all(self) -> CohortOrders:
        """A few rows."""
        return CohortOrders(
            self._tx.fetch_all(
                CohortOrder,
                f"select cohort, nullif(qualification, '') as qualification, {', '.join(_COLUMNS)} from cohort_holds"
                " order by cohort_holds.cohort, cohort_holds.qualification",
            )
        )
