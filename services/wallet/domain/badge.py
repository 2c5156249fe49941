"""A badge as its holder sees it: its state, the stages to it, the PDFs that may be downloaded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from shared.clock import japan_date
from shared.events import Holder
from shared.programme import PublicPage
from shared.retry import SKEW

BadgeState = Literal["unreceived", "pending", "issued", "expired", "revoked", "corrected"]
"""受領待ち, 発行手続き中, 有効, 満了, 取り消し, 訂正."""

CardState = Literal["unreceived", "pending", "issued", "expiring", "expired", "renewed", "revoked", "corrected"]
"""As BadgeState, and: まもなく満了 (`expiring`), 更新済み (`renewed`)."""

_ENDED: tuple[BadgeState, ...] = ("expired", "revoked", "corrected")

SOON = timedelta(days=90)
"""まもなく満了: so long before the last day. Renewals are completed in the last months of a period."""

PdfKind = Literal["certificate", "details"]
"""証書, 内容詳細."""

USUAL_WAIT = timedelta(days=1)  # from receipt to the anchored, rendered badge: the pages promise hours to a day


@dataclass(frozen=True)
class BadgeProgress:
    """What anchor, renderer and issuer have announced about it so far."""

    anchored_at: datetime | None = None
    rendered_at: datetime | None = None
    certificate_key: str | None = None
    details_key: str | None = None
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    replaced_by: str | None = None


@dataclass(frozen=True)
class WalletBadge:
    """One award as the wallet knows it. Dates are Japan calendar days, both included.

    `corrected_by` is the newest version of the same registration, None for that one itself. `replaces` is the badge
    that this one renews. `edition` names its picture; None: that of its year. `details_public` is the holder's choice;
    None: none yet. `address_revision`: how often the holder's address changed since the issue.
    `notify_from`: before it no letter left. `link_number`, `link_until`: of the last link that its
    holder asked for. `account_deleted_at`: when its holder deleted the account that had it. `addressee_id`: the account
    that has proven the address it was awarded to.
    """

    assertion_id: str
    registration_id: str
    qualification: str
    pass_number: str
    registration_number: str
    valid_from: date
    valid_until: date
    holder: Holder
    issued_at: datetime
    account_id: int | None
    received_at: datetime | None
    progress: BadgeProgress
    version: int = 1
    edition: str | None = None
    replaces: str | None = None
    details_public: bool | None = None
    corrected_by: str | None = None
    address_revision: int = 0
    notify_from: datetime | None = None
    link_number: int = 0
    link_until: datetime | None = None
    account_deleted_at: datetime | None = None
    addressee_id: int | None = None

    def shows_numbers(self, page: PublicPage) -> bool:
        """Whether its public page shows the registration number and gives out the files that hold both numbers."""
        return page.shows_numbers if self.details_public is None else self.details_public


@dataclass(frozen=True)
class Step:
    """A stage between receipt and the finished badge."""

    name: Literal["received", "anchored", "rendered"]
    at: datetime | None  # when it was reached


def state_of(badge: WalletBadge, now: datetime) -> BadgeState:
    """The first that applies of: corrected, revoked, expired, unreceived, pending; issued when none does.

    A badge is corrected as soon as the newer version is known, or its revocation in favour of one: the two events
    arrive in any order.
    """
    if badge.corrected_by is not None or badge.progress.replaced_by is not None:
        return "corrected"
    if badge.progress.revoked_at is not None:
        return "revoked"
    if japan_date(now) > badge.valid_until:
        return "expired"
    if badge.received_at is None:
        return "unreceived"
    if badge.progress.anchored_at is None or badge.progress.rendered_at is None:
        return "pending"
    return "issued"


def link_has_ended(badge: WalletBadge, number: int, lasts: timedelta, later_lasts: timedelta, now: datetime) -> bool:
    """Whether a link no longer proves its address. Number 0 is the link of letter 1, valid for `lasts`.

    Of the links that were asked for later only the last is valid, for `later_lasts`. One that would end later than that
    was made by a clock that was ahead, and has ended.
    """
    if number == 0:
        begins = max(badge.issued_at, badge.notify_from or badge.issued_at)
        return badge.account_deleted_at is not None or now >= begins + lasts
    until = badge.link_until
    return number != badge.link_number or until is None or not now < until <= now + later_lasts + SKEW


@dataclass(frozen=True)
class BadgeCard:
    """A badge in the list, in its newest version, with those that it renews, the newest first."""

    badge: WalletBadge
    state: CardState
    former: tuple[BadgeCard, ...] = ()


def card_state(badge: WalletBadge, renewed: WalletBadge | None, now: datetime) -> CardState:
    """Its state as people see it. `renewed` is the newest version of what renews it; one that was revoked is none.

    What was revoked or corrected is never 更新済み.
    """
    state = state_of(badge, now)
    if state in ("revoked", "corrected"):
        return state
    if renewed is not None and state_of(renewed, now) not in ("revoked", "corrected"):
        return "renewed"
    return "expiring" if state == "issued" and japan_date(now) > badge.valid_until - SOON else state


def cards(badges: Iterable[WalletBadge], now: datetime) -> list[BadgeCard]:
    """The newest version of each registration; what was renewed stands with its renewal.

    First what waits for its holder, last what has ended, otherwise in the order given.
    """
    given = list(badges)
    newest: dict[str, WalletBadge] = {}
    for badge in given:
        known = newest.setdefault(badge.registration_id, badge)
        if badge.version > known.version:
            newest[badge.registration_id] = badge
    renewals = _renewals(given, newest, now)

    def card(id: str) -> BadgeCard:
        older = [card(old) for old, new in renewals.items() if new == id]
        before = [each for one in older for each in (replace(one, former=()), *one.former)]
        before.sort(key=lambda each: each.badge.valid_from, reverse=True)
        return BadgeCard(newest[id], card_state(newest[id], newest.get(renewals.get(id, "")), now), tuple(before))

    listed = [card(id) for id in newest if id not in renewals]
    return sorted(listed, key=lambda each: (each.state != "unreceived", each.state in _ENDED))


def _renewals(given: Iterable[WalletBadge], newest: Mapping[str, WalletBadge], now: datetime) -> dict[str, str]:
    """Registrations that were renewed, each with the one that renews it: of a later period, and not void."""
    registration = {badge.assertion_id: badge.registration_id for badge in given}
    renewals: dict[str, str] = {}
    for badge in given:
        old = registration.get(badge.replaces or "")
        new = newest[badge.registration_id]
        if old is None or new.valid_from <= newest[old].valid_from or state_of(new, now) in ("revoked", "corrected"):
            continue
        if old not in renewals or new.valid_from > newest[renewals[old]].valid_from:
            renewals[old] = new.registration_id
    return renewals


def steps_of(badge: WalletBadge) -> tuple[Step, ...]:
    """The stages as people see them. A stage counts when its event arrived; anchor and renderer come in any order."""
    return (
        Step("received", badge.received_at),
        Step("anchored", badge.progress.anchored_at),
        Step("rendered", badge.progress.rendered_at),
    )


def expected_by(badge: WalletBadge) -> datetime | None:
    """When the badge should be finished; None before it is received."""
    return badge.received_at + USUAL_WAIT if badge.received_at is not None else None


def is_late(badge: WalletBadge, now: datetime) -> bool:
    expected = expected_by(badge)
    return expected is not None and now > expected


def is_finished(badge: WalletBadge, now: datetime) -> bool:
    """Whether its holder can show and download it: received, anchored and rendered; also after its period."""
    is_made = all(step.at is not None for step in steps_of(badge))
    return is_made and state_of(badge, now) in ("issued", "expired")


def pdf_key(badge: WalletBadge, kind: PdfKind, now: datetime) -> str | None:
    """The object key of a PDF that the holder may download; None while there is none and for a revoked badge."""
    if not is_finished(badge, now):
        return None
    return badge.progress.certificate_key if kind == "certificate" else badge.progress.details_key
