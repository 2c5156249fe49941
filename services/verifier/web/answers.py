"""A verdict as JSON, for the API and `akashi verify --json`; pure.

Stable: fields may be added, meanings never changed.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.verifier.check.checks import Check
from services.verifier.check.evidence import IssuerRecord
from services.verifier.check.explanation import explanation
from services.verifier.check.verdict import Kind, Verdict
from services.verifier.check.wording import heading, next_step, sentence
from shared.clock import JST, japan_date
from shared.programme import Bilingual


class CheckAnswer(msgspec.Struct, frozen=True):
    number: int
    name: Bilingual
    outcome: str  # ok, failed, unknown
    said: Bilingual  # what it found, in plain words
    got: str
    expected: str


class FactsAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the credential says. Dates are Japan calendar days."""

    id: str
    award: str
    valid_from: str
    valid_until: str
    name: str | None = None
    latin_name: str | None = None
    registration_number: str | None = None
    issued_on: str | None = None


class RevocationAnswer(msgspec.Struct, frozen=True):
    """As the issuer told it; the signed list alone gives neither moment nor reason."""

    revoked_at: datetime
    reason: str  # empty where the issuer's record was erased


class Answer(msgspec.Struct, frozen=True):
    """`facts`, `revocation` and the pages of related certificates are null unless the society signed just this.

    Of a certificate whose holder was erased the issuer has no document: asked for by its number, it is `revoked`, by
    check 5 alone, without `facts`.
    """

    verdict: Kind
    heading: Bilingual
    sentence: Bilingual
    next: Bilingual
    checked_at: datetime
    facts: FactsAnswer | None
    checks: tuple[CheckAnswer, ...]
    revocation: RevocationAnswer | None = None
    replaced_by: str | None = None  # URL of the page of the corrected certificate
    renewed_as: str | None = None  # URL of the page of the renewal
    renews: str | None = None  # URL of the page of the former certificate
    received: bool | None = None  # whether its holder has received it; null: nobody told
    registration_counts: bool = False  # the society lets its page say that the registration is valid before receipt
    printed: bool = False  # of the page that a printed certificate (PDF) names: the file itself was not checked
    erased_at: datetime | None = None  # its holder was erased: the issuer has no document and no facts of it any more
    networks: tuple[str, ...] = ()  # ids of the blockchains on which its record is final


class Problem(msgspec.Struct):
    """As every error of the site in JSON, with a text for people in both languages."""

    error: int
    detail: str
    text: Bilingual


def answer_of(
    verdict: Verdict,
    society: Bilingual,
    *,
    record: IssuerRecord,
    public_url: str,
    with_number: bool = True,
    printed: bool = False,
) -> Answer:
    """The whole answer; without the registration number when its holder doesn't show it."""
    # A forged file gets nothing of the badge whose id it has.
    known = record if verdict.is_genuine or verdict.is_erased else IssuerRecord()
    revocation = known.revocation

    def page(assertion_id: str | None) -> str | None:
        return f"{public_url}/V/{assertion_id}" if assertion_id else None

    return Answer(
        verdict=verdict.kind,
        heading=heading(verdict),
        sentence=sentence(verdict, society),
        next=next_step(verdict, with_number=with_number),
        checked_at=_moment(verdict.checked_at),
        facts=_facts(verdict, with_number),
        checks=tuple(map(_check, verdict.checks)),
        revocation=RevocationAnswer(_moment(revocation.revoked_at), revocation.reason) if revocation else None,
        replaced_by=page(revocation.replaced_by) if revocation else None,
        renewed_as=page(known.renewed_as),
        renews=page(known.renews),
        received=known.received,
        registration_counts=known.registration_counts,
        printed=printed,
        erased_at=_moment(known.erased_at) if known.erased_at else None,
        networks=verdict.networks,
    )


def _check(check: Check) -> CheckAnswer:
    return CheckAnswer(check.number, check.name, check.outcome, explanation(check), check.got, check.expected)


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
        latin_name=badge.latin_name,
        registration_number=badge.registration_number if with_number else None,
        issued_on=japan_date(badge.issued_at).isoformat() if badge.issued_at else None,
    )


def _moment(moment: datetime) -> datetime:
    return moment.astimezone(JST).replace(microsecond=0)
