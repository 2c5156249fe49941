"""The office's holds of whole cohorts, and the registrations that are judged again because of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from services.registration.store.registrations import IS_ISSUED, Registrations
from shared.cohort_orders import CohortOrder, CohortOrders
from shared.office_events import CohortHoldChanged
from shared.runtime.db import replace

_COLUMNS = ("held", "decision_id", "decided_by", "why", "decided_at")
_SCOPE = "valid_from = %(begins_on)s and (%(qualification)s = '' or qualification = %(qualification)s)"


class CohortHoldRows(Registrations):
    """One transaction on the registrations, with the holds of cohorts."""

    def cohort_orders(self) -> CohortOrders:
        """All that were carried out: a few rows."""
        return CohortOrders(
            self.fetch_all(
                CohortOrder,
                f"select cohort, nullif(qualification, '') as qualification, {', '.join(_COLUMNS)} from cohort_holds",
            )
        )

    def keep_cohort_order(self, order: CohortHoldChanged) -> bool:
        """Keep an order, unless a later one about the same is kept; whether it is. Needs the writers' lock."""
        kept = self.insert_rows(
            "cohort_holds",
            [
                {
                    "cohort": order.cohort,
                    "qualification": order.qualification or "",
                    "held": order.held,
                    "decision_id": order.decision_id,
                    "decided_by": order.by,
                    "why": order.why,
                    "decided_at": order.decided_at,
                }
            ],
            f"{replace('cohort, qualification', _COLUMNS)} where cohort_holds.decided_at <= excluded.decided_at",
            returning="decision_id",
        )
        if kept and order.qualification is None:
            self.cursor.execute(
                "delete from cohort_holds where cohort = %s and qualification <> '' and decided_at <= %s",
                (order.cohort, order.decided_at),
            )
        return bool(kept)

    def judge_cohort_again(self, begins_on: date, qualification: str | None, now: datetime) -> None:
        """Judge at once those of the cohort that wait for the cycle or that the office holds: a hold begins or ends."""
        self.cursor.execute(
            "update registrations set foreseen = false, at_once = true, due_since = %(now)s"
            f" where (foreseen or (state = 'held' and reason = 'office-hold')) and {_SCOPE}",
            {"begins_on": begins_on, "qualification": qualification or "", "now": now},
        )

    def reopen_cohort(self, begins_on: date, qualification: str | None, now: datetime) -> None:
        """Those of this cohort that are released and have no badge yet are judged again, each as its next version."""
        self.cursor.execute(
            "update registrations set state = 'waiting', reason = null, version = version + 1, notify_from = null,"
            " released_at = null, due_since = %(now)s, at_once = true, foreseen = false, presumed_issued = false"
            f" where state = 'released' and not ({IS_ISSUED}) and {_SCOPE}",
            {"begins_on": begins_on, "qualification": qualification or "", "now": now},
        )

    def take_back_cohort_holds(self, events: Sequence[CohortHoldChanged]) -> None:
        """Orders about cohorts that were carried out after the backup: nobody of a held cohort is released meanwhile.

        Released ones stay so: whether they have a badge is read again later.
        """
        self.lock()
        for event in sorted(events, key=lambda event: event.decided_at):
            if self.keep_cohort_order(event):
                self.judge_cohort_again(event.begins_on, event.qualification, self.now())
