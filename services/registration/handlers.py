"""Steps 1 and 2 of the cycle: accept the records of a delivery, judge the cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

import msgspec

from services.registration.domain.cohort import Candidate, CohortCycle, Judgement, is_settled, judge
from services.registration.domain.cohort_holds import is_held
from services.registration.domain.correction import cohort_of
from services.registration.domain.delivery import Delivery, json_row, read_rows
from services.registration.domain.intake import NotApplied, intake_of
from services.registration.domain.look_alikes import LookAlike, look_alikes
from services.registration.domain.record import PRIVATE, PUBLISHABLE, Rules, changed_fields
from services.registration.domain.registration import Registration, announced_record, renewed
from services.registration.domain.rows import ErasedRow, RejectedField
from services.registration.domain.spelling import missing_characters
from services.registration.foreground import Foreground
from services.registration.metrics import JUDGED, NOT_APPLIED, RECORDS, REJECTED
from services.registration.store import RegistrationTransaction, RejectedRow, Store
from shared.addresses import same_address_key
from shared.clock import Clock, japan_date
from shared.cohort_orders import CohortOrders
from shared.errors import Unreadable, cause_of
from shared.events import AssertionIssued, Event, RegistrationHeld, RegistrationRejected, RegistrationReleased
from shared.runtime.batches import RawMessage
from shared.runtime.log import logger
from shared.runtime.rows import in_parts
from shared.soundness import MissingGlyphs

_BATCH = 400  # registrations judged a transaction, in which nobody else writes

log = logger("registration")


@dataclass(frozen=True)
class Ports:
    """What the handlers work with. `settle`: the quiet time after which a delivery is judged. `foreground`: the short
    requests, to which deliveries give way.
    """

    store: Store
    rules: Rules
    cycle: CohortCycle
    settle: timedelta
    now: Clock
    foreground: Foreground = field(default_factory=Foreground)


@dataclass(frozen=True)
class DeliveryResult:
    """What became of the rows of a delivery: each is counted in one of the first five.

    `look_alikes`: of the rows that were taken, each with its row and registration; those registrations are held.
    """

    accepted: int
    unchanged: int
    not_applied: tuple[NotApplied, ...]
    rejected: tuple[RejectedField, ...]
    erased: tuple[ErasedRow, ...] = ()
    look_alikes: tuple[tuple[int | None, str, LookAlike], ...] = ()


def accept(
    delivery: Delivery, source: str, ports: Ports, people: MutableMapping[str, str] | None = None
) -> DeliveryResult:
    """Step 1. Store the records of a delivery; a registration is stored once, however often its record comes.

    Until the issuer has issued its badge, upstream may amend it: what was released is judged once more, as its next
    version. What came after the issue and what is invalid is stored too, with its reason. What is about somebody who
    was erased is left out, at fault or not. When this returns, all is committed. `people` as of `intake_of`: of a
    delivery in parts.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock()
        delivery, erased = delivery.without(tx.erased(delivery.registration_ids))
        known = tx.registrations({record.registration_id for _, record in delivery.records})
        intake = intake_of(delivery.records, known, people)
        tx.insert(intake.new, now)
        tx.update([replace(each, facts_confirmed=False) for each in intake.changed], now, judge=True)
        tx.update(intake.private, now, judge=False)
        tx.add_not_applied(intake.not_applied, source, now)
        tx.judge_address_sharers(intake.left_addresses, now)
        after = [*intake.changed, *intake.private]
        changed = [record for each in after for record in (each.record, known[each.id].record)]
        tx.judge_contradicted({each.person_id for each in changed}, {each.id for each in after}, now)
        tx.look_again([*(record.registration_id for record in intake.new), *(each.id for each in after)], now)
        tx.traced.accept([*(record.registration_id for record in intake.new), *(each.id for each in after)])
        rejected = (*delivery.rejected, *intake.rejected)
        for row in tx.add_rejected([_rejected_row(each, source, now) for each in rejected]):
            tx.announce(_rejection(row))
        # If we die before the commit, nothing is stored and the sender got no answer: it sends the delivery again.
        # If we die after it, the same records are unchanged when they are sent again.
    RECORDS.labels("accepted").inc(intake.accepted)
    RECORDS.labels("unchanged").inc(intake.unchanged)
    RECORDS.labels("erased").inc(len(erased))
    for refused in intake.not_applied:
        for name in refused.fields:
            NOT_APPLIED.labels(name).inc()
    for each in rejected:
        REJECTED.labels(each.problem.field).inc()
    log.info("accepted", source=source, records=intake.accepted, unchanged=intake.unchanged, erased=len(erased))
    if rejected:
        log.warning("rejected", source=source, rows=len({each.row for each in rejected}))
    found = [(row, record.registration_id, each) for row, record in delivery.records for each in look_alikes(record)]
    return DeliveryResult(intake.accepted, intake.unchanged, intake.not_applied, rejected, erased, tuple(found))


def accept_messages(messages: Sequence[RawMessage], ports: Ports) -> None:
    """Step 1, over Kafka. One message is one record; an invalid field rejects the record, as in a file.

    Unreadable for a value that is no JSON object: it names no registration. The inbox is not used: a record that
    upstream changes and changes back has the same bytes twice, and a known record changes nothing anyway.
    """
    rows = [json_row(None, message.value) for message in messages]
    for row in rows:
        if isinstance(row, RejectedField):
            raise Unreadable(f"got {row.problem.got}, expected {row.problem.expected}")
    accept(read_rows(rows, ports.rules), "kafka", ports)


def release(ports: Ports) -> int:
    """Step 2. Judge what has settled: release it to the issuer, or hold it with a reason. Returns how many were judged.

    No registration is released before the cohort's first midnight, or judged while a delivery is still coming in; what
    the office ordered is judged at once. Before that midnight the holds are announced as they would be then, so that
    the office can deal with them in time; who is not held waits.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        if _what_to_judge(tx, now, ports) is None:
            return 0
        tx.lock()
        scope = _what_to_judge(tx, now, ports)  # more of the delivery may have come while we waited for the lock
        if scope is None:
            return 0
        has_begun = now >= ports.cycle.begins_at
        registrations = tx.to_judge(at_once_only=scope == "at-once", foreseen=has_begun, limit=_BATCH)
        judge_now = judging(registrations, tx, ports, now)

        def work(part: Sequence[Registration]) -> Counter[str]:
            judged = list(zip(part, judge_now(part), strict=True))
            if has_begun:
                return _apply(tx, judged, ports, now)
            waiting = [each for each, judgement in judged if judgement.reason is None]
            _foresee(tx, waiting, ports.cycle.cohort, now)
            held = [(each, judgement) for each, judgement in judged if judgement.reason is not None]
            return _apply(tx, held, ports, now) + Counter(waiting=len(waiting))

        def put_aside(registration: Registration, error: Exception) -> None:
            log.error("failed", registration_id=registration.id, cause=cause_of(error, 300))
            _apply(tx, [(registration, Judgement(registration.id, "not-judged", None))], ports, now)
            outcomes["not-judged"] += 1

        outcomes: Counter[str] = Counter()
        for counted in in_parts(tx, registrations, work, put_aside, tick="release"):
            outcomes += counted
        # If we die before the commit, nothing is judged or announced; the next tick comes to the same judgements.
    for outcome, number in outcomes.items():
        JUDGED.labels(outcome).inc(number)
    if registrations:
        log.info("released", cohort=ports.cycle.cohort, **{name.replace("-", "_"): n for name, n in outcomes.items()})
    return len(registrations)


def judging(
    registrations: Sequence[Registration], tx: RegistrationTransaction, ports: Ports, now: datetime
) -> Callable[[Sequence[Registration]], list[Judgement]]:
    """Judges any of `registrations` as of now, by other registrations and the office's orders: those are read once."""
    if not registrations:
        return lambda part: []
    begins_on, missing = ports.cycle.begins_on, ports.rules.missing_glyphs
    uses = tx.address_uses({each.address_key for each in registrations if each.address_key}, begins_on)
    facts = tx.known_facts(registrations, begins_on, japan_date(now))
    orders = tx.cohort_orders()

    def judge_now(part: Sequence[Registration]) -> list[Judgement]:
        return judge([_candidate_at(each, now, missing, orders) for each in part], uses, ports.cycle, facts)

    return judge_now


def _candidate_at(
    registration: Registration, now: datetime, missing_glyphs: MissingGlyphs, orders: CohortOrders
) -> Candidate:
    """The registration as it is judged now."""
    record = registration.record
    return replace(
        registration.judged_by(missing_glyphs),
        confirmed_at=registration.confirmed_by(now),
        cohort_held=is_held(orders, record.valid_from, record.qualification, registration.resumed_at),
    )


def _what_to_judge(tx: RegistrationTransaction, now: datetime, ports: Ports) -> Literal["all", "at-once"] | None:
    has_begun = now >= ports.cycle.begins_at
    due = tx.due(foreseen=has_begun)
    if due is None:
        return None
    # A record that came months before the cycle begins has waited only since the beginning.
    oldest = max(due.oldest, ports.cycle.begins_at) if has_begun else due.oldest
    if is_settled(due.newest, oldest, now, ports.settle):
        return "all"
    return "at-once" if due.any_at_once else None


def _apply(
    tx: RegistrationTransaction, judged: Sequence[tuple[Registration, Judgement]], ports: Ports, now: datetime
) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    results = []
    for registration, judgement in judged:
        events = _events_of(registration, judgement, ports)
        tx.announce(*events)
        # Revisions count announced holds and their ends: a release without an announced hold adds none.
        is_revision = any(isinstance(event, RegistrationHeld | RegistrationReleased) for event in events)
        # What was in the way before a release, or its cohort's hold, is over: since then the registration is complete.
        is_complete = judgement.reason is None or judgement.with_cohort
        confirmed_at = registration.confirmed_by(now) if is_complete else registration.confirmed_at
        results.append((judgement, registration.revision + is_revision, confirmed_at))
        outcomes[(judgement.reason or "released") if events else "unchanged"] += 1
    tx.save_judgements(results, now)
    return outcomes


def _foresee(tx: RegistrationTransaction, registrations: Sequence[Registration], cohort: str, now: datetime) -> None:
    """Nothing holds these any more, or ever did: they wait for their cycle."""
    held = [each for each in registrations if each.state == "held"]
    tx.announce(
        *(RegistrationReleased(registration_id=each.id, cohort=cohort, revision=each.revision + 1) for each in held)
    )
    tx.save_foreseen(
        [(each.id, each.revision + (each.state == "held"), each.confirmed_by(now)) for each in registrations]
    )


def _events_of(registration: Registration, judgement: Judgement, ports: Ports) -> list[Event]:
    """What to announce about a judged registration; nothing if it is held for the same reason as before."""
    cohort = ports.cycle.cohort
    if judgement.notify_from is not None:
        events: list[Event] = []
        if registration.state == "held":
            events.append(
                RegistrationReleased(registration_id=registration.id, cohort=cohort, revision=registration.revision + 1)
            )
        return [*events, renewed(registration, cohort_of(registration), judgement.notify_from)]
    if judgement.reason is None or registration.is_held_as(judgement):
        return []
    return [
        RegistrationHeld(
            registration_id=registration.id,
            person_id=registration.record.person_id,
            name=f"{registration.record.family_name} {registration.record.given_name}",
            qualification=registration.record.qualification,
            cohort=cohort,
            reason=judgement.reason,
            revision=registration.revision + 1,
            first_registration_id=judgement.first_registration_id,
            characters=_lacked(registration, ports) if judgement.reason == "no-glyph" else (),
        )
    ]


def _lacked(registration: Registration, ports: Ports) -> tuple[str, ...]:
    """The characters of the name that no font has, each once."""
    by_field = missing_characters(registration.written, ports.rules.missing_glyphs)
    return tuple(dict.fromkeys(each for found in by_field.values() for each in found))


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 3. These have a badge: from now on only the office corrects them.

    The badge may come while an amendment of upstream waits. It is judged now: released, it corrects the badge; else
    what was issued stands, and the fields of the amendment count as not applied.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock()
        by_version = sorted(tx.claim(events), key=lambda event: event.version)
        newest = {event.award.registration_id: event for event in by_version}
        released = tx.released(newest)
        known = tx.registrations(newest.keys() - released)
        amended = [each for each in known.values() if each.state == "waiting" and not each.is_recalled]
        judged = zip(amended, judging(amended, tx, ports, now)(amended), strict=True)
        correcting = [(each, judgement) for each, judgement in judged if judgement.reason is None]
        _apply(tx, correcting, ports, now)
        others = newest.keys() - released - {each.id for each, _ in correcting}
        _keep_issued([newest[id] for id in sorted(others)], known, tx, ports.cycle.cohort, now)
        tx.note_issued({id: event.version for id, event in newest.items()})
        # If we die before the commit, the events come again; after it, the inbox drops them.


def _keep_issued(
    events: Sequence[AssertionIssued],
    known: Mapping[str, Registration],
    tx: RegistrationTransaction,
    cohort: str,
    now: datetime,
) -> None:
    for event in events:
        before = known.get(event.award.registration_id)
        if before is None:
            continue
        fields = changed_fields(announced_record(event, before.record, before.spelling), before.record) - PRIVATE
        if before.address_key != same_address_key(event.holder.email):
            fields |= {"email"}
        tx.add_not_applied([NotApplied(None, before.id, tuple(sorted(fields)))], "before the issue", now)
        if before.state == "held":
            tx.announce(RegistrationReleased(registration_id=before.id, cohort=cohort, revision=before.revision + 1))
        log.warning("skipped", registration_id=before.id, cause="issued before it was amended", fields=sorted(fields))
    tx.stand_as_issued(events, known)
    # What the amendments said counts no more: it may have held others, and what was issued may hold some.
    ids = {event.award.registration_id for event in events}
    amended = [known[id] for id in ids & known.keys()]
    people = {each.record.person_id for each in amended} | {event.holder.person_id for event in events}
    tx.judge_address_sharers({each.address_key for each in amended if each.address_key is not None}, now)
    tx.judge_contradicted(people, ids, now)
    tx.look_again(ids, now)


def begin_cycle(ports: Ports) -> int:
    """Step 2. Those held until their cycle is ours, or until they are completed, are judged again then; how many."""
    now, begins_on = ports.now(), ports.cycle.begins_on
    with ports.store.transaction() as tx:
        if not tx.waits_for_a_day(begins_on, japan_date(now)):
            return 0
        tx.lock()
        return tx.judge_cohort(begins_on, now) + tx.judge_completed(japan_date(now), now)


def judge_failed(ports: Ports) -> None:
    """At each start. What could not be judged or printed is judged again: by another release, or with more fonts. And
    what waits since an earlier cycle: in ours, others of that cycle count no more.
    """
    with ports.store.transaction() as tx:
        tx.lock()
        tx.judge_failed(ports.cycle.begins_on, ports.now())


def rejected_rows(limit: int, ports: Ports) -> list[RejectedRow]:
    """The rejected rows for the office, newest first."""
    with ports.store.transaction() as tx:
        return tx.rejected(limit)


def _rejected_row(rejected: RejectedField, source: str, now: datetime) -> RejectedRow:
    """The same field of the same row of the same source is one rejection. Its id is a hash of nothing personal."""
    problem = rejected.problem
    got = problem.got if problem.field in PUBLISHABLE else None
    identity = (source, rejected.row, rejected.registration_id, problem.field, got, problem.expected)
    return RejectedRow(
        rejection_id=sha256(msgspec.json.encode(identity)).hexdigest()[:32],
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
