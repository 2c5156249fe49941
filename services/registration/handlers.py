"""Steps 1 and 2 of the cycle: take records in, judge the cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from services.registration.domain.cohort import Cycle, Judgement, is_quiet, judge
from services.registration.domain.delivery import Delivery, Rejected, json_row, read_rows
from services.registration.domain.intake import NotApplied, Standing, intake_of, renewed
from services.registration.domain.registration import PUBLISHABLE, Rules
from services.registration.store import RegistrationTransaction, RejectedRow, Store
from shared.clock import Clock
from shared.errors import Unreadable
from shared.events import (
    Event,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
)
from shared.runtime.batches import RawMessage
from shared.runtime.log import logger
from shared.runtime.metrics import counter

JUDGED_AT_ONCE = 5000  # registrations a transaction: 0.5 s, a tenth of what a stop waits for

log = logger("registration")

_RECORDS = counter("registration_records", "Upstream records taken in, by what they were", ("outcome",))
_REJECTED = counter("registration_rows_rejected", "Fields of rows that couldn't be read", ("field",))
_NOT_APPLIED = counter("registration_changes_not_applied", "Changes by upstream after the issue", ("field",))
_JUDGED = counter("registration_judged", "Registrations judged: released, unchanged, or why held", ("outcome",))


@dataclass(frozen=True)
class Ports:
    store: Store
    rules: Rules
    cycle: Cycle
    settle: timedelta
    now: Clock


@dataclass(frozen=True)
class Accepted:
    """What became of a delivery: of its rows, each is counted in one of the four."""

    accepted: int
    unchanged: int
    not_applied: tuple[NotApplied, ...]
    rejected: tuple[Rejected, ...]


def accept(delivery: Delivery, source: str, ports: Ports) -> Accepted:
    """Step 1. Note the records of a delivery, each registration once however often its record comes.

    What came too late and what couldn't be read is kept too, with its reason. When this returns all of it is durable.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.alone()
        intake = intake_of(delivery.records, tx.standings({record.registration_id for _, record in delivery.records}))
        tx.insert(intake.new, now)
        tx.update(intake.changed, now, judge=True)
        tx.update(intake.amended, now, judge=False)
        tx.note(intake.not_applied, source, now)
        tx.judge_sharers_again(intake.left_addresses, now)
        for row in tx.reject([_rejected_row(each, source, now) for each in delivery.rejected]):
            tx.announce(_rejection(row))
        # Dying before the commit, nothing of the delivery is known and its sender got no answer: it is sent again.
        # Dying after it, the same records are found unchanged when they are sent again.
    _RECORDS.labels("accepted").inc(intake.accepted)
    _RECORDS.labels("unchanged").inc(intake.unchanged)
    for refused in intake.not_applied:
        for field in refused.fields:
            _NOT_APPLIED.labels(field).inc()
    for each in delivery.rejected:
        _REJECTED.labels(each.problem.field).inc()
    log.info("accepted", source=source, records=intake.accepted, unchanged=intake.unchanged)
    if delivery.rejected:
        log.warning("rejected", source=source, rows=delivery.rejected_rows)
    return Accepted(intake.accepted, intake.unchanged, intake.not_applied, delivery.rejected)


def take_in(messages: Sequence[RawMessage], ports: Ports) -> None:
    """Step 1, over Kafka. One message is one record; a wrong field rejects the record, as in a file.

    Unreadable for what isn't a JSON object: nobody could say whose record it was. The inbox is not asked: a record that
    upstream changes and changes back has the same bytes twice, and what is known already changes nothing anyway.
    """
    rows = [json_row(None, message.value) for message in messages]
    for row in rows:
        if isinstance(row, Rejected) and row.problem.field == "row":
            raise Unreadable(f"got {row.problem.got}, expected {row.problem.expected}")
    accept(read_rows(rows, ports.rules), "kafka", ports)


def release(ports: Ports) -> int:
    """Step 2. Judge what has settled: released to the issuer, or held with a reason. How many were judged.

    Nobody is judged before the cohort's first midnight, nor while a delivery is still coming in; what the office
    decided is judged at once.
    """
    now = ports.now()
    if now < ports.cycle.begins_at:
        return 0
    with ports.store.transaction() as tx:
        if _ripe(tx, now, ports) is None:
            return 0
        tx.alone()
        ripe = _ripe(tx, now, ports)  # more of the delivery may have come while we waited
        if ripe is None:
            return 0
        standings = tx.to_judge(at_once_only=ripe == "at-once", limit=JUDGED_AT_ONCE)
        uses = tx.address_uses({s.address_key for s in standings if s.address_key}, ports.cycle.begins_on)
        judgements = judge([standing.candidate for standing in standings], uses, ports.cycle)
        outcomes = _conclude(tx, list(zip(standings, judgements, strict=True)), ports.cycle.cohort, now)
        # Dying before the commit, nobody was judged and nothing said; the next tick judges the same people alike.
    for outcome, number in outcomes.items():
        _JUDGED.labels(outcome).inc(number)
    if standings:
        log.info("released", cohort=ports.cycle.cohort, **{name.replace("-", "_"): n for name, n in outcomes.items()})
    return len(standings)


def _ripe(tx: RegistrationTransaction, now: datetime, ports: Ports) -> Literal["all", "at-once"] | None:
    due = tx.due()
    if due is None:
        return None
    # Who came months before the cycle begins has waited since its beginning only.
    if is_quiet(due.newest, max(due.oldest, ports.cycle.begins_at), now, ports.settle):
        return "all"
    return "at-once" if due.any_at_once else None


def _conclude(
    tx: RegistrationTransaction, judged: Sequence[tuple[Standing, Judgement]], cohort: str, now: datetime
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    results = []
    for standing, judgement in judged:
        events = _facts(standing, judgement, cohort)
        tx.announce(*events)
        # a release that ends no hold is no revision: nobody was told of anything to take back
        told = any(isinstance(event, RegistrationHeld | RegistrationReleased) for event in events)
        results.append((judgement, standing.revision + told))
        outcomes[(judgement.reason or "released") if events else "unchanged"] += 1
    tx.judged(results, now)
    return outcomes


def _facts(standing: Standing, judgement: Judgement, cohort: str) -> list[Event]:
    """What is to be said of a judged registration; nothing if it is held as it was."""
    if judgement.notify_from is not None:
        events: list[Event] = []
        if standing.state == "held":
            events.append(
                RegistrationReleased(registration_id=standing.id, cohort=cohort, revision=standing.revision + 1)
            )
        return [*events, renewed(standing, cohort, judgement.notify_from)]
    if judgement.reason is None or standing.is_as(judgement):
        return []
    return [
        RegistrationHeld(
            registration_id=standing.id,
            person_id=standing.record.person_id,
            name=f"{standing.record.family_name} {standing.record.given_name}",
            qualification=standing.record.qualification,
            cohort=cohort,
            reason=judgement.reason,
            revision=standing.revision + 1,
            first_registration_id=judgement.first_registration_id,
        )
    ]


def begin_cycle(ports: Ports) -> int:
    """Step 2, for those of a later cycle: when theirs has come, who was held for it is judged again. How many."""
    if ports.now() < ports.cycle.begins_at:
        return 0
    with ports.store.transaction() as tx:
        return tx.judge_later_cycle(ports.cycle.begins_on, ports.now())


def rejected_rows(limit: int, ports: Ports) -> list[RejectedRow]:
    """What couldn't be read, for the office: newest first."""
    with ports.store.transaction() as tx:
        return tx.rejected(limit)


def _rejected_row(rejected: Rejected, source: str, now: datetime) -> RejectedRow:
    """The same field of the same row of the same source is one rejection; nothing personal goes into its id."""
    problem = rejected.problem
    got = problem.got if problem.field in PUBLISHABLE else None
    told = (source, rejected.row, rejected.registration_id, problem.field, got, problem.expected)
    return RejectedRow(
        rejection_id=sha256(msgspec.json.encode(told)).hexdigest()[:32],
        source=source,
        row=rejected.row,
        field=problem.field,
        got=got,
        expected=problem.expected,
        registration_id=rejected.registration_id,
        received_at=now,
    )


def _rejection(row: RejectedRow) -> RegistrationRejected:
    return RegistrationRejected(
        rejection_id=row.rejection_id,
        source=row.source,
        row=row.row,
        field=row.field,
        expected=row.expected,
        got=row.got,
    )
