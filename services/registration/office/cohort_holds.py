"""The office's orders about whole cohorts: hold, resume. They stand until the next one."""

from __future__ import annotations

from datetime import datetime

from services.registration.domain.correction import OrderOutcome
from services.registration.store import RegistrationTransaction
from shared.object_keys import is_cohort
from shared.office_events import CohortHoldChanged, OfficeDecided
from shared.programme import Programme


def is_about_a_cohort(decision: OfficeDecided) -> bool:
    """Whether it holds or resumes a cohort, those who come later included.

    Before orders were `lasting`, an order about a cohort did nothing itself.
    """
    return decision.lasting and decision.decision in ("hold-cohort", "resume-cohort")


def carry_out(
    tx: RegistrationTransaction, decision: OfficeDecided, programme: Programme, now: datetime
) -> OrderOutcome:
    """Hold a cohort, or end its hold: also for those who are delivered, completed or released later.

    It is the last of all reasons: a registration that is held for another one too stays on the office's list with that.
    It makes nobody late: a resumed registration is notified in the run for which it was complete in time.
    """
    cohort, qualification = decision.subject, decision.qualification
    if not is_cohort(cohort) or cohort == "0000":
        return OrderOutcome("not-valid", f"cohort: got {cohort!r}, expected a year of four digits")
    if qualification is not None and qualification not in programme.qualifications:
        known = ", ".join(programme.qualifications)
        return OrderOutcome("not-valid", f"qualification: got {qualification!r}, expected one of {known}")
    changed = CohortHoldChanged(
        cohort=cohort,
        qualification=qualification,
        held=decision.decision == "hold-cohort",
        decision_id=decision.decision_id,
        by=decision.by,
        why=decision.why,
        decided_at=decision.decided_at,
        begins_on=programme.cohort_begins_on(cohort),
    )
    if not tx.keep_cohort_order(changed):
        return OrderOutcome("changes-nothing", "got an order from before the one that stands")
    tx.judge_cohort_again(changed.begins_on, qualification, now)
    if changed.held:
        tx.reopen_cohort(changed.begins_on, qualification, now)
    tx.announce(changed)
    return OrderOutcome("done")
