from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.registration.domain.address_screen import Screen, request_state, screen_of
from services.registration.domain.cohort import AddressUse, cycle_of
from services.registration.domain.registration import Registration
from shared.clock import JST, japan_midnight
from shared.programme import Programme
from tests.worlds.registration import PROGRAMME, record

SECOND = timedelta(seconds=1)


def registered(number: int = 1, *, office_email: str | None = None, **changes: Any) -> Registration:
    waiting = Registration(record(number), office_email, None, "waiting", None, None, False, 0)
    columns = {name: changes.pop(name) for name in tuple(changes) if hasattr(waiting, name) and name != "email"}
    return replace(waiting, record=record(number, **changes), **columns)


def screen(
    own: Registration,
    *others: Registration,
    now: datetime = datetime(2026, 2, 10, tzinfo=JST),
    cohort: str = "2026",
    uses: tuple[AddressUse, ...] = (),
    programme: Programme = PROGRAMME,
) -> Screen:
    return screen_of(own, [own, *others], uses, programme, cycle_of(programme, cohort), now)


@pytest.mark.parametrize(
    ("cohort", "now", "late", "notice"),
    [
        ("2026", datetime(2026, 2, 28, 23, 59, 59, tzinfo=JST), False, date(2026, 4, 1)),
        ("2026", datetime(2026, 3, 1, tzinfo=JST), True, date(2026, 4, 15)),
        ("2028", datetime(2028, 2, 28, 23, 59, 59, tzinfo=JST), False, date(2028, 4, 1)),
        ("2028", datetime(2028, 2, 29, tzinfo=JST), False, date(2028, 4, 1)),
        ("2028", datetime(2028, 2, 29, 23, 59, 59, tzinfo=JST), False, date(2028, 4, 1)),
        ("2028", datetime(2028, 3, 1, tzinfo=JST), True, date(2028, 4, 15)),
        ("2026", datetime(2026, 3, 31, 23, 59, 59, tzinfo=JST), True, date(2026, 4, 15)),
        ("2026", datetime(2026, 4, 1, tzinfo=JST), True, date(2026, 4, 15)),
        ("2026", datetime(2026, 4, 1, 8, 59, 59, tzinfo=JST), True, date(2026, 4, 15)),  # March 31 in UTC
        ("2026", datetime(2026, 4, 14, 23, 59, 59, tzinfo=JST), True, date(2026, 4, 15)),
        ("2026", datetime(2026, 4, 15, tzinfo=JST), True, date(2026, 4, 29)),
    ],
)
def test_the_day_of_the_notice_follows_the_deadline_in_japan(
    cohort: str, now: datetime, late: bool, notice: date
) -> None:
    own = registered(valid_from=date(int(cohort), 4, 1), valid_until=date(int(cohort) + 4, 3, 31))
    found = screen(own, now=now, cohort=cohort)
    assert (found.is_late, found.notice_on) == (late, notice)
    assert found.kept_notice_on == date(int(cohort), 4, 1)  # upstream's address came with the completion


def test_a_person_of_a_later_year_hears_of_that_years_deadline() -> None:
    own = registered(valid_from=date(2028, 4, 1), valid_until=date(2032, 3, 31))
    found = screen(own, now=datetime(2026, 5, 1, tzinfo=JST))
    assert (found.access, found.confirm_until, found.is_late, found.notice_on) == (
        "open",
        date(2028, 2, 29),
        False,
        date(2028, 4, 1),
    )


def test_no_day_is_promised_before_the_registration_is_completed() -> None:
    found = screen(registered(completed_on=None))
    assert (found.access, found.notice_on, found.kept_notice_on) == ("open", None, None)


def test_a_late_completion_comes_before_the_confirmation_in_what_decides() -> None:
    found = screen(registered(completed_on=date(2026, 3, 5)))
    assert found.notice_on == date(2026, 4, 15)


@pytest.mark.parametrize(
    ("own", "access"),
    [
        (registered(), "open"),
        (registered(email=None), "open"),
        (registered(state="held", reason="shared-address"), "open"),
        (registered(state="held", reason="office-hold"), "open"),
        (registered(office_email="a@example.jp"), "confirmed"),
        (registered(office_email="a@example.jp", state="held", reason="shared-address"), "confirmed"),
        (registered(state="released", notify_from=japan_midnight(date(2026, 4, 1))), "issued"),
        (
            registered(state="released", notify_from=japan_midnight(date(2022, 4, 1)), valid_from=date(2022, 4, 1)),
            "issued",
        ),
        (registered(state="released", notify_from=japan_midnight(date(2026, 4, 1)), is_issued=True), "recover"),
        (
            registered(
                state="released",
                is_issued=True,
                notify_from=japan_midnight(date(2022, 4, 1)),
                valid_from=date(2022, 4, 1),
                office_email="a@example.jp",
            ),
            "recover",
        ),
        (registered(state="waiting", is_issued=True), "open"),
        (registered(valid_from=date(2025, 4, 1)), "other-cycle"),
    ],
)
def test_what_the_screen_offers(own: Registration, access: str) -> None:
    found = screen(own)
    assert (found.access, found.to_change) == (access, (own,) if access == "open" else ())


def test_the_address_goes_to_what_has_neither_badge_nor_confirmed_address() -> None:
    own, issued = registered(1), registered(2, state="released", notify_from=japan_midnight(date(2026, 4, 1)))
    settled, past = registered(3, office_email="a@example.jp"), registered(4, valid_from=date(2025, 4, 1))
    free = registered(5)
    assert screen(own, issued, settled, past, free).to_change == (own, free)


def test_an_address_on_file_that_another_person_uses_promises_no_day() -> None:
    def use(person: str) -> AddressUse:
        return AddressUse("R", person, "person1@example.jp", None)

    assert not screen(registered(), uses=(use("P1"), use("P1"))).is_shared
    shared = screen(registered(), uses=(use("P1"), use("P2")))
    assert (shared.is_shared, shared.kept_notice_on, shared.notice_on) == (True, None, date(2026, 4, 1))


@pytest.mark.parametrize(
    ("reason", "checked"),
    [
        ("missing-address", False),
        ("not-completed", False),
        ("office-hold", True),
        ("name-differs", True),
        ("no-glyph", True),
    ],
)
def test_a_person_whose_record_the_office_looks_at_is_told_that_it_may_take_longer(reason: Any, checked: bool) -> None:
    assert screen(registered(state="held", reason=reason)).is_checked is checked


def test_a_request_ends_with_its_outcome_or_its_day() -> None:
    ends = datetime(2026, 2, 11, 12, tzinfo=JST)
    assert request_state(None, ends, ends - SECOND) == "pending"
    assert request_state(None, ends, ends) == "expired"
    assert request_state("confirmed", ends, ends + SECOND) == "confirmed"
