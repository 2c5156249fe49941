"""Orders of the office: revoke, correct, resume, undo a cohort, issue it again, rebuild a service.

An order is written down and announced in one transaction, once however often it is given. The service that carries it
out announces the outcome (`DecisionSettled`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from services.ops.board.cohort_orders import held_for, parts_of, whole_of
from services.ops.board.decisions import (
    LASTING,
    REBUILD,
    RESUMABLE,
    SCRUB,
    AlreadyDecidedError,
    Bulk,
    DecisionLine,
    DryRun,
    ListedPerson,
    Selected,
    VersionLine,
    correct_target,
    differences,
    digest_of,
    recorded_correction,
    resume_target,
    revoke_target,
)
from services.ops.board.rebuilds import producers_of, rebuild_name
from services.ops.board.scrubs import scrub_name, scrubbers_of
from services.ops.metrics import ORDERED
from services.ops.ports import Ports
from services.ops.queries import unknown_registration
from services.ops.store.decisions import DecisionRows, Order
from services.ops.store.events import OpsTransaction
from shared.errors import NotFound
from shared.office_events import Correction, Decision, OfficeDecided, RebuildOrdered, ScrubOrdered
from shared.paper_events import PaperLine
from shared.runtime.log import logger

log = logger("ops")


@dataclass(frozen=True)
class Attribution:
    """Who orders, and why: stays on record."""

    by: str
    why: str


# ── one person ──────────────────────────────────────────────────────────────────────────────────────────


def revoke(ports: Ports, id: str, who: Attribution) -> DecisionLine:
    """Order the revocation of a badge: `id` is the assertion's, or the registration's for its newest. Idempotent.

    NotFound. AlreadyDecidedError when the badge is revoked already, or not issued yet.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        version = _version(tx, id)
        target = revoke_target(version.assertion_id)
        earlier = tx.decisions.active_order(target)
        if earlier is not None and earlier.outcome is None:
            return ordered_before(earlier)
        if version.revoked_at is not None or earlier is not None:
            ORDERED.labels("revoke", "revoked-before").inc()
            raise AlreadyDecidedError(_revoked(version, earlier))
        return announced(tx, "revoke", version.assertion_id, target, who, now, target=target)


def correct(ports: Ports, registration_id: str, version: int, correction: Correction, who: Attribution) -> DecisionLine:
    """Order a badge to be issued again, corrected. `version` is the one that the office was looking at. Idempotent.

    NotFound. AlreadyDecidedError when the registration has changed since, another correction is pending, or it is not
    released to the issuer yet. The content is validated by the service registration, not here.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        known = tx.decisions.facts(registration_id)
        person = tx.board.person(registration_id)
        if person is None or known is None:
            raise unknown_registration(tx, registration_id)
        newest, facts = known
        if person.assertion_id is None and (person.held or person.eligible_at is None):
            raise AlreadyDecidedError("it is not released yet: have the record corrected upstream, which releases it")
        target = correct_target(registration_id, version + 1)
        earlier = tx.decisions.active_order(target)
        if earlier is not None:
            if recorded_correction(correction) == earlier.correction and "email" not in correction.changes:
                return ordered_before(earlier)
            ORDERED.labels("correct", "under-way").inc()
            raise AlreadyDecidedError(
                f"{earlier.by} corrected this registration at {earlier.at:%H:%M:%S}Z: look at it again"
            )
        if newest != version:
            ORDERED.labels("correct", "changed-since").inc()
            raise AlreadyDecidedError(f"got version {version}, expected {newest}: it was corrected since, look again")
        if correction.changes and not differences(facts, correction):
            ORDERED.labels("correct", "changes-nothing").inc()
            raise AlreadyDecidedError("nothing in this correction differs from the registration")
        return announced(
            tx,
            "correct",
            registration_id,
            target,
            who,
            now,
            target=target,
            correction=correction,
            version=version + 1,
        )


def resume(ports: Ports, registration_id: str, who: Attribution, reason: str | None = None) -> DecisionLine:
    """Order a held registration to be released as it is, whatever other records say. Idempotent.

    `reason`: of the hold that the office was looking at; None: any. NotFound. AlreadyDecidedError when it is not held,
    for another reason since, or for one that only another record ends.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        person = tx.board.person(registration_id)
        if person is None:
            raise unknown_registration(tx, registration_id)
        if not person.held or person.held_reason not in RESUMABLE:
            got = f"held as {person.held_reason}" if person.held else person.state
            raise AlreadyDecidedError(f"it is {got}, expected one held as {', '.join(sorted(RESUMABLE))}")
        if reason is not None and reason != person.held_reason:
            ORDERED.labels("resume", "changed-since").inc()
            raise AlreadyDecidedError(f"it was held as {reason}, and is held as {person.held_reason} since: look again")
        target = resume_target(registration_id, person.held_at)
        earlier = tx.decisions.active_order(target)
        if earlier is not None:
            return ordered_before(earlier)
        return announced(tx, "resume", registration_id, target, who, now, target=target)


def announced(
    tx: OpsTransaction,
    decision: Decision,
    subject: str,
    name: str,
    who: Attribution,
    now: datetime,
    *,
    target: str | None = None,
    value: str | None = None,
    correction: Correction | None = None,
    version: int | None = None,
    paper: Sequence[PaperLine] = (),
    shipper: str | None = None,
    once: bool = False,
) -> DecisionLine:
    """Note and announce an order, numbered after earlier ones of this `name`.

    `target`: what it brings about, where two orders must not do the same. `once`: unless one of this `name` is pending,
    which then is the answer. The others as in `OfficeDecided`.
    """
    if once and (earlier := tx.decisions.pending_order(name)) is not None:
        return ordered_before(earlier)
    event = OfficeDecided(
        decision_id=tx.decisions.next_id(name),
        decision=decision,
        subject=subject,
        by=who.by,
        why=who.why,
        decided_at=now,
        value=value,
        correction=correction,
        version=version,
        paper=tuple(paper),
        shipper=shipper,
    )
    tx.decisions.note_orders([Order(event, target)])
    tx.announce(event)
    # Dying before the commit: nothing was ordered, and the caller got no answer. After it the outbox has the order.
    ORDERED.labels(event.decision, "announced").inc()
    log.info("decided", decision=event.decision, decision_id=event.decision_id, subject=event.subject)
    return _written(tx, event.decision_id)


def _written(tx: OpsTransaction, id: str) -> DecisionLine:
    line = tx.decisions.decision(id)
    if line is None:
        raise LookupError(f"got no order {id}, expected the one that this transaction wrote")
    return line


def ordered_before(order: DecisionLine) -> DecisionLine:
    """The order that was given already."""
    ORDERED.labels(order.decision, "ordered-before").inc()
    return order


def _version(tx: OpsTransaction, id: str) -> VersionLine:
    registration_id = tx.decisions.registration_of(id)
    if registration_id is not None:
        return next(version for version in tx.decisions.versions(registration_id) if version.assertion_id == id)
    if tx.board.person(id) is None:
        raise unknown_registration(tx, id)
    versions = tx.decisions.versions(id)
    if not versions:
        raise AlreadyDecidedError(f"registration {id} has no badge yet: hold it instead, or wait until it is issued")
    return versions[0]


def _revoked(version: VersionLine, order: DecisionLine | None) -> str:
    if version.revoked_at is not None:
        replaced = f", replaced by {version.replaced_by}" if version.replaced_by else ""
        return f"{version.assertion_id} was revoked at {version.revoked_at:%Y-%m-%d %H:%M}Z{replaced}"
    return f"{version.assertion_id} was revoked by {order.by if order else 'somebody'}"


ToServices = TypeVar("ToServices", RebuildOrdered, ScrubOrdered)


# ── a service that lost what it knew ────────────────────────────────────────────────────────────────────

_PENDING = timedelta(minutes=10)
"""For how long an order to several services that has no outcome yet is not given once more."""


def rebuild(ports: Ports, reader: str, producer: str | None, who: Attribution, *, is_dry_run: bool) -> DecisionLine:
    """Order the producers (None: all) to announce again what `reader` reads; a dry run only counts. Idempotent.

    ValueError for an unknown service, or a producer of which `reader` reads nothing.
    """
    producers_of(reader, producer)

    def order(decision_id: str, now: datetime) -> RebuildOrdered:
        return RebuildOrdered(
            decision_id=decision_id,
            reader=reader,
            by=who.by,
            why=who.why,
            ordered_at=now,
            producer=producer,
            dry_run=is_dry_run,
        )

    return _order_services(
        ports, REBUILD, rebuild_name(reader, producer, is_dry_run=is_dry_run), order, DecisionRows.note_rebuilds
    )


# ── object storage ──────────────────────────────────────────────────────────────────────────────────────


def scrub(ports: Ports, subject: str, who: Attribution, *, repair: bool) -> DecisionLine:
    """Order `subject`, a service or all, to compare its tables with object storage. Idempotent.

    ValueError for a service that has no objects.
    """
    scrubbers_of(subject)

    def order(decision_id: str, now: datetime) -> ScrubOrdered:
        return ScrubOrdered(
            decision_id=decision_id, subject=subject, repair=repair, by=who.by, why=who.why, ordered_at=now
        )

    name = scrub_name(subject, repair=repair)
    return _order_services(ports, SCRUB, name, order, DecisionRows.note_scrubs)


def _order_services(
    ports: Ports,
    decision: str,
    name: str,
    order: Callable[[str, datetime], ToServices],
    note: Callable[[DecisionRows, Sequence[ToServices]], None],
) -> DecisionLine:
    """Note and announce the `order` of a decision_id and now, unless one of this name is pending: then that one."""
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        earlier = tx.decisions.pending_named(name, now - _PENDING)
        if earlier is not None:
            return ordered_before(earlier)
        event = order(tx.decisions.next_id(name), now)
        note(tx.decisions, [event])
        tx.announce(event)
        # Dying before the commit: nothing was ordered. After it the outbox has the order.
        line = _written(tx, event.decision_id)
    ORDERED.labels(decision, "announced").inc()
    log.info("decided", decision=decision, decision_id=event.decision_id, **{event.about: event.key})
    return line


# ── a whole cohort ──────────────────────────────────────────────────────────────────────────────────────


_YEAR = re.compile("[1-9][0-9]{3}")


class ListChangedError(AlreadyDecidedError):
    """The list differs from the one that the office looked at: look at it again."""


def dry_run(ports: Ports, act: Bulk, selected: Selected) -> DryRun:
    """The people that an order for a whole cohort would affect now. Changes nothing."""
    with ports.store.transaction() as tx:
        return _dry_run(tx, act, selected)


def apply(ports: Ports, act: Bulk, selected: Selected, digest: str, who: Attribution) -> DecisionLine:
    """Order it for exactly the people of the list with this digest: one order each, all of them or none.

    A hold of a cohort and its end are about those who come later, too: so the list may be empty.
    ListChangedError when the list is a different one by now. Applying it twice orders nothing the second time: people
    with a pending order are on no list.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        run = _dry_run(tx, act, selected)
        if run.digest != digest:
            ORDERED.labels(act, "list-changed").inc()
            raise ListChangedError(
                f"got digest {digest}, expected {run.digest}: the list has changed, it has {run.count} people now."
                " Look at it again"
            )
        earlier = tx.decisions.pending_of_cohort(act, selected) if act in LASTING and not run.people else None
        if earlier is not None:
            return ordered_before(earlier)
        if not run.is_needed:
            ORDERED.labels(act, "nobody").inc()
            raise ListChangedError(_nothing_to_do(run))
        id = tx.decisions.next_id(f"{act}/{selected.cohort}/{digest}")
        whole = whole_of(act, id, selected, run.count, who.by, who.why, now)
        parts = [Order(event, target) for event, target in parts_of(whole, act, run.people)]
        tx.decisions.note_orders([Order(whole, None), *parts])
        tx.announce(whole, *(part.event for part in parts))
        # Dying before the commit: nothing was ordered. After it every order is in the outbox, however often a service
        # dies while they are carried out; the list on record is the orders themselves.
        line = _written(tx, id)
    ORDERED.labels(act, "announced").inc()
    log.info("decided", decision=act, decision_id=id, people=run.count)
    return line


_LISTS: dict[Bulk, Callable[[DecisionRows, Selected], tuple[list[ListedPerson], int]]] = {
    "undo": DecisionRows.to_undo,
    "reissue": DecisionRows.to_reissue,
    "hold-cohort": DecisionRows.to_hold,
    "resume-cohort": DecisionRows.to_resume,
}


def _nothing_to_do(run: DryRun) -> str:
    if run.held is not None:
        return f"it is held already, since {run.held.since:%Y-%m-%d %H:%M}Z by {run.held.by}: nothing is to be done"
    return "nobody is on this list: nothing is to be done"


def _dry_run(tx: OpsTransaction, act: Bulk, selected: Selected) -> DryRun:
    held = None
    if act in LASTING:
        if not _YEAR.fullmatch(selected.cohort):
            raise NotFound(f"got cohort {selected.cohort!r}, expected a year of four digits")
        held = held_for(act, tx.cohort_orders.all(), selected)
    people, left_out = _LISTS[act](tx.decisions, selected)
    return DryRun(
        act=act,
        selected=selected,
        count=len(people),
        left_out=left_out,
        digest=digest_of(act, selected, people),
        people=people,
        held=held,
    )
