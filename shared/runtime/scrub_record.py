"""The rows of a scrub: which pass is under way, how far it is, what it found. Used by issuer, anchor and renderer.

A pass is ordered by the office, or begins by itself every SCRUB_HOURS. Its place is committed after each page, so that
the next process goes on where one died.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from shared.office_events import DecisionSettled, ObjectsScrubbed, ScrubCount, ScrubFault, ScrubOrdered
from shared.retry import due_at, has_passed, is_due_sql
from shared.runtime.db import Database, Transaction
from shared.runtime.metrics import SCRUB_FAULTS

Found = Literal["missing", "different", "only-stored"]

ALL = "all"
"""The subject of an order to every service that has objects."""
REPAIRED, ADOPTED, WAITS = "repaired", "adopted", "waits"
"""Outcomes. `waits`: on an object of another service, which repairs it in its own pass. The others say why not."""
SETTLED = (REPAIRED, ADOPTED)

_NAMED = 20
_TOLD_EVERY = 2000  # objects, while somebody waits for the end
_LONGEST_WAIT = timedelta(hours=6)  # for the pass of another service
_SOONER = 24  # times: the next pass, when something could not be put right in this one


@dataclass(frozen=True)
class Pass:
    """One comparison of tables and storage, and its place: the step, and the last object of it that is done."""

    scrub_id: str
    subject: str
    is_ordered: bool
    repair: bool
    step: int
    after: str


def note_ordered(tx: Transaction, events: Sequence[ScrubOrdered], before: str | None) -> None:
    """Take orders on. One to all services waits until that `before` this one has finished: we need what it repairs."""
    for order in events:
        if order.subject in (ALL, tx.service):
            waits_for = before if order.subject == ALL else None
            _begin(tx, order.decision_id, order.subject, repair=order.repair, is_ordered=True, waits_for=waits_for)


def note_finished(tx: Transaction, events: Sequence[ObjectsScrubbed], before: str) -> None:
    """The service `before` this one has finished: our pass need not wait; where it repaired something, we look now.

    Its order to all services has the same key as ours, so it was read before this.
    """
    for event in events:
        if event.service != before or not event.finished:
            continue
        released = tx.cursor.execute(
            "update scrubs set waits_for = null, started_at = %s where scrub_id = %s and waits_for = %s",
            (tx.now(), event.scrub_id, before),
        )
        if not released.rowcount and event.repair and any(count.repaired for count in event.counts):
            _begin(tx, f"{tx.service}/after/{event.scrub_id}", tx.service, repair=True)


def begin_if_due(tx: Transaction, hours: float) -> None:
    """Begin a pass by itself when the last one began `hours` ago, and none is under way. 0 hours: never."""
    if not hours or not _is_due(tx, hours):
        return
    tx.cursor.execute("select pg_advisory_xact_lock(hashtext('scrub/begin'), hashtext(current_schema()))")
    if _is_due(tx, hours):  # another replica may have begun it
        _begin(tx, f"{tx.service}/{tx.now().isoformat()}", tx.service, repair=True)


def _is_due(tx: Transaction, hours: float) -> bool:
    now, pause = tx.now(), timedelta(hours=hours)
    last = tx.cursor.execute(
        "select started_at, exists (select from scrubs where not is_ordered and finished_at is null),"
        " exists (select from scrub_faults as fault"
        " where fault.scrub_id = scrubs.scrub_id and outcome is not null and outcome <> all(%s)"
        " and found <> 'only-stored')"
        " from scrubs where not is_ordered order by started_at desc limit 1",
        (list(SETTLED),),
    ).fetchone()
    if last is None:
        return True
    started_at, is_running, is_left = last
    return not is_running and has_passed(pause / _SOONER if is_left else pause, started_at, now)


def _begin(
    tx: Transaction,
    scrub_id: str,
    subject: str,
    *,
    repair: bool,
    is_ordered: bool = False,
    waits_for: str | None = None,
) -> None:
    row = {
        "scrub_id": scrub_id,
        "subject": subject,
        "is_ordered": is_ordered,
        "repair": repair,
        "waits_for": waits_for,
        "started_at": tx.now(),
    }
    tx.insert_rows("scrubs", [row])


def next_pass(tx: Transaction) -> Pass | None:
    """The pass to go on with: those that somebody waits for come first.

    One that waits for another service's pass goes on without it after `_LONGEST_WAIT`: that answer was lost.
    """
    return tx.fetch_one(
        Pass,
        "select scrub_id, subject, is_ordered, repair, step, after from scrubs"
        f" where finished_at is null and (waits_for is null or {is_due_sql('started_at')})"
        " order by is_ordered desc, started_at, scrub_id limit 1",
        due_at(tx.now() - _LONGEST_WAIT, _LONGEST_WAIT),
    )


# ── what is found ───────────────────────────────────────────────────────────────────────────────────────


def note_fault(tx: Transaction, it: Pass, kind: str, key: str, found: Found, outcome: str | None = None) -> None:
    row = {
        "scrub_id": it.scrub_id,
        "key": key,
        "kind": kind,
        "found": found,
        "outcome": outcome,
        "noticed_at": tx.now(),
    }
    tx.insert_rows("scrub_faults", [row], "(scrub_id, key) do update set found = excluded.found")


def note_outcome(tx: Transaction, it: Pass, key: str, outcome: str) -> None:
    tx.cursor.execute(
        "update scrub_faults set outcome = %s where scrub_id = %s and key = %s", (outcome, it.scrub_id, key)
    )


def go_on(tx: Transaction, it: Pass, kind: str, after: str, intact: Sequence[str], checked: int) -> None:
    """The page is done. An object that was at fault at its first look and is `intact` now was repaired in between."""
    if it.repair:
        tx.cursor.execute(
            "update scrub_faults set outcome = %s where scrub_id = %s and outcome is null and key = any(%s)",
            (REPAIRED, it.scrub_id, list(intact)),
        )
    before = int(_checked(tx, it))
    tx.insert_rows(
        "scrub_counts",
        [{"scrub_id": it.scrub_id, "kind": kind, "checked": checked}],
        "(scrub_id, kind) do update set checked = scrub_counts.checked + excluded.checked",
    )
    tx.cursor.execute("update scrubs set after = %s where scrub_id = %s", (after, it.scrub_id))
    if it.is_ordered and before // _TOLD_EVERY < (before + checked) // _TOLD_EVERY:
        tx.announce(_report(tx, it, finished=False))


def next_step(tx: Transaction, it: Pass) -> None:
    tx.cursor.execute("update scrubs set step = step + 1, after = '' where scrub_id = %s", (it.scrub_id,))


def finish(tx: Transaction, it: Pass) -> ObjectsScrubbed:
    """The pass is over: its report is announced, with the outcome of its order. Earlier passes are forgotten."""
    report = _report(tx, it, finished=True)
    rows = tx.cursor.execute(
        "select kind, count(*) filter (where found <> 'only-stored' and (outcome is null or outcome <> all(%s)))"
        " from scrub_faults where scrub_id = %s group by kind",
        (list(SETTLED), it.scrub_id),
    )
    left: dict[str, int] = dict(rows.fetchall())
    for count in report.counts:
        SCRUB_FAULTS.labels(count.kind).set(left.get(count.kind, 0))
    tx.announce(report)
    if it.is_ordered:
        checked = sum(count.checked for count in report.counts)
        tx.announce(
            DecisionSettled(
                decision_id=it.scrub_id,
                subject=it.subject,
                service=tx.service,
                outcome="at-fault" if sum(left.values()) else "done",
                settled_at=report.at,
                detail=f"{checked} objects, {sum(left.values())} at fault",
            )
        )
    tx.cursor.execute("update scrubs set finished_at = %s where scrub_id = %s", (report.at, it.scrub_id))
    tx.cursor.execute(
        "delete from scrubs where finished_at is not null and is_ordered = %s and scrub_id <> %s",
        (it.is_ordered, it.scrub_id),
    )
    return report


def report_faults(database: Database[Any]) -> int:
    """Set the gauges by the last pass that was finished, whichever replica did it. Returns 0: acts on no row."""
    with database.transaction() as tx:
        rows = tx.cursor.execute(
            "select kind, count(scrub_faults.key) filter (where found <> 'only-stored'"
            "  and (outcome is null or outcome <> all(%s)))"
            " from (select scrub_id from scrubs where finished_at is not null order by finished_at desc limit 1) last"
            " join scrub_counts using (scrub_id) left join scrub_faults using (scrub_id, kind) group by kind",
            (list(SETTLED),),
        ).fetchall()
    for kind, faults in rows:
        SCRUB_FAULTS.labels(kind).set(faults)
    return 0


def _checked(tx: Transaction, it: Pass) -> int:
    return int(tx.fetch_value("select coalesce(sum(checked), 0) from scrub_counts where scrub_id = %s", (it.scrub_id,)))


def _report(tx: Transaction, it: Pass, *, finished: bool) -> ObjectsScrubbed:
    counts = tx.fetch_all(
        ScrubCount,
        "select kind, coalesce(looked.checked, 0) as checked, coalesce(missing, 0) as missing,"
        " coalesce(different, 0) as different, coalesce(only_stored, 0) as only_stored,"
        " coalesce(repaired, 0) as repaired, coalesce(adopted, 0) as adopted"
        " from (select kind, checked from scrub_counts where scrub_id = %(id)s) looked"
        " full join (select kind, count(*) filter (where found = 'missing') as missing,"
        "  count(*) filter (where found = 'different') as different,"
        "  count(*) filter (where found = 'only-stored') as only_stored,"
        "  count(*) filter (where outcome = 'repaired') as repaired,"
        "  count(*) filter (where outcome = 'adopted') as adopted"
        "  from scrub_faults where scrub_id = %(id)s group by kind) faults using (kind) order by kind",
        {"id": it.scrub_id},
    )
    named = tx.fetch_all(
        ScrubFault,
        "select key, found, outcome from scrub_faults where scrub_id = %s"
        " order by coalesce(outcome = any(%s), false), found = 'only-stored', key limit %s",
        (it.scrub_id, list(SETTLED), _NAMED),
    )
    return ObjectsScrubbed(
        scrub_id=it.scrub_id,
        subject=it.subject,
        service=tx.service,
        repair=it.repair,
        counts=tuple(counts),
        named=tuple(named),
        started_at=tx.fetch_value("select started_at from scrubs where scrub_id = %s", (it.scrub_id,)),
        at=tx.now(),
        finished=finished,
    )
