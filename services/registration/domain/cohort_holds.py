"""The office's holds of whole cohorts: which one holds a registration that would be released. Pure.

A hold is about a cohort, or about one qualification of it. It is kept until the office resumes the cohort: so it also
holds those who are delivered, completed or released later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

ALL = ""
"""The qualification of an order about the whole cohort."""


@dataclass(frozen=True)
class CohortHold:
    """The latest order of the office about one cohort, or about one qualification of it: to hold, or to resume."""

    cohort: str
    qualification: str  # its id, or ALL
    held: bool
    decision_id: str
    decided_by: str
    why: str
    decided_at: datetime


class CohortHolds:
    """What the office ordered of whole cohorts, as it stands now."""

    def __init__(self, orders: Iterable[CohortHold] = ()) -> None:
        self._orders = {(each.cohort, each.qualification): each for each in orders}

    def of(self, cohort: str) -> list[CohortHold]:
        """The holds of a cohort that stand: of all of it, or of single qualifications."""
        whole = self._orders.get((cohort, ALL))
        return [
            each
            for (of, qualification), each in sorted(self._orders.items())
            if of == cohort and each.held
            if qualification == ALL or whole is None or (not whole.held and whole.decided_at <= each.decided_at)
        ]

    def on(self, valid_from: date, qualification: str, resumed_at: datetime | None) -> bool:
        """Whether a registration is held by its cohort.

        Of two orders, one about the cohort and one about the qualification, the later counts. `resumed_at`: when the
        office resumed this registration alone; a hold of its cohort from before that lets it pass.
        """
        cohort = str(valid_from.year)
        # Given at the same moment, the one that says more is meant.
        found = [self._orders.get((cohort, of)) for of in (qualification, ALL)]
        latest = max((each for each in found if each is not None), key=lambda each: each.decided_at, default=None)
        if latest is None or not latest.held:
            return False
        return resumed_at is None or resumed_at < latest.decided_at
