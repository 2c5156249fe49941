"""What the office orders: to revoke, to correct, to undo a cohort, to issue it again; each once, on record, announced.

An order is written down and announced in one transaction. Who carries it out says what became of it (DecisionSettled).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ops.board.counts import Person
from services.ops.board.decisions import (
    Bulk,
    DecisionLine,
    DryRun,
    Facts,
    Life,
    ListedPerson,
    Selected,
    Version,
    correct_target,
    differences,
    digest_of,
    numbered,
    revoke_target,
    told_of,
)
from services.ops.handlers import AlreadyDecidedError, Ports
from services.ops.store.decisions import Order
from services.ops.store.events import OpsTransaction
from shared.errors import NotFound
from shared.events import Correction, Decision, OfficeDecided
from shared.runtime.log import logger
from shared.runtime.metrics import counter

log = logger("ops")

_ORDERED = counter("ops_orders", "Orders of the office: announced, or why not", ("decision", "outcome"))


@dataclass(frozen=True)
class By:
    """Who orders, and why: on record for good."""

    by: str
    why: str


# ── one person ──────────────────────────────────────────────────────────────────────────────────────────


def life(ports: Ports, registration_id: str) -> Life:
    """All that is known of a registration. NotFound."""
    with ports.store.transaction() as tx:
        person, version, facts = _person(tx, registration_id)
        return Life(
            registration_id=registration_id,
            cohort=person.cohort,
            qualification=person.qualification,
            name=person.name,
            state=person.state,
            reason=person.reason,
            since=person.since,
            version=version,
            assertion_id=person.assertion_id,
            facts=facts,
            versions=tx.versions(registration_id),
            letters=tx.life_letters(registration_id),
            decisions=tx.decisions(registration_id, limit=200),
        )


def revoke(ports: Ports, id: str, order: By) -> DecisionLine:
    """Have a badge revoked: `id` is the assertion's, or the registration's for its newest. Twice is one order.

    NotFound; AlreadyDecidedError when it is revoked already, or not issued yet.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock_orders()
        version = _version(tx, id)
        target = revoke_target(version.assertion_id)
        standing = tx.standing_order(target)
        if standing is not None and standing.outcome is None:
            return _counted(standing, "ordered-before")
        if version.revoked_at is not None or standing is not None:
            _ORDERED.labels("revoke", "revoked-before").inc()
            raise AlreadyDecidedError(_revoked(version, standing))
        event = OfficeDecided(
            decision_id=numbered(target, tx.refused_before(target)),
            decision="revoke",
            subject=version.assertion_id,
            by=order.by,
            why=order.why,
            decided_at=now,
        )
        return _given(tx, event, target)


def correct(ports: Ports, registration_id: str, version: int, correction: Correction, order: By) -> DecisionLine:
    """Have a badge issued once more, corrected. `version` is the one that the office was looking at.

    The same order twice is one. NotFound; AlreadyDecidedError when the registration has changed since, another
    correction is on its way, or nothing is issued yet. Whether the content can be is registration's to say.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock_orders()
        person, newest, facts = _person(tx, registration_id)
        if person.assertion_id is None:
            raise AlreadyDecidedError("no badge is issued yet: correct the record upstream, or the address")
        target = correct_target(registration_id, version + 1)
        standing = tx.standing_order(target)
        if standing is not None:
            if told_of(correction) == tx.told_correction(standing.id) and "email" not in _given_fields(correction):
                return _counted(standing, "ordered-before")
            _ORDERED.labels("correct", "under-way").inc()
            raise AlreadyDecidedError(
                f"{standing.by} corrected this registration at {standing.at:%H:%M:%S}Z: look at it again"
            )
        if newest != version:
            _ORDERED.labels("correct", "changed-since").inc()
            raise AlreadyDecidedError(f"got version {version}, expected {newest}: it was corrected since, look again")
        if _given_fields(correction) and not differences(facts, correction):
            _ORDERED.labels("correct", "changes-nothing").inc()
            raise AlreadyDecidedError("nothing in this correction differs from what stands")
        event = OfficeDecided(
            decision_id=numbered(target, tx.refused_before(target)),
            decision="correct",
            subject=registration_id,
            by=order.by,
            why=order.why,
            decided_at=now,
            correction=correction,
        )
        return _given(tx, event, target)


def _given(tx: OpsTransaction, event: OfficeDecided, target: str) -> DecisionLine:
    tx.note_orders([Order(event, target)])
    tx.announce(event)
    # Dying before the commit nothing was ordered and nobody was told so; after it the order is on its way for good.
    _ORDERED.labels(event.decision, "announced").inc()
    log.info("decided", decision=event.decision, decision_id=event.decision_id, subject=event.subject)
    line = tx.decision(event.decision_id)
    if line is None:
        raise LookupError(f"order {event.decision_id}: not found a moment after it was written")
    return line


def _counted(standing: DecisionLine, outcome: str) -> DecisionLine:
    _ORDERED.labels(standing.decision, outcome).inc()
    return standing


def _given_fields(correction: Correction) -> list[str]:
    return [name for name in correction.__struct_fields__ if getattr(correction, name) is not None]


def _person(tx: OpsTransaction, registration_id: str) -> tuple[Person, int, Facts]:
    person, known = tx.person(registration_id), tx.facts(registration_id)
    if person is None or known is None:
        raise NotFound(f"got registration {registration_id!r}, expected one that the board knows: akashi people")
    return person, *known


def _version(tx: OpsTransaction, id: str) -> Version:
    registration_id = tx.placed(id)
    if registration_id is not None:
        return next(version for version in tx.versions(registration_id) if version.assertion_id == id)
    if tx.person(id) is None:
        raise NotFound(f"got {id!r}, expected a registration_id or an assertion_id that the board knows: akashi people")
    versions = tx.versions(id)
    if not versions:
        raise AlreadyDecidedError(f"registration {id} has no badge yet: hold it instead, or wait until it is issued")
    return versions[0]


def _revoked(version: Version, standing: DecisionLine | None) -> str:
    if version.revoked_at is not None:
        replaced = f", replaced by {version.replaced_by}" if version.replaced_by else ""
        return f"{version.assertion_id} was revoked at {version.revoked_at:%Y-%m-%d %H:%M}Z{replaced}"
    return f"{version.assertion_id} was revoked by {standing.by if standing else 'somebody'}"


# ── a whole cohort ──────────────────────────────────────────────────────────────────────────────────────


class ListChangedError(AlreadyDecidedError):
    """The list is not the one that was looked at: look at it again."""


def dry_run(ports: Ports, act: Bulk, selected: Selected) -> DryRun:
    """Whom an undo would revoke now, or whose badge a reissue would issue once more. Changes nothing."""
    with ports.store.transaction() as tx:
        return _dry_run(tx, act, selected)


def apply(ports: Ports, act: Bulk, selected: Selected, digest: str, order: By) -> DecisionLine:
    """Do it to just the people of the list that has this digest: one order each, all of them or none.

    ListChangedError when the list is another one by now. Twice does nothing the second time: whoever has an order on
    its way is on no list.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock_orders()
        run = _dry_run(tx, act, selected)
        if run.digest != digest:
            _ORDERED.labels(act, "list-changed").inc()
            raise ListChangedError(
                f"got digest {digest}, expected {run.digest}: the list has changed, it has {run.count} people now."
                " Look at it again"
            )
        if not run.people:
            _ORDERED.labels(act, "nobody").inc()
            raise ListChangedError("nobody is on this list: nothing is to be done")
        id = numbered(f"{act}/{selected.cohort}/{digest}", tx.refused_before(f"{act}/{selected.cohort}/{digest}"))
        whole = OfficeDecided(
            decision_id=id,
            decision=act,
            subject=selected.cohort,
            by=order.by,
            why=order.why,
            decided_at=now,
            value=str(run.count),
        )
        parts = _parts(act, id, run.people, order, now)
        tx.note_orders([Order(whole, None), *parts])
        tx.announce(whole, *(part.event for part in parts))
        # Dying before the commit nobody was touched. After it every order is in the outbox, however often any service
        # dies while they are carried out; the list on record is the orders themselves.
        line = tx.decision(id)
        if line is None:
            raise LookupError(f"order {id}: not found a moment after it was written")
    _ORDERED.labels(act, "announced").inc()
    log.info("decided", decision=act, decision_id=id, people=run.count)
    return line


def _parts(act: Bulk, id: str, people: Sequence[ListedPerson], order: By, now: datetime) -> list[Order]:
    decision: Decision = "revoke" if act == "undo" else "correct"
    correction = None if act == "undo" else Correction()
    parts = []
    for person in people:
        if act == "undo":
            subject, target = person.assertion_id, revoke_target(person.assertion_id)
        else:
            subject, target = person.registration_id, correct_target(person.registration_id, person.version + 1)
        event = OfficeDecided(
            decision_id=f"{id}/{subject}",
            decision=decision,
            subject=subject,
            by=order.by,
            why=order.why,
            decided_at=now,
            correction=correction,
            part_of=id,
        )
        parts.append(Order(event, target))
    return parts


def _dry_run(tx: OpsTransaction, act: Bulk, selected: Selected) -> DryRun:
    people, left_out = tx.to_undo(selected) if act == "undo" else tx.to_reissue(selected)
    return DryRun(
        act=act,
        selected=selected,
        count=len(people),
        left_out=left_out,
        digest=digest_of(act, selected, people),
        people=people,
    )


# ── the record ──────────────────────────────────────────────────────────────────────────────────────────


def decisions(ports: Ports, about: str | None, *, limit: int) -> list[DecisionLine]:
    """What was ordered, the latest first; `about` None leaves out the parts of an undo or a reissue."""
    with ports.store.transaction() as tx:
        return tx.decisions(about, limit=limit)


def decision(ports: Ports, id: str) -> DecisionLine:
    """One order and what became of it. NotFound."""
    with ports.store.transaction() as tx:
        found = tx.decision(id)
    if found is None:
        raise NotFound(f"got decision {id!r}, expected one of: akashi decisions")
    return found
