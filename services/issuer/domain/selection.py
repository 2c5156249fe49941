"""What is chosen: registrations that get a credential, their badge classes and editions, documents to publish. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.issuer.domain.issuance import Assertion
from services.issuer.domain.publication import IMAGE, ISSUER, badge_name, status_name
from services.issuer.domain.soundness import Unsound
from shared.clock import japan_date
from shared.events import RegistrationRenewed
from shared.object_keys import is_edition
from shared.programme import Programme

NotIssuedReason = Literal["issued-before", "corrected-before"]

ClassYear = tuple[str, str]
"""A badge class in one year: qualification and year (年度)."""


@dataclass(frozen=True)
class IssuedVersion:
    """The newest version of a registration that we issued."""

    number: int
    assertion_id: str
    person_id: str | None = None


# ── registrations ──────────────────────────────────────────────────────────────────────────────────────


def registrations_in(events: Iterable[RegistrationRenewed]) -> set[str]:
    """The ids of the registrations that these events are about, and of those that they renew."""
    awards = [event.award for event in events]
    former = {award.previous_registration_id for award in awards if award.previous_registration_id is not None}
    return former | {award.registration_id for award in awards}


def renewed_by(event: RegistrationRenewed, newest: Mapping[str, IssuedVersion]) -> str | None:
    """The assertion that this one renews, if we issued it to the same person: nobody renews another's badge."""
    former = newest.get(event.award.previous_registration_id or "")
    return former.assertion_id if former is not None and former.person_id == event.holder.person_id else None


def not_issued(
    events: Iterable[RegistrationRenewed], newest: Mapping[str, IssuedVersion]
) -> tuple[list[RegistrationRenewed], list[NotIssuedReason]]:
    """The events that need a credential, in order, and why each of the others needs none.

    The inbox may forget an event, the table of assertions never does. A version that arrives after its own correction
    (replayed from the dead-letter topic) is superseded already, so it gets no credential.
    """
    numbers = {id: each.number for id, each in newest.items()}
    needed: list[RegistrationRenewed] = []
    reasons: list[NotIssuedReason] = []
    for event in events:
        issued = numbers.get(event.award.registration_id, 0)
        if event.version > issued:
            numbers[event.award.registration_id] = event.version
            needed.append(event)
        else:
            reasons.append("issued-before" if event.version == issued else "corrected-before")
    return needed, reasons


# ── badge classes ──────────────────────────────────────────────────────────────────────────────────────


def class_of(event: RegistrationRenewed, programme: Programme) -> ClassYear:
    """Unsound for a qualification that the programme doesn't have, or a year that no edition is named after."""
    award = event.award
    if award.qualification not in programme.qualifications:
        known = ", ".join(programme.qualifications)
        raise Unsound("qualification", repr(award.qualification), f"one of {known}")
    year = programme.edition(award.valid_from)
    if not is_edition(year):
        raise Unsound("valid_from", str(award.valid_from), "a day of a year of four digits")
    return award.qualification, year


def current_classes(programme: Programme, now: datetime) -> list[ClassYear]:
    """Every badge class in the current year."""
    year = current_year(programme, now)
    return [(qualification, year) for qualification in programme.qualifications]


def current_year(programme: Programme, now: datetime) -> str:
    """The 年度 at `now`: of the latest cohort that has begun."""
    today = japan_date(now)
    begun = today >= programme.cohort_begins_on(str(today.year))
    return str(today.year if begun else today.year - 1)


def next_edition(year: str, editions: Collection[str]) -> str:
    """2026, 2026-2, 2026-3 …: the first that isn't among `editions`, those of the year."""
    return year if not editions else f"{year}-{len(editions) + 1}"


# ── documents ──────────────────────────────────────────────────────────────────────────────────────────


def documents_always() -> list[str]:
    """The documents published before any credential is issued, besides the current badge classes."""
    return [ISSUER, IMAGE, status_name(1)]


def documents_for(assertions: Sequence[Assertion]) -> set[str]:
    """The documents that the credentials of these assertions point to."""
    lists = {status_name(each.status.number) for each in assertions}
    return lists | {badge_name(each.award.qualification, each.edition) for each in assertions}
