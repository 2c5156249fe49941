"""The dry run of a cohort: who gets a badge, when its notice leaves, and why somebody gets none. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.registration.domain.cohort import judge
from services.registration.domain.registration import Registration
from services.registration.handlers import Ports, candidate_at
from services.registration.store import RegistrationTransaction
from shared.clock import japan_date
from shared.events import HeldReason

MOST_ASKED = 2000
"""Registrations that are judged at once, in a transaction of their own."""


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


def outlook_of(ids: Collection[str], ports: Ports) -> dict[str, Outlook]:
    """What becomes of these registrations, by id; unknown ones are left out."""
    with ports.store.transaction() as tx:
        return {each.registration_id: each for each in _outlook(list(tx.registrations(ids).values()), tx, ports)}


def cohort_outlook(ports: Ports) -> Iterator[Outlook]:
    """Everybody of the cycle's cohort, and of other cohorts those without a badge, by registration id.

    Read page by page: of a table that changes meanwhile it is no single picture.
    """
    after = ""
    while True:
        with ports.store.transaction() as tx:
            page = tx.cohort(ports.cycle.begins_on, after, MOST_ASKED)
            found = _outlook(page, tx, ports)
        yield from found  # with no transaction open: its reader may be slow
        if len(page) < MOST_ASKED:
            return
        after = page[-1].id


def _outlook(registrations: Sequence[Registration], tx: RegistrationTransaction, ports: Ports) -> list[Outlook]:
    now = ports.now()
    open_ones = [each for each in registrations if each.state != "released"]
    uses = tx.address_uses({each.address_key for each in open_ones if each.address_key}, ports.cycle.begins_on)
    facts = tx.known_facts(open_ones, ports.cycle.begins_on, japan_date(now))
    judged = judge(
        [candidate_at(each, now, ports.rules.missing_glyphs) for each in open_ones], uses, ports.cycle, facts
    )
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
