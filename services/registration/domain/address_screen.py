"""What the address screen (メールアドレス登録・修正画面) offers a person, and when their notice comes; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.registration.domain.cohort import AddressUse, CohortCycle, confirmed_at, cycle_of, notify_from
from services.registration.domain.own_address import OwnAddress
from services.registration.domain.recovery import Recovery, has_badge
from services.registration.domain.registration import Registration
from shared.clock import japan_date
from shared.events import HeldReason
from shared.programme import Programme

LINK = timedelta(hours=24)
"""How long a confirmation link can be used."""

PRESSES = timedelta(minutes=1)
"""Within it the same address asked for again is the same request: a button that was pressed twice."""

KEPT = timedelta(days=7)
"""How long an ended request is remembered, so that its link says what became of it. Then its address is deleted."""

ScreenAccess = Literal[
    "open",  # the person may register an address
    "confirmed",  # it was confirmed, by the person or by the office: only the office corrects it
    "issued",  # a badge is on its way to the issuer
    "recover",  # there is a badge: a holder who has lost the mailbox can prove another one
    "recovering",  # another one was proven and waits for its day
    "other-cycle",  # nothing of this person begins in this cycle
]

RequestState = Literal["pending", "confirmed", "taken", "replaced", "closed", "expired"]
"""Of a confirmation link. `taken`: the address is another person's; `closed`: the address was settled otherwise."""

_ADDRESS_REASONS: Collection[HeldReason] = ("missing-address", "shared-address", "address-taken")
_EXPLAINED: Collection[HeldReason] = ("not-completed", "completes-later", "not-this-cycle")


@dataclass(frozen=True)
class Screen:
    """One person at one desk. `own` is the registration that they signed in with."""

    own: Registration
    access: ScreenAccess
    to_change: tuple[Registration, ...]  # which get the address: all of the person's that are open
    confirm_until: date
    notice_on: date | None  # if another address is confirmed now; None: the registration is not completed
    kept_notice_on: date | None  # with the address on file as it stands; None: no notice comes to it yet
    is_shared: bool  # somebody else uses the address on file, too: no badge is issued to it
    is_late: bool  # the deadline has passed
    is_checked: bool  # the office has to look at the record first
    recovery: Recovery | None = None  # of the person, while it waits

    @property
    def takes_address(self) -> bool:
        """Whether the person may ask for a letter to an address."""
        return self.access in ("open", "recover")

    def notice_on_with(self, address: OwnAddress) -> date | None:
        """The day of the notice if this address is confirmed now. With the one on file nothing changes."""
        return self.kept_notice_on if is_same(self.own, address) else self.notice_on


def screen_of(
    own: Registration,
    of_person: Sequence[Registration],
    uses: Sequence[AddressUse],
    programme: Programme,
    cycle: CohortCycle,
    now: datetime,
    recovery: Recovery | None = None,
) -> Screen:
    """The screen at `now`. `of_person`: all registrations of the person, `own` included; `uses`: of its address;
    `recovery`: of the person, while it waits.

    One address is one person's, so it goes to every registration of this cycle or a later one that has no confirmed
    address and no badge.
    """
    to_change = tuple(
        each
        for each in of_person
        if each.record.valid_from >= cycle.begins_on and each.state != "released" and each.office_email is None
    )
    access: ScreenAccess = "open"
    if has_badge(own):
        access = "recover" if recovery is None else "recovering"
    elif own.state == "released":
        access = "issued"
    elif own.office_email is not None:
        access = "confirmed"
    elif own.id not in {each.id for each in to_change}:
        access = "other-cycle"
    # A period of a later year has that year's deadline.
    years = cycle if own.record.valid_from <= cycle.begins_on else cycle_of(programme, str(own.record.valid_from.year))
    is_shared = access in ("open", "confirmed") and is_anothers(own.record.person_id, uses)
    return Screen(
        own=own,
        access=access,
        to_change=to_change if access == "open" else (),
        confirm_until=years.confirm_until,
        notice_on=_notice_on(own, now, years),
        kept_notice_on=None if own.email is None or is_shared else _notice_on(own, own.confirmed_at, years),
        is_shared=is_shared,
        is_late=japan_date(now) > years.confirm_until,
        is_checked=own.state == "held" and own.reason not in (*_ADDRESS_REASONS, *_EXPLAINED),
        recovery=recovery,
    )


def _notice_on(own: Registration, confirmed: datetime | None, cycle: CohortCycle) -> date | None:
    if own.notify_from is not None:
        return japan_date(own.notify_from)
    if own.record.completed_on is None:
        return None
    return japan_date(notify_from(confirmed_at(own.record.completed_on, confirmed), cycle))


def is_anothers(person_id: str, uses: Sequence[AddressUse]) -> bool:
    """Whether somebody else uses the address. `uses`: all registrations at it."""
    return any(use.person_id != person_id for use in uses)


def is_same(registration: Registration, address: OwnAddress) -> bool:
    """Whether the registration has this address already: confirming it changes nothing, its notice included."""
    return registration.address_key == address.key


def request_state(outcome: RequestState | None, expires_at: datetime, now: datetime) -> RequestState:
    """Of a request whose outcome so far is `outcome`; one without an outcome is pending until it expires."""
    if outcome is not None:
        return outcome
    return "pending" if now < expires_at else "expired"
