"""Who of a cohort may have a badge, and from when: eligibility, addresses of one's own, and the day of the notice.

A cohort is everybody whose period begins on the cycle's first day (April 1 of the 年度). All days are Japan's.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.clock import japan_date, japan_midnight
from shared.events import HeldReason
from shared.programme import Programme

PATIENCE = 10
"""How many settling times a registration waits at most while others keep arriving."""


@dataclass(frozen=True)
class Cycle:
    """One year's calendar."""

    cohort: str  # 年度: "2026"
    begins_on: date  # the first day of its periods
    confirm_until: date  # addresses confirmed by the end of this day are notified on the first day
    delayed_days: int  # the others on the next multiple of so many days after it

    @property
    def begins_at(self) -> datetime:
        """Before this moment nobody of the cohort is judged."""
        return japan_midnight(self.begins_on)


@dataclass(frozen=True)
class Candidate:
    """A registration to be judged."""

    registration_id: str
    person_id: str
    valid_from: date
    completed_on: date | None
    address_key: str | None  # same_address_key of the address that counts; None: no address yet
    confirmed_at: datetime | None  # when the address was confirmed or corrected; None: it came with the record
    office_hold: bool


@dataclass(frozen=True)
class AddressUse:
    """Somebody's registration with an address. `released_at` is set once a badge is on its way to it."""

    registration_id: str
    person_id: str
    address_key: str
    released_at: datetime | None


@dataclass(frozen=True)
class Judgement:
    """Released with the moment of the notice, or held for a reason; exactly one of the two is set."""

    registration_id: str
    reason: HeldReason | None
    notify_from: datetime | None
    first_registration_id: str | None = None  # address-taken: who has a badge at this address


def cycle_of(programme: Programme, cohort: str) -> Cycle:
    """The calendar of a cohort. ValueError, got and expected, for a calendar or a year that can't be."""
    begins_on = programme.cohort_begins_on(cohort)
    confirm_until = _day(programme.cycle.confirm_until, begins_on.year)
    if confirm_until >= begins_on:  # a cycle that begins in January has its deadline in the year before
        confirm_until = _day(programme.cycle.confirm_until, begins_on.year - 1)
    if programme.cycle.delayed_days < 1:
        raise ValueError(f"cycle.delayed_days: got {programme.cycle.delayed_days}, expected 1 or more")
    return Cycle(cohort, begins_on, confirm_until, programme.cycle.delayed_days)


def judge(candidates: Sequence[Candidate], uses: Iterable[AddressUse], cycle: Cycle) -> list[Judgement]:
    """What becomes of each candidate. `uses` are all registrations at the candidates' addresses, theirs included.

    Nobody is released to an address that another person has too, whichever of them is looked at first: so judging the
    same people in one go or in several, in any order, has one outcome as long as all of them are among `uses`.
    """
    by_address: dict[str, list[AddressUse]] = defaultdict(list)
    for use in uses:
        by_address[use.address_key].append(use)
    return [_judge(candidate, by_address, cycle) for candidate in candidates]


def _judge(candidate: Candidate, by_address: Mapping[str, list[AddressUse]], cycle: Cycle) -> Judgement:
    others = [
        use
        for use in by_address.get(candidate.address_key or "", ())
        if use.person_id != candidate.person_id  # one person may hold several qualifications
    ]
    issued = [(use.released_at, use.registration_id) for use in others if use.released_at is not None]
    reason: HeldReason | None = None
    first: str | None = None
    if candidate.valid_from != cycle.begins_on:
        reason = "not-this-cycle"
    elif candidate.completed_on is None:
        reason = "not-completed"
    elif candidate.office_hold:
        reason = "office-hold"
    elif candidate.address_key is None:
        reason = "missing-address"
    elif issued:
        reason, first = "address-taken", min(issued)[1]
    elif others:
        reason = "shared-address"
    if reason is not None or candidate.completed_on is None:
        return Judgement(candidate.registration_id, reason, None, first)
    return Judgement(
        candidate.registration_id,
        None,
        notify_from(confirmed_at(candidate.completed_on, candidate.confirmed_at), cycle),
    )


def confirmed_at(completed_on: date, address_confirmed_at: datetime | None) -> datetime:
    """When all was there that the badge needs: the completion, or the address's confirmation if that came later."""
    completed = japan_midnight(completed_on)
    return completed if address_confirmed_at is None else max(completed, address_confirmed_at)


def notify_from(confirmed: datetime, cycle: Cycle) -> datetime:
    """The moment before which no letter may leave: the cohort's first midnight, or the next delayed run's.

    Confirmed by 23:59:59 Japan time of the deadline: the first day. Later: the first midnight after the confirmation
    that lies a multiple of `delayed_days` behind the first day.
    """
    confirmed_on = japan_date(confirmed)
    if confirmed_on <= cycle.confirm_until:
        return cycle.begins_at
    runs = max(0, (confirmed_on - cycle.begins_on).days // cycle.delayed_days) + 1
    return japan_midnight(cycle.begins_on + timedelta(days=runs * cycle.delayed_days))


def is_quiet(newest: datetime, oldest: datetime, now: datetime, settle: timedelta) -> bool:
    """Whether what arrived may be judged: nothing new for a settling time, so that a delivery is judged as a whole.

    An upstream that never pauses delays nobody by more than PATIENCE settling times.
    """
    return newest + settle <= now or oldest + PATIENCE * settle <= now


def _day(text: str, year: int) -> date:
    """ "02-15", or "02-end" for the month's last day, in a year."""
    month, _, day = text.partition("-")
    try:
        return date(year, int(month), monthrange(year, int(month))[1] if day == "end" else int(day))
    except ValueError as error:
        raise ValueError(f"cycle.confirm_until: got {text!r}, expected MM-DD or MM-end") from error
