"""Which registrations of a cohort get a badge, and when: eligibility, addresses that are not shared, day of the notice.

Pure. A cohort is every registration whose period begins on the cycle's first day (April 1 of the 年度). Days are
Japan calendar days.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.registration.domain.facts import LOOK_ALIKE, Contradiction, KnownFacts, contradiction
from shared.clock import japan_date, japan_midnight
from shared.events import HeldReason
from shared.object_keys import is_cohort
from shared.programme import Programme
from shared.retry import has_passed

_NOTHING = KnownFacts()

BEFORE_OTHERS: frozenset[HeldReason] = frozenset({"not-this-cycle", "not-completed", "completes-later"})
"""Reasons that come before all that other registrations give."""

MOST_SETTLING_TIMES = 10
"""The most settling times that a registration waits while others keep arriving."""


@dataclass(frozen=True)
class CohortCycle:
    """The calendar of one cohort."""

    cohort: str  # 年度: "2026"
    begins_on: date  # the first day of its periods
    confirm_until: date  # registrations confirmed by the end of this day are notified on the first day
    delayed_days: int  # the others are notified on the next multiple of this many days after it
    overlooks: frozenset[HeldReason] = frozenset()  # contradictions that hold nobody in this programme

    @property
    def begins_at(self) -> datetime:
        """No registration of the cohort is judged before this moment."""
        return japan_midnight(self.begins_on)


@dataclass(frozen=True)
class Candidate:
    """A registration to be judged."""

    registration_id: str
    person_id: str
    valid_from: date
    completed_on: date | None
    address_key: str | None  # same_address_key of the address in use; None: no address yet
    confirmed_at: datetime | None  # when its address was set or a hold was ended; None: all came with the record
    office_hold: bool
    was_released: bool = False  # in this cycle or an earlier one, and not issued
    previous_registration_id: str | None = None
    facts_confirmed: bool = False  # the office said that the record is right, whatever other records say
    lacks_glyphs: bool = False  # a character of the name that no font has
    has_look_alikes: bool = False
    cohort_held: bool = False  # the office holds its cohort


@dataclass(frozen=True)
class AddressUse:
    """A registration that uses an address. `released_at`: when its badge was released; None: not yet."""

    registration_id: str
    person_id: str
    address_key: str
    released_at: datetime | None


@dataclass(frozen=True)
class Judgement:
    """Released, with the moment of the notice, or held for a reason: exactly one of the two is set."""

    registration_id: str
    reason: HeldReason | None
    notify_from: datetime | None
    first_registration_id: str | None = None  # the one that has a badge at this address, or contradicts this one
    with_cohort: bool = False  # held because its cohort is, and for nothing else


def cycle_of(programme: Programme, cohort: str) -> CohortCycle:
    """The calendar of a cohort. ValueError, with got and expected, for an impossible calendar or year."""
    if not is_cohort(cohort):
        raise ValueError(f"got {cohort!r}, expected a year of four digits")
    begins_on = programme.cohort_begins_on(cohort)
    confirm_until = _day(programme.cycle.confirm_until, begins_on.year)
    if confirm_until >= begins_on:  # a cycle that begins in January has its deadline in the year before
        confirm_until = _day(programme.cycle.confirm_until, begins_on.year - 1)
    if programme.cycle.delayed_days < 1:
        raise ValueError(f"cycle.delayed_days: got {programme.cycle.delayed_days}, expected 1 or more")
    return CohortCycle(cohort, begins_on, confirm_until, programme.cycle.delayed_days, frozenset(programme.overlooks))


def judge(
    candidates: Sequence[Candidate], uses: Iterable[AddressUse], cycle: CohortCycle, known: KnownFacts = _NOTHING
) -> list[Judgement]:
    """The judgement of each candidate. `uses`: all registrations at the candidates' addresses, their own included.

    `known`: what other records say of the same people.

    No registration is released to an address that another person uses too, whichever is judged first. So the result
    does not depend on the order or on how candidates are split into batches, as long as `uses` is complete.
    """
    by_address: dict[str, list[AddressUse]] = defaultdict(list)
    for use in uses:
        by_address[use.address_key].append(use)
    return [_judge(candidate, by_address, cycle, known) for candidate in candidates]


def _judge(
    candidate: Candidate, by_address: Mapping[str, list[AddressUse]], cycle: CohortCycle, known: KnownFacts
) -> Judgement:
    others = [
        use
        for use in by_address.get(candidate.address_key or "", ())
        if use.person_id != candidate.person_id  # one person may hold several qualifications
    ]
    issued = [(use.released_at, use.registration_id) for use in others if use.released_at is not None]
    reason: HeldReason | None = None
    first: str | None = None
    if candidate.valid_from != cycle.begins_on and not _is_late(candidate, cycle):
        reason = "not-this-cycle"
    elif candidate.completed_on is None:
        reason = "not-completed"
    elif known.today is not None and candidate.completed_on > known.today:
        reason = "completes-later"
    elif found := _contradiction(candidate, known, cycle):
        reason, first = found.reason, found.registration_id
    elif candidate.has_look_alikes and not candidate.facts_confirmed and LOOK_ALIKE not in cycle.overlooks:
        reason = LOOK_ALIKE
    elif candidate.lacks_glyphs:
        reason = "no-glyph"
    elif candidate.office_hold:
        reason = "office-hold"
    elif candidate.address_key is None:
        reason = "missing-address"
    elif issued:
        reason, first = "address-taken", min(issued)[1]
    elif others:
        reason = "shared-address"
    elif candidate.cohort_held:
        return Judgement(candidate.registration_id, "office-hold", None, with_cohort=True)
    if reason is not None or candidate.completed_on is None:
        return Judgement(candidate.registration_id, reason, None, first)
    return Judgement(
        candidate.registration_id,
        None,
        notify_from(confirmed_at(candidate.completed_on, candidate.confirmed_at), cycle),
    )


def _contradiction(candidate: Candidate, known: KnownFacts, cycle: CohortCycle) -> Contradiction | None:
    if candidate.facts_confirmed:
        return None
    return contradiction(
        candidate.registration_id, candidate.person_id, candidate.previous_registration_id, known, cycle.overlooks
    )


def _is_late(candidate: Candidate, cycle: CohortCycle) -> bool:
    """Whether it was released in an earlier cycle and amended since: it is judged although its cycle is over."""
    begins = candidate.valid_from
    same_day = (begins.month, begins.day) == (cycle.begins_on.month, cycle.begins_on.day)
    return candidate.was_released and same_day and begins < cycle.begins_on


def confirmed_at(completed_on: date, confirmed: datetime | None) -> datetime:
    """When the registration was complete: its completion, or the end of what else was in the way if that is later."""
    completed = japan_midnight(completed_on)
    return completed if confirmed is None else max(completed, confirmed)


def notify_from(confirmed: datetime, cycle: CohortCycle) -> datetime:
    """The earliest moment of the notice: midnight of the cohort's first day, or of the next delayed run.

    Confirmed by the end of the deadline day, Japan time: the first day. Later: the first midnight after the
    confirmation that is a multiple of `delayed_days` after the first day.
    """
    confirmed_on = japan_date(confirmed)
    if confirmed_on <= cycle.confirm_until:
        return cycle.begins_at
    runs = max(0, (confirmed_on - cycle.begins_on).days // cycle.delayed_days) + 1
    return japan_midnight(cycle.begins_on + timedelta(days=runs * cycle.delayed_days))


def is_settled(newest: datetime, oldest: datetime, now: datetime, settle: timedelta) -> bool:
    """Whether what arrived may be judged: nothing new for one settling time, so that a delivery is judged as a whole.

    Deliveries that never pause delay a registration by MOST_SETTLING_TIMES settling times at most.
    """
    return has_passed(settle, newest, now) or has_passed(MOST_SETTLING_TIMES * settle, oldest, now)


def _day(text: str, year: int) -> date:
    """The day of `year` that "02-15" means, or "02-end": the last day of the month."""
    month, _, day = text.partition("-")
    try:
        return date(year, int(month), monthrange(year, int(month))[1] if day == "end" else int(day))
    except ValueError as error:
        raise ValueError(f"cycle.confirm_until: got {text!r}, expected MM-DD or MM-end") from error
