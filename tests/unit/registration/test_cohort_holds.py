"""Which order about a cohort holds a registration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.cohort_holds import ALL, CohortHold, CohortHolds

BEGINS = date(2026, 4, 1)
START = datetime(2026, 3, 31, 18, tzinfo=UTC)


def order(at: int, *, held: bool = True, cohort: str = "2026", qualification: str = ALL) -> CohortHold:
    return CohortHold(cohort, qualification, held, f"D{at}", "office", "a test", START + timedelta(minutes=at))


@pytest.mark.parametrize(
    ("orders", "held"),
    [
        ([], False),
        ([order(1)], True),
        ([order(1, held=False)], False),
        ([order(1, cohort="2027")], False),
        ([order(1, qualification="shunin-gishi")], False),
        ([order(1, qualification="gishi")], True),
        ([order(1), order(2, held=False, qualification="gishi")], False),
        ([order(2), order(1, held=False, qualification="gishi")], True),
        ([order(2, held=False), order(1, qualification="gishi")], False),
        ([order(1), order(2, held=False, qualification="shunin-gishi")], True),
    ],
)
def test_the_later_of_the_orders_about_the_cohort_and_about_the_qualification_counts(
    orders: list[CohortHold], held: bool
) -> None:
    assert CohortHolds(orders).on(BEGINS, "gishi", None) is held
    assert CohortHolds(reversed(orders)).on(BEGINS, "gishi", None) is held


@given(hold=st.integers(0, 100), resumed=st.none() | st.integers(0, 100))
def test_a_hold_lets_those_pass_whom_the_office_resumed_alone_afterwards(hold: int, resumed: int | None) -> None:
    resumed_at = None if resumed is None else START + timedelta(minutes=resumed)
    assert CohortHolds([order(hold)]).on(BEGINS, "gishi", resumed_at) is (resumed is None or resumed < hold)
