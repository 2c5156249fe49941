"""The percentile of every bench, so that two figures of one name can be compared."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def p95(values: Sequence[float]) -> float:
    """The 95th percentile of what was measured, interpolated between two values: never more than the largest.

    What was measured is all that there is to describe (the inclusive method, R-7): of few values the exclusive one
    would go beyond them. ValueError for no values.
    """
    if not values:
        raise ValueError("got no measured values, expected one at least")
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
