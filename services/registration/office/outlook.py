"""The dry run of a cohort: who gets a badge, when its notice leaves, and why somebody gets none. Changes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from services.registration.domain.cohort import CohortCycle, cycle_of
from services.registration.domain.registration import Registration
from services.registration.handlers import Ports, judging
from services.registration.store import RegistrationTransaction
from shared.addresses import domain_of
from shared.clock import JST, japan_date
from shared.events import HeldReason
from shared.office_answers import CohortAnswer, HeldAnswer, QualificationOutlook
from shared.readiness import Report, fault, ok

MOST_ASKED = 2000
"""Registrations that are judged at once, in a transaction of their own."""

_OVER = timedelta(days=300)  # after its beginning the next cohort's records come
_MOST_NAMED = 500  # held people of a qualification in one answer; `akashi cohort` has all


@dataclass(frozen=True)
class Outlook:
    """What becomes of a registration as things stand now.

    `outcome`: "released" (its badge is on its way or issued), "coming" (nothing holds it: it is released when its cycle
    begins, or has settled), "held" for `reason`. `notify_from`: the earliest moment of its notice; None if it is held.
    """

    registration_id: str
    qualification: str
    name: str
    outcome: Literal["released", "coming", "held"]
    notify_from: datetime | None
    reason: HeldReason | None
    first_registration_id: str | None


def cohort_answer(cohort: str, ports: Ports) -> CohortAnswer:
    """The dry run of a cohort, counted: who gets a badge and when, to which mail domains, who is held and why.

    ValueError, with got and expected, for a cohort that the calendar doesn't have.
    """
    is_current = cohort == ports.cycle.cohort
    cycle = ports.cycle if is_current else cycle_of(ports.rules.programme, cohort)
    valid_until: date | None = None
    counted: defaultdict[str, _Counted] = defaultdict(_Counted)
    for registration, each in _cohort_pages(replace(ports, cycle=cycle)):
        if registration.record.valid_from != cycle.begins_on and each.outcome != "coming":
            continue  # of another cohort: it is that one's to say why
        counted[each.qualification].add(registration, each)
        if each.outcome == "coming":
            valid_until = max(valid_until or date.min, registration.record.valid_until)
    return CohortAnswer(
        cohort=cohort,
        begins_at=cycle.begins_at,
        is_current=is_current,
        valid_until=valid_until,
        qualifications={id: counted[id].outlook() for id in sorted(counted)},
    )


def cohort_report(cycle: CohortCycle, now: datetime) -> Report:
    """Whether the setting COHORT is the cohort that begins next, or began last: not one of a year ago."""
    if now - cycle.begins_at > _OVER:
        return Report(findings=(fault("cohort", "cohort-over", cycle.cohort, began=japan_date(cycle.begins_at)),))
    return Report(findings=(ok("cohort", cycle.cohort, begins=japan_date(cycle.begins_at)),))


def cohort_readiness(ports: Ports) -> Report:
    """Whether the cohort is the one that begins next, and whether the office holds it."""
    cohort = ports.cycle.cohort
    with ports.store.transaction() as tx:
        holds = [each for each in tx.cohort_orders().held() if each.cohort == cohort]
    held = [
        fault(
            "cohort",
            "cohort-held",
            f"{cohort} {hold.qualification or ''}".strip(),
            by=hold.decided_by,
            since=f"{hold.decided_at.astimezone(JST):%Y-%m-%d %H:%M}",
        )
        for hold in holds
    ]
    return Report(findings=(*cohort_report(ports.cycle, ports.now()).findings, *held))


@dataclass
class _Counted:
    """The counts of one qualification."""

    released: int = 0
    coming_on: Counter[date] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    held: list[HeldAnswer] = field(default_factory=list)

    def add(self, registration: Registration, found: Outlook) -> None:
        if found.outcome == "released":
            self.released += 1
        elif found.notify_from is not None:
            self.coming_on[japan_date(found.notify_from)] += 1
            self.letters[domain_of(registration.email or "")] += 1
        else:
            self.reasons[found.reason or ""] += 1
            if len(self.held) < _MOST_NAMED:
                self.held.append(
                    HeldAnswer(
                        registration_id=found.registration_id,
                        name=found.name,
                        reason=found.reason or "",
                        first_registration_id=found.first_registration_id,
                    )
                )

    def outlook(self) -> QualificationOutlook:
        return QualificationOutlook(
            released=self.released,
            coming=self.coming_on.total(),
            coming_on=dict(sorted(self.coming_on.items())),
            letters=dict(self.letters.most_common()),
            held_by_reason=dict(self.reasons.most_common()),
            held=tuple(self.held),
        )


def outlook_of(ids: Collection[str], ports: Ports) -> dict[str, Outlook]:
    """What becomes of these registrations, by id; unknown ones are left out."""
    with ports.store.transaction() as tx:
        return {each.registration_id: each for each in _outlook(list(tx.registrations(ids).values()), tx, ports)}


def cohort_outlook(ports: Ports) -> Iterator[Outlook]:
    """Everybody of the cycle's cohort, and of other cohorts those without a badge, by registration id.

    Read page by page: of a table that changes meanwhile it is no single picture.
    """
    return (each for _, each in _cohort_pages(ports))


def _cohort_pages(ports: Ports) -> Iterator[tuple[Registration, Outlook]]:
    after = ""
    while True:
        with ports.store.transaction() as tx:
            tx.cursor.execute("set transaction read only")
            page = tx.cohort(ports.cycle.begins_on, after, MOST_ASKED)
            found = _outlook(page, tx, ports)
        yield from zip(page, found, strict=True)  # with no transaction open: its reader may be slow
        if len(page) < MOST_ASKED:
            return
        after = page[-1].id


def _outlook(registrations: Sequence[Registration], tx: RegistrationTransaction, ports: Ports) -> list[Outlook]:
    open_ones = [each for each in registrations if each.state != "released"]
    judged = judging(open_ones, tx, ports, ports.now())(open_ones)
    judgements = {each.registration_id: each for each in judged}
    found = []
    for each in registrations:
        judgement = judgements.get(each.id)
        reason = judgement.reason if judgement else None
        found.append(
            Outlook(
                registration_id=each.id,
                qualification=each.record.qualification,
                name=f"{each.record.family_name} {each.record.given_name}",
                outcome="released" if judgement is None else "held" if reason else "coming",
                notify_from=judgement.notify_from if judgement else each.notify_from,
                reason=reason,
                first_registration_id=judgement.first_registration_id if judgement else None,
            )
        )
    return found
