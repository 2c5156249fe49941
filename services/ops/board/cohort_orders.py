"""Orders for a whole cohort: the order for each of its people, and the holds of cohorts that stand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from services.ops.board.decisions import (
    LASTING,
    Bulk,
    HeldCohort,
    ListedPerson,
    Selected,
    correct_target,
    revoke_target,
)
from shared.cohort_orders import CohortOrder, CohortOrders
from shared.office_events import Correction, Decision, OfficeDecided

_PART: dict[Bulk, Decision] = {
    "undo": "revoke",
    "reissue": "correct",
    "hold-cohort": "hold",
    "resume-cohort": "resume",
}
"""What is ordered for each person."""


def whole_of(act: Bulk, id: str, selected: Selected, people: int, by: str, why: str, now: datetime) -> OfficeDecided:
    """The order about the cohort itself, for so many people."""
    return OfficeDecided(
        decision_id=id,
        decision=act,
        subject=selected.cohort,
        by=by,
        why=why,
        decided_at=now,
        value=str(people),
        lasting=act in LASTING,
        qualification=selected.qualification if act in LASTING else None,
    )


def parts_of(
    whole: OfficeDecided, act: Bulk, people: Sequence[ListedPerson]
) -> Iterator[tuple[OfficeDecided, str | None]]:
    """The order for each of `people`, with its target, as part of `whole`."""
    correction = Correction() if act == "reissue" else None
    for person in people:
        subject, version, target = person.registration_id, None, None
        if act == "undo":
            subject, target = person.assertion_id, revoke_target(person.assertion_id)
        elif act == "reissue":
            version = person.version + 1
            target = correct_target(subject, version)
        event = OfficeDecided(
            decision_id=f"{whole.decision_id}/{subject}",
            decision=_PART[act],
            subject=subject,
            by=whole.by,
            why=whole.why,
            decided_at=whole.decided_at,
            correction=correction,
            part_of=whole.decision_id,
            version=version,
            lasting=whole.lasting,
        )
        yield event, target


def held_cohorts(orders: CohortOrders) -> list[HeldCohort]:
    """The holds that stand, in order of cohorts; one about a whole cohort names what was resumed since."""
    return [_held(order, orders) for order in orders.held()]


def held_for(act: Bulk, orders: CohortOrders, selected: Selected) -> HeldCohort | None:
    """Of an order to hold the one that holds all of these already; of one to resume the first that it ends."""
    found = orders.on(selected.cohort, selected.qualification)
    if found is None and act == "resume-cohort" and selected.qualification is None:
        found = next((each for each in orders.held() if each.cohort == selected.cohort), None)
    return None if found is None else _held(found, orders)


def _held(order: CohortOrder, orders: CohortOrders) -> HeldCohort:
    return HeldCohort(
        cohort=order.cohort,
        qualification=order.qualification,
        since=order.decided_at,
        by=order.decided_by,
        why=order.why,
        decision_id=order.decision_id,
        resumed=orders.resumed(order),
    )
