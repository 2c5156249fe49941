"""The rehearsal of a cohort: ask all services, judge the answers. No row, event or object changes, no letter leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from services.ops.ports import Ports
from services.ops.rehearsal.answers import Rehearsal
from services.ops.rehearsal.durations import Rates
from services.ops.rehearsal.judgement import question_for, rehearsal
from shared.office_answers import CohortAnswer
from shared.programme import Programme


def rehearse(ports: Ports, programme: Programme, cohort: str | None) -> Rehearsal:
    """Of `cohort`, or of the one that registration is set to. NotFound for one that the calendar doesn't have.

    It takes as long as the slowest answer, within the timeouts: a minute for the dry run of the cohort, then some
    seconds for all checks together.
    """
    around = ports.around
    found = around.cohort(cohort)
    known = found if isinstance(found, CohortAnswer) else None
    rates = last_rates(ports, None if known is None else known.cohort)
    question = question_for(known, rates)
    with ThreadPoolExecutor(1, "rehearsal") as beside:
        asking = beside.submit(around.own, question)
        services = around.services(question)
        own = asking.result()
    if not isinstance(found, CohortAnswer):
        own = [found, *own]
    return rehearsal(ports.now(), known, services, own, rates, programme)


def last_rates(ports: Ports, cohort: str | None) -> Rates:
    """How fast the last run was, up to that of `cohort`."""
    with ports.store.transaction() as tx:
        tx.cursor.execute("set transaction read only")
        return tx.board.last_rates(cohort)
