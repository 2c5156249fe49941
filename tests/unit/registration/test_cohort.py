"""Who may have a badge, and from when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.cohort import (
    MOST_SETTLING_TIMES,
    AddressUse,
    Candidate,
    Judgement,
    confirmed_at,
    cycle_of,
    is_settled,
    judge,
    notify_from,
)
from shared.clock import JST, japan_date
from tests.worlds.records import programme

CYCLE = cycle_of(programme(), "2026")
APRIL = datetime(2026, 4, 1, tzinfo=JST)
A = Candidate(
    registration_id="A",
    person_id="a",
    valid_from=date(2026, 4, 1),
    completed_on=date(2026, 2, 1),
    address_key="a@example.jp",
    confirmed_at=None,
    office_hold=False,
)


def use(candidate: Candidate, released_at: datetime | None = None) -> AddressUse:
    assert candidate.address_key is not None
    return AddressUse(candidate.registration_id, candidate.person_id, candidate.address_key, released_at)


def judge_alone(candidate: Candidate) -> Judgement:
    (judgement,) = judge([candidate], [use(candidate)] if candidate.address_key else [], CYCLE)
    return judgement


def test_a_registration_completed_in_time_is_notified_on_april_1() -> None:
    assert judge_alone(A) == Judgement("A", None, APRIL)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"completed_on": None}, "not-completed"),
        ({"valid_from": date(2026, 4, 2)}, "not-this-cycle"),
        ({"valid_from": date(2025, 4, 1)}, "not-this-cycle"),
        ({"valid_from": date(2027, 4, 1), "completed_on": None}, "not-this-cycle"),
        ({"address_key": None}, "missing-address"),
        ({"office_hold": True}, "office-hold"),
        ({"office_hold": True, "address_key": None}, "office-hold"),
        ({"cohort_held": True}, "office-hold"),
        ({"cohort_held": True, "address_key": None}, "missing-address"),
        ({"cohort_held": True, "completed_on": None}, "not-completed"),
        ({"cohort_held": True, "lacks_glyphs": True}, "no-glyph"),
    ],
)
def test_a_registration_that_is_not_eligible_is_held_with_the_reason(changes: dict[str, object], reason: str) -> None:
    judgement = judge_alone(replace(A, **changes))  # type: ignore[arg-type]  # a table of single fields
    assert (judgement.reason, judgement.notify_from) == (reason, None)


@pytest.mark.parametrize("own", [True, False])
def test_a_hold_of_the_cohort_alone_is_told_from_one_of_the_person(own: bool) -> None:
    assert judge_alone(replace(A, cohort_held=True, office_hold=own)).with_cohort is not own
    assert not judge_alone(replace(A, cohort_held=True, address_key=None)).with_cohort


def test_two_people_at_one_address_are_both_held() -> None:
    b = replace(A, registration_id="B", person_id="b")
    assert [each.reason for each in judge([A, b], [use(A), use(b)], CYCLE)] == ["shared-address"] * 2


def test_one_person_may_use_one_address_for_two_qualifications() -> None:
    b = replace(A, registration_id="B")
    assert [each.reason for each in judge([A, b], [use(A), use(b)], CYCLE)] == [None] * 2


def test_an_address_with_a_badge_holds_later_people_and_names_the_first() -> None:
    first = AddressUse("F", "f", "a@example.jp", APRIL)
    later = AddressUse("G", "f", "a@example.jp", APRIL + timedelta(days=1))
    (judgement,) = judge([A], [use(A), later, first], CYCLE)
    assert (judgement.reason, judgement.first_registration_id) == ("address-taken", "F")


def test_a_persons_own_badge_at_the_address_holds_nothing() -> None:
    (judgement,) = judge([A], [use(A), AddressUse("F", "a", "a@example.jp", APRIL)], CYCLE)
    assert judgement.reason is None


people = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=15
)  # (person, address) of each registration


def candidates_of(pairs: list[tuple[int, int]]) -> list[Candidate]:
    return [
        replace(A, registration_id=str(number), person_id=str(person), address_key=str(address))
        for number, (person, address) in enumerate(pairs)
    ]


@given(people)
def test_released_people_have_addresses_of_their_own(pairs: list[tuple[int, int]]) -> None:
    candidates = candidates_of(pairs)
    judged = judge(candidates, map(use, candidates), CYCLE)
    released = {(c.address_key, c.person_id) for c, j in zip(candidates, judged, strict=True) if j.reason is None}
    assert len({address for address, _ in released}) == len(released)
    used = {(c.address_key, c.person_id) for c in candidates}
    for address, person in used:  # and nobody is held who is alone
        if [one for one, _ in used].count(address) == 1:
            assert (address, person) in released


@given(people, st.randoms(use_true_random=False))
def test_judgements_do_not_depend_on_the_order(pairs: list[tuple[int, int]], random: object) -> None:
    candidates = candidates_of(pairs)
    uses = [use(candidate) for candidate in candidates]
    together = judge(candidates, uses, CYCLE)
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis' Random
    one_by_one = [judgement for candidate in shuffled for judgement in judge([candidate], uses, CYCLE)]
    assert sorted(together, key=lambda j: j.registration_id) == sorted(one_by_one, key=lambda j: j.registration_id)


@pytest.mark.parametrize("year", [2024, 2025, 2026, 2027, 2028, 2100])
def test_the_deadline_is_the_end_of_february_in_japan(year: int) -> None:
    cycle = cycle_of(programme(), str(year))
    last = datetime(year, 3, 1, tzinfo=JST) - timedelta(seconds=1)
    assert cycle.confirm_until == japan_date(last)
    assert notify_from(last, cycle) == cycle.begins_at
    assert notify_from(last + timedelta(seconds=1), cycle) == cycle.begins_at + timedelta(days=14)


def test_a_leap_day_is_in_time() -> None:
    cycle = cycle_of(programme(), "2028")
    assert notify_from(confirmed_at(date(2028, 2, 29), None), cycle) == cycle.begins_at
    assert notify_from(confirmed_at(date(2028, 3, 1), None), cycle) > cycle.begins_at


@pytest.mark.parametrize("minutes", [-1, 0, 1, 539, 540, 541])  # 00:00–09:00 in Japan is the day before in UTC
def test_the_deadline_is_japans_not_utcs(minutes: int) -> None:
    moment = datetime(2026, 2, 28, 15, tzinfo=UTC) + timedelta(minutes=minutes)  # March 1, 00:00 in Japan
    assert (notify_from(moment, CYCLE) == CYCLE.begins_at) == (minutes < 0)


@pytest.mark.parametrize(
    ("confirmed", "told"),
    [
        (datetime(2026, 3, 1, tzinfo=JST), date(2026, 4, 15)),
        (datetime(2026, 3, 31, 23, 59, 59, tzinfo=JST), date(2026, 4, 15)),
        (datetime(2026, 4, 1, 0, 0, tzinfo=JST), date(2026, 4, 15)),
        (datetime(2026, 4, 14, 23, 59, 59, tzinfo=JST), date(2026, 4, 15)),
        (datetime(2026, 4, 15, 0, 0, tzinfo=JST), date(2026, 4, 29)),
        (datetime(2026, 4, 14, 14, 59, 59, tzinfo=UTC), date(2026, 4, 15)),
        (datetime(2026, 4, 14, 15, 0, tzinfo=UTC), date(2026, 4, 29)),
    ],
)
def test_a_late_registration_is_notified_at_the_next_delayed_run(confirmed: datetime, told: date) -> None:
    assert notify_from(confirmed, CYCLE) == datetime(told.year, told.month, told.day, tzinfo=JST)


@given(st.datetimes(datetime(2025, 6, 1), datetime(2029, 1, 1), timezones=st.sampled_from([UTC, JST])))
def test_a_late_notice_is_at_the_first_delayed_run_after_the_confirmation(moment: datetime) -> None:
    told = notify_from(moment, CYCLE)
    days, rest = divmod(told - CYCLE.begins_at, timedelta(days=14))
    assert rest == timedelta(0)
    if moment.astimezone(JST) < datetime(2026, 3, 1, tzinfo=JST):
        assert days == 0
    else:
        assert days >= 1
        assert told > moment
        assert days == 1 or told - moment <= timedelta(days=14)


def test_a_corrected_address_counts_from_its_correction() -> None:
    in_time, late = datetime(2026, 2, 27, tzinfo=JST), datetime(2026, 4, 2, tzinfo=JST)
    assert judge_alone(replace(A, confirmed_at=in_time)).notify_from == APRIL
    assert judge_alone(replace(A, confirmed_at=late)).notify_from == APRIL + timedelta(days=14)


def test_an_impossible_calendar_is_refused() -> None:
    for changes in ({"confirm_until": "02-31"}, {"confirm_until": "end"}, {"delayed_days": 0}):
        cycle = msgspec.structs.replace(programme().cycle, **changes)
        with pytest.raises(ValueError, match=f"cycle.{next(iter(changes))}: got"):
            cycle_of(msgspec.structs.replace(programme(), cycle=cycle), "2026")


def test_a_cycle_from_january_has_its_deadline_in_the_year_before() -> None:
    cycle = msgspec.structs.replace(programme().cycle, begins="01-01", confirm_until="11-end")
    assert cycle_of(msgspec.structs.replace(programme(), cycle=cycle), "2026").confirm_until == date(2025, 11, 30)


def test_a_delivery_is_judged_once_it_has_settled_or_after_ten_settling_times() -> None:
    settle = timedelta(seconds=2)
    assert not is_settled(APRIL, APRIL, APRIL + settle - timedelta(microseconds=1), settle)
    assert is_settled(APRIL, APRIL, APRIL + settle, settle)
    assert not is_settled(APRIL, APRIL - (MOST_SETTLING_TIMES - 1) * settle, APRIL, settle)
    assert is_settled(APRIL, APRIL - MOST_SETTLING_TIMES * settle, APRIL, settle)


def test_a_delivery_that_a_clock_noted_that_was_ahead_has_settled() -> None:
    ahead = APRIL + timedelta(days=40)
    assert is_settled(ahead, APRIL, APRIL, timedelta(seconds=2))
    assert is_settled(ahead, ahead, APRIL, timedelta(seconds=2))
