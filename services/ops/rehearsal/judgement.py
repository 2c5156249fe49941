"""The rehearsal from all answers: people by desk, times, checks in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from services.ops.rehearsal.answers import CheckLine, DeskForecast, Rehearsal
from services.ops.rehearsal.durations import Rates, rate_of, stage_forecasts
from services.ops.rehearsal.wording import CHECKS, words_of
from shared.clock import japan_date
from shared.office_answers import CohortAnswer, QualificationOutlook
from shared.programme import Bilingual, Programme
from shared.readiness import (
    MOST_DOMAINS,
    OTHERS,
    BatchesForecast,
    Finding,
    LettersForecast,
    Question,
    ReadinessAnswer,
    fault,
)

K = TypeVar("K")

_SKEW = timedelta(seconds=3)
_NO_DESK = "-"


@dataclass(frozen=True)
class Answered:
    """One endpoint of a service: its answer and when we had it, by our clock; or, without one, why."""

    service: str
    answer: ReadinessAnswer | None
    at: datetime
    instead: Finding | None = None


def question_for(cohort: CohortAnswer | None, rates: Rates) -> Question:
    """What the services are asked: how much comes. The largest mail domains by name, the others together."""
    if cohort is None:
        return Question(badges=0, letters_per_second=rate_of("notified", rates)[0])
    found = _summed(each.letters for each in cohort.qualifications.values())
    letters = dict(found.most_common(MOST_DOMAINS))
    if others := sum(found.values()) - sum(letters.values()):
        letters[OTHERS] = others
    return Question(
        badges=coming(cohort),
        valid_until=cohort.valid_until,
        letters=letters,
        letters_per_second=rate_of("notified", rates)[0],
    )


def coming(cohort: CohortAnswer) -> int:
    return sum(each.coming for each in cohort.qualifications.values())


def rehearsal(
    now: datetime,
    cohort: CohortAnswer | None,
    answered: Sequence[Answered],
    own: Sequence[Finding],
    rates: Rates,
    programme: Programme,
) -> Rehearsal:
    """`own`: what ops found itself."""
    findings = [("ops", finding) for finding in own]
    findings += [(each.service, finding) for each in answered for finding in _findings(each)]
    checks = tuple(check_line(service, finding) for service, finding in _once(findings))
    faults = sum(line.state == "fault" for line in checks)
    days_left = None if cohort is None else (japan_date(cohort.begins_at) - japan_date(now)).days
    return Rehearsal(
        at=now,
        cohort=None if cohort is None else cohort.cohort,
        begins_at=None if cohort is None else cohort.begins_at,
        days_left=days_left,
        is_current=cohort is None or cohort.is_current,
        desks=None if cohort is None else desks_of(cohort, programme),
        letters=_letters(answered),
        batches=_batches(answered),
        stages=() if cohort is None else stage_forecasts(coming(cohort), rates),
        checks=tuple(sorted(checks, key=_order)),
        faults=faults,
        not_asked=sum(line.state == "not-asked" for line in checks),
        is_ready=faults == 0,
    )


def seen_by(found: Rehearsal, programme: Programme, qualifications: Collection[str] | None) -> Rehearsal:
    """What a desk sees of it: its own people, and no machinery but whether something is at fault. None: all."""
    if qualifications is None:
        return found
    desks = {programme.qualifications[id].desk for id in qualifications if id in programme.qualifications}
    own = None if found.desks is None else tuple(desk for desk in found.desks if desk.desk in desks)
    return msgspec.structs.replace(found, desks=own, letters=None, batches=None, checks=())


def desks_of(cohort: CohortAnswer, programme: Programme) -> tuple[DeskForecast, ...]:
    """In the programme's order; every desk of it, also one without people."""
    of_desk: dict[str, list[QualificationOutlook]] = {desk: [] for desk in programme.desks}
    for id, found in cohort.qualifications.items():
        known = programme.qualifications.get(id)
        of_desk.setdefault(_NO_DESK if known is None else known.desk, []).append(found)
    return tuple(_desk(desk, found, programme) for desk, found in of_desk.items())


def _desk(desk: str, found: Sequence[QualificationOutlook], programme: Programme) -> DeskForecast:
    reasons = _summed(each.held_by_reason for each in found)
    known = programme.desks.get(desk)
    return DeskForecast(
        desk=desk,
        name=desk if known is None else known.name,
        released=sum(each.released for each in found),
        coming=sum(each.coming for each in found),
        held=sum(reasons.values()),
        coming_on=dict(sorted(_summed(each.coming_on for each in found).items())),
        held_by_reason=dict(reasons.most_common()),
        letters=dict(_summed(each.letters for each in found).most_common()),
        people=tuple(person for each in found for person in each.held),
    )


def _summed(parts: Iterable[Mapping[K, int]]) -> Counter[K]:
    total: Counter[K] = Counter()
    for part in parts:
        total.update(part)
    return total


def _findings(each: Answered) -> list[Finding]:
    if each.answer is None:
        return [each.instead] if each.instead is not None else []
    skew = abs(each.answer.at - each.at)
    if skew > _SKEW:
        return [*each.answer.findings, fault("clock", "clock-differs", "ops", seconds=f"{skew.total_seconds():.0f}")]
    return list(each.answer.findings)


def _once(findings: Iterable[tuple[str, Finding]]) -> list[tuple[str, Finding]]:
    """Replicas of a service that say the same are one line."""
    found: dict[bytes, tuple[str, Finding]] = {}
    for service, finding in findings:
        facts = finding.facts if finding.state != "ok" else {}
        same = msgspec.json.encode((service, finding.check, finding.state, finding.code, finding.about, facts))
        found.setdefault(same, (service, finding))
    return list(found.values())


def check_line(service: str, finding: Finding) -> CheckLine:
    words = words_of(finding)
    return CheckLine(
        service=service,
        check=finding.check,
        name=CHECKS.get(finding.check.partition(":")[0], Bilingual(finding.check, finding.check)),
        state=finding.state,
        about=finding.about,
        code=finding.code,
        found=None if words is None else words.found,
        next=None if words is None else words.next,
        facts=finding.facts,
    )


def _order(line: CheckLine) -> tuple[int, int, str]:
    """What is at fault first, then what was not asked; each in the order in which the checks are named."""
    known = list(CHECKS)
    place = known.index(line.check) if line.check in known else len(known)
    return ("fault", "not-asked", "ok").index(line.state), place, line.service


def _letters(answered: Sequence[Answered]) -> LettersForecast | None:
    return next((each.answer.letters for each in answered if each.answer and each.answer.letters), None)


def _batches(answered: Sequence[Answered]) -> BatchesForecast | None:
    return next((each.answer.batches for each in answered if each.answer and each.answer.batches), None)
