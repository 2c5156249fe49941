"""A verdict as JSON, for the API and `akashi verify --json`; pure.

Stable: fields may be added, meanings never changed.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.verifier.verdict import Kind, Verdict
from services.verifier.words import HEADINGS, next_step, sentence
from shared.clock import JST, japan_date
from shared.programme import Bilingual


class CheckAnswer(msgspec.Struct, frozen=True):
    number: int
    name: Bilingual
    outcome: str  # ok, failed, unknown
    got: str
    expected: str


class FactsAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the credential says. Dates are Japan calendar days."""

    id: str
    award: str
    valid_from: str
    valid_until: str
    name: str | None = None
    registration_number: str | None = None
    issued_on: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """`facts` is null unless the society signed just this."""

    verdict: Kind
    heading: Bilingual
    sentence: Bilingual
    next: Bilingual
    checked_at: datetime
    facts: FactsAnswer | None
    checks: tuple[CheckAnswer, ...]


def answer_of(verdict: Verdict, society: Bilingual, *, with_number: bool = True) -> Answer:
    """The whole answer; without the registration number when its holder doesn't show it."""
    return Answer(
        verdict=verdict.kind,
        heading=HEADINGS[verdict.kind],
        sentence=sentence(verdict, society),
        next=next_step(verdict.kind),
        checked_at=verdict.checked_at.astimezone(JST).replace(microsecond=0),
        facts=_facts(verdict, with_number),
        checks=tuple(CheckAnswer(c.number, c.name, c.outcome, c.got, c.expected) for c in verdict.checks),
    )


def _facts(verdict: Verdict, with_number: bool) -> FactsAnswer | None:
    badge = verdict.badge
    if badge is None or not verdict.is_genuine:
        return None
    return FactsAnswer(
        id=badge.id,
        award=badge.award,
        valid_from=japan_date(badge.valid_from).isoformat(),
        valid_until=japan_date(badge.valid_until).isoformat(),
        name=badge.name,
        registration_number=badge.registration_number if with_number else None,
        issued_on=japan_date(badge.issued_at).isoformat() if badge.issued_at else None,
    )
