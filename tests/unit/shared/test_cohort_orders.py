"""Which order about a cohort stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cohort_orders import CohortOrder, CohortOrders

START = datetime(2026, 3, 31, 18, tzinfo=UTC)
OTHER = "shunin-gishi"


def order(at: int, *, held: bool = True, cohort: str = "2026", qualification: str | None = None) -> CohortOrder:
    return CohortOrder(cohort, qualification, held, f"D{at}", "office", "a test", START + timedelta(minutes=at))


@pytest.mark.parametrize(
    ("orders", "held"),
    [
        ([], False),
        ([order(1)], True),
        ([order(1, held=False)], False),
        ([order(1, cohort="2027")], False),
        ([order(1, qualification=OTHER)], False),
        ([order(1, qualification="gishi")], True),
        ([order(1), order(2, held=False, qualification="gishi")], False),
        ([order(2), order(1, held=False, qualification="gishi")], True),
        ([order(2, held=False), order(1, qualification="gishi")], False),
        ([order(1), order(2, held=False, qualification=OTHER)], True),
    ],
)
def test_the_later_of_the_orders_about_the_cohort_and_about_the_qualification_counts(
    orders: list[CohortOrder], held: bool
) -> None:
    for each in (orders, reversed(orders)):
        assert (CohortOrders(each).on("2026", "gishi") is not None) is held


ORDERS = st.lists(
    st.builds(
        order,
        at=st.integers(0, 9),
        held=st.booleans(),
        qualification=st.sampled_from((None, "gishi", OTHER)),
    ),
    max_size=3,
    unique_by=lambda each: each.qualification,
)


@given(ORDERS)
def test_what_is_told_as_held_is_what_holds_people(orders: list[CohortOrder]) -> None:
    found = CohortOrders(orders)
    told = {
        qualification
        for qualification in ("gishi", OTHER, "shindanshi")
        for hold in found.held()
        if hold.qualification == qualification
        or (hold.qualification is None and qualification not in found.resumed(hold))
    }
    assert told == {each for each in ("gishi", OTHER, "shindanshi") if found.on("2026", each)}
    if found.on("2026", None):
        assert len(told) == 3
