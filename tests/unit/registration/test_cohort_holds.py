"""A hold of its cohort holds a registration, unless the office resumed that alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.cohort_holds import is_held
from shared.cohort_orders import CohortOrder, CohortOrders

START = datetime(2026, 3, 31, 18, tzinfo=UTC)


@given(hold=st.integers(0, 100), resumed=st.none() | st.integers(0, 100))
def test_a_registration_that_the_office_resumed_alone_after_the_hold_passes_it(hold: int, resumed: int | None) -> None:
    orders = CohortOrders([CohortOrder("2026", None, True, "D", "office", "x", START + timedelta(minutes=hold))])
    resumed_at = None if resumed is None else START + timedelta(minutes=resumed)
    assert is_held(orders, date(2026, 4, 1), "gishi", resumed_at) is (resumed is None or resumed < hold)
    assert not is_held(orders, date(2027, 4, 1), "gishi", resumed_at)
