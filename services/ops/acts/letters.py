"""Orders about letters: send one again, hold those of a cohort, resume them. The mailer carries them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.ops.acts.orders import Attribution, announced
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from services.ops.board.rows import RequestedLetter, TroubledLetter, WaitingRecovery
from services.ops.ports import Ports
from services.ops.queries import unknown_registration
from services.ops.store.events import OpsTransaction
from shared.errors import NotFound
from shared.office_events import Decision


@dataclass(frozen=True)
class LettersPage:
    """A cohort's letters: whether they are held, and those that were not delivered, each with its badge."""

    cohort: str | None
    cohorts: list[str]
    held: bool
    undelivered: list[tuple[str, TroubledLetter]]
    requested: list[RequestedLetter]  # of no cohort: asked for by a service, and not delivered
    recoveries: list[WaitingRecovery]  # of no cohort either


def letters_page(ports: Ports, cohort: str | None, seen: Sequence[str] | None = None) -> LettersPage:
    """The latest cohort unless one is named. `seen`: the qualifications whose people are shown; None: all."""
    with ports.store.transaction() as tx:
        of = cohort or tx.board.latest_cohort()
        return LettersPage(
            cohort=of,
            cohorts=tx.board.cohorts(),
            held=of is not None and tx.letters.held(of),
            undelivered=tx.letters.undelivered(of, limit=200, seen=seen) if of is not None else [],
            requested=tx.letters.requested_undelivered(limit=50) if seen is None else [],
            recoveries=tx.history.waiting_recoveries(limit=200, seen=seen),
        )


def hold(ports: Ports, cohort: str, who: Attribution, *, resume: bool = False) -> DecisionLine:
    """Order that no letter of a cohort leaves, or that they leave again. The same order that is pending is one.

    NotFound for a cohort without people.
    """
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        if cohort not in (known := tx.board.cohorts()):
            raise NotFound(f"got cohort {cohort!r}, expected one of {', '.join(known) or 'those that have people'}")
        decision: Decision = "resume-letters" if resume else "hold-letters"
        return announced(tx, decision, cohort, f"letters/{cohort}/{decision}", who, ports.now(), once=True)


def resend(ports: Ports, id: str, letter: str, who: Attribution) -> DecisionLine:
    """Order a letter about a badge to be sent again: `id` is the assertion's, or the registration's for its newest.

    The same bytes, to the same address. NotFound for an unknown badge. AlreadyDecidedError without such a letter.
    """
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        assertion_id = _badge(tx, id)
        if letter not in (known := tx.letters.of(assertion_id)):
            raise AlreadyDecidedError(f"got letter {letter!r}, expected one that this badge has: {', '.join(known)}")
        name = f"resend/{assertion_id}/{letter}"
        return announced(tx, "resend", assertion_id, name, who, ports.now(), value=letter, once=True)


def _badge(tx: OpsTransaction, id: str) -> str:
    if tx.decisions.registration_of(id) is not None:
        return id
    person = tx.board.person(id)
    if person is None:
        raise unknown_registration(tx, id)
    if person.assertion_id is None:
        raise NotFound(f"got {id!r}, expected a registration_id or assertion_id with a badge: akashi people")
    return person.assertion_id
