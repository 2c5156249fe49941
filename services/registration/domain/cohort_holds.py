"""Whether a hold of its cohort holds a registration that would be released. Pure.

A hold is about a cohort, or about one qualification of it. It is kept until the office resumes the cohort: so it also
holds those who are delivered, completed or released later.
"""

from __future__ import annotations

from datetime import date, datetime

from shared.cohort_orders import CohortOrders


def is_held(orders: CohortOrders, valid_from: date, qualification: str, resumed_at: datetime | None) -> bool:
    """`resumed_at`: when the office resumed this registration alone. A hold of its cohort from before lets it pass."""
    hold = orders.on(str(valid_from.year), qualification)
    return hold is not None and (resumed_at is None or resumed_at < hold.decided_at)
