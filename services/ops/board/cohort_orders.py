"""Orders for a whole cohort: the order for each of its people, and the holds of cohorts that stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class CohortOrder:
    """The latest order about one cohort, or (`qualification`) about one qualification of it, that is carried out."""

    cohort: str
    qualification: str | None
    held: bool
    decision_id: str
    decided_by: str
    why: str
    decided_at: datetime


class CohortOrders:
    """What registration has carried out, as it stands now."""

    def __init__(self, orders: Iterable[CohortOrder]) -> None:
        self._orders = {(each.cohort, each.qualification): each for each in orders}

    def held(self) -> list[HeldCohort]:
        """The holds that stand, in order of cohorts; one about a whole cohort names what was resumed since."""
        return [
            _held(order, self._resumed(order))
            for (_, qualification), order in sorted(
                self._orders.items(), key=lambda item: (item[0][0], item[0][1] or "")
            )
            if order.held and (qualification is None or self._stands_alone(order))
        ]

    def ended_by(self, selected: Selected) -> HeldCohort | None:
        """The first hold that resuming this cohort, or this qualification of it, would end."""
        of = selected.qualification
        if of is not None:
            return self.on(selected.cohort, of)
        return next((each for each in self.held() if each.cohort == selected.cohort), None)

    def on(self, cohort: str, qualification: str | None) -> HeldCohort | None:
        """The hold under which all of these people are; None if some of them are not held by one."""
        whole = self._orders.get((cohort, None))
        if qualification is None:
            return _held(whole, ()) if whole and whole.held and not self._resumed(whole) else None
        single = self._orders.get((cohort, qualification))
        latest = max((each for each in (single, whole) if each), key=lambda each: each.decided_at, default=None)
        return _held(latest, ()) if latest and latest.held else None

    def _resumed(self, whole: CohortOrder) -> tuple[str, ...]:
        """The qualifications that were resumed after the hold of the whole cohort."""
        if whole.qualification is not None:
            return ()
        return tuple(
            sorted(
                each.qualification
                for each in self._orders.values()
                if each.cohort == whole.cohort and each.qualification and not each.held and self._counts(each)
            )
        )

    def _stands_alone(self, single: CohortOrder) -> bool:
        whole = self._orders.get((single.cohort, None))
        return whole is None or (not whole.held and self._counts(single))

    def _counts(self, single: CohortOrder) -> bool:
        """Whether it was decided later than what was ordered of the whole cohort."""
        whole = self._orders.get((single.cohort, None))
        return whole is None or whole.decided_at <= single.decided_at


def _held(order: CohortOrder, resumed: Sequence[str]) -> HeldCohort:
    return HeldCohort(
        cohort=order.cohort,
        qualification=order.qualification,
        since=order.decided_at,
        by=order.decided_by,
        why=order.why,
        decision_id=order.decision_id,
        resumed=list(resumed),
    )
