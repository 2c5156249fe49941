"""Which order of the office about a cohort stands: a hold of all of it, or of a qualification, or its end. Pure.

Used by registration, which decides by it, and by ops, which shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CohortOrder:
    """The latest order, to hold or to resume, about one cohort, or one `qualification` of it (None: all)."""

    cohort: str
    qualification: str | None
    held: bool
    decision_id: str
    decided_by: str
    why: str
    decided_at: datetime


class CohortOrders:
    """The latest about each. Of one about a cohort and one about a qualification of it the later counts."""

    def __init__(self, orders: Iterable[CohortOrder] = ()) -> None:
        self._orders = {(each.cohort, each.qualification): each for each in orders}

    def held(self) -> list[CohortOrder]:
        """The holds that stand, in order of cohorts."""
        ordered = sorted(self._orders.values(), key=lambda each: (each.cohort, each.qualification or ""))
        return [each for each in ordered if each.held and self._stands(each)]

    def on(self, cohort: str, qualification: str | None) -> CohortOrder | None:
        """The hold under which all of these people are; None if some of them are under none."""
        whole = self._orders.get((cohort, None))
        if qualification is None:
            return whole if whole and whole.held and not self.resumed(whole) else None
        # Decided at the same moment, the one that says more is meant.
        found = [each for each in (self._orders.get((cohort, qualification)), whole) if each is not None]
        latest = max(found, key=lambda each: each.decided_at, default=None)
        return latest if latest is not None and latest.held else None

    def resumed(self, whole: CohortOrder) -> list[str]:
        """The qualifications that were resumed after the hold of their whole cohort; of another hold none."""
        if whole.qualification is not None:
            return []
        return sorted(
            each.qualification
            for each in self._orders.values()
            if each.cohort == whole.cohort and each.qualification and not each.held
            if each.decided_at >= whole.decided_at
        )

    def _stands(self, hold: CohortOrder) -> bool:
        """Of a single qualification: nothing later, and no hold, is ordered of its whole cohort."""
        whole = self._orders.get((hold.cohort, None))
        if hold.qualification is None or whole is None:
            return True
        return not whole.held and whole.decided_at <= hold.decided_at
