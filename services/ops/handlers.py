"""What ops does, in order: notes each event of the cycle, answers the office, carries out its decisions.

Ops only watches the nine steps; nothing in the cycle waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from services.ops.board import folding
from services.ops.board.answers import Status, cohort_of, letters_of, missing_of, revoked_of
from services.ops.board.counts import Board, Difference, Person, board_of, selection_of
from services.ops.board.decisions import DecisionLine
from services.ops.lag import LagMeter
from services.ops.metrics import DEAD_LETTERS, HELD, LAG, PEOPLE
from services.ops.store.board import Batch, KeptDeadLetter, Reading, Rejection, TroubledLetter
from services.ops.store.events import Store
from shared.clock import Clock
from shared.errors import AkashiError, NotFound
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    DecisionSettled,
    LetterUpdated,
    OfficeDecided,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
)
from shared.runtime.batches import RawMessage
from shared.runtime.log import logger
from shared.topics import Topic

log = logger("ops")

_NAMED = 20  # people named at once between two stages; all of them have a page and an API of their own
_LISTED = 200  # rows of any other list on the board


@dataclass(frozen=True)
class Ports:
    store: Store
    lag: LagMeter
    now: Clock


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────


def note_renewed(events: Sequence[RegistrationRenewed], ports: Ports) -> None:
    """Steps 1 and 2. The person is eligible."""
    with ports.store.transaction() as tx:
        tx.note_renewed(folding.newest_versions(tx.claim(events)), ports.now())


def note_held(events: Sequence[RegistrationHeld], ports: Ports) -> None:
    """Step 1. The person is held, with a reason."""
    with ports.store.transaction() as tx:
        tx.note_holds(folding.holds(tx.claim(events)), ports.now())


def note_released(events: Sequence[RegistrationReleased], ports: Ports) -> None:
    """Step 1. What held the person is gone."""
    with ports.store.transaction() as tx:
        tx.note_holds(folding.holds(tx.claim(events)), ports.now())


def note_rejected(events: Sequence[RegistrationRejected], ports: Ports) -> None:
    """Step 1. A row could not be read."""
    with ports.store.transaction() as tx:
        tx.note_rejected(tx.claim(events), ports.now())


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 3."""
    with ports.store.transaction() as tx:
        claimed = tx.claim(events)
        tx.note_issued(claimed, folding.newest_versions(claimed))


def note_letters(events: Sequence[LetterUpdated], ports: Ports) -> None:
    """Steps 4 and 9."""
    with ports.store.transaction() as tx:
        tx.note_letters(folding.current_letters(tx.claim(events)))


def note_received(events: Sequence[BadgeReceived], ports: Ports) -> None:
    """Step 5."""
    with ports.store.transaction() as tx:
        tx.note_received(tx.claim(events))


def note_anchored(events: Sequence[AssertionAnchored], ports: Ports) -> None:
    """Steps 6 and 7. The batch's root is final."""
    with ports.store.transaction() as tx:
        tx.note_anchored(tx.claim(events))


def note_rendered(events: Sequence[CertificateRendered], ports: Ports) -> None:
    """Step 8."""
    with ports.store.transaction() as tx:
        tx.note_rendered(tx.claim(events))


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    with ports.store.transaction() as tx:
        tx.note_revoked(tx.claim(events))


def note_decided(events: Sequence[OfficeDecided], ports: Ports) -> None:
    """The audit trail, also of what the other services let the office decide."""
    with ports.store.transaction() as tx:
        tx.note_decided(tx.claim(events))


def note_settled(events: Sequence[DecisionSettled], ports: Ports) -> None:
    """What became of the orders, as the service says whose they are."""
    with ports.store.transaction() as tx:
        tx.note_settled(tx.claim(events))


def note_dead(topic: Topic) -> Callable[[Sequence[RawMessage], Ports], None]:
    """The handler for `topic`.dead. Whatever it reads, it doesn't fail: a dead letter has nowhere else to go."""

    def note(events: Sequence[RawMessage], ports: Ports) -> None:
        now = ports.now()
        letters = [folding.dead_letter_of(e.value, topic=topic.name, id=str(e.id), now=now) for e in events]
        with ports.store.transaction() as tx:
            tx.note_dead(letters)  # by its id: seen before, it stays as it is

    return note


# ── the office asks ─────────────────────────────────────────────────────────────────────────────────────


def status(ports: Ports, cohort: str | None) -> Status:
    """The count match of `cohort` (None: the latest), and the first of the people who make each difference."""
    with ports.store.transaction() as tx:
        id, board = _board(tx, cohort)
        return _status(tx, ports, id, board)


@dataclass(frozen=True)
class BoardPage:
    """All that the board shows."""

    status: Status
    board: Board
    held: list[Person]
    rejections: list[Rejection]
    batches: list[Batch]
    troubled_letters: list[TroubledLetter]
    dead_letters: list[KeptDeadLetter]
    decisions: list[DecisionLine]


def board_page(ports: Ports, cohort: str | None) -> BoardPage:
    with ports.store.transaction() as tx:
        id, board = _board(tx, cohort)
        of = id or ""
        return BoardPage(
            status=_status(tx, ports, id, board),
            board=board,
            held=tx.people(of, selection_of("held"), limit=_LISTED),
            rejections=tx.rejections(limit=50)[1],
            batches=tx.batches(of, limit=20),
            troubled_letters=tx.troubled_letters(of, limit=50),
            dead_letters=tx.dead_letters("open", limit=20),
            decisions=tx.decisions(None, limit=10),
        )


@dataclass(frozen=True)
class PeoplePage:
    """`after`: the registration_id after which the next page goes on; None on the last one."""

    cohort: str | None
    people: list[Person]
    after: str | None = None


def people(
    ports: Ports, cohort: str | None, state: str | None, *, after: str = "", limit: int | None = None
) -> PeoplePage:
    """Everybody of the cohort, or of one state, or the next `limit` of them. ValueError for an unknown state."""
    selection = selection_of(state) if state else None
    with ports.store.transaction() as tx:
        id = cohort or tx.latest_cohort()
        found = tx.people(id or "", selection, after=after, limit=limit)
        full = limit is not None and len(found) == limit
        return PeoplePage(id, found, found[-1].registration_id if full else None)


@dataclass(frozen=True)
class DifferencePage:
    cohort: str | None
    difference: Difference
    missing: list[Person]
    ahead: list[Person]


def difference(ports: Ports, cohort: str | None, stage: str) -> DifferencePage:
    """Between `stage` and the one before it, everybody by name. NotFound for a stage that has none before it."""
    with ports.store.transaction() as tx:
        id, board = _board(tx, cohort)
        for found in board.differences:
            if found.right.word == stage:
                missing = tx.missing(id or "", [(found.left, found.right)])[found.right]
                return DifferencePage(id, found, missing, tx.ahead(id or "", found.left, found.right))
    raise NotFound(f"got stage {stage!r}, expected one that follows another")


def dead_letters(ports: Ports, state: str | None, *, limit: int = 1000) -> list[KeptDeadLetter]:
    with ports.store.transaction() as tx:
        return tx.dead_letters(state, limit=limit)


def _board(tx: Reading, cohort: str | None) -> tuple[str | None, Board]:
    id = cohort or tx.latest_cohort()
    return id, board_of(tx.groups(id) if id else ())


def _status(tx: Reading, ports: Ports, id: str | None, board: Board) -> Status:
    lag = ports.lag.latest()
    pairs = [(found.left, found.right) for found in board.differences if found.missing]
    missing = tx.missing(id or "", pairs, limit=_NAMED)
    return Status(
        at=ports.now(),
        cohort=cohort_of(id, board),
        cohorts=tx.cohorts(),
        matches=board.matches,
        held_by_reason=board.held_by_reason,
        people_missing={
            found.right.word: missing_of(found, missing.get(found.right, ())) for found in board.differences
        },
        revoked=revoked_of(board, tx.revoked(id, limit=_NAMED) if id and board.revoked else ()),
        rejected=tx.rejections(limit=0)[0],
        dead_letters=tx.open_dead_letters(),
        letters=letters_of(tx.letters(id) if id else {}),
        lag=lag.messages,
        lag_unknown=lag.unknown,
        unplaced=tx.unplaced(),
    )


# ── the office decides ──────────────────────────────────────────────────────────────────────────────────

Outcome = Literal["replayed", "discarded"]
R = TypeVar("R")


class AlreadyDecidedError(AkashiError):
    """Somebody was faster, or there is nothing to play again: show what stands, do nothing more."""


def replay(ports: Ports, dead_letter_id: str, *, by: str, why: str) -> KeptDeadLetter:
    """Send the message once more to its topic, bytes as they were; who handled it already drops it by its inbox.

    NotFound, AlreadyDecidedError.
    """
    return _decide(ports, dead_letter_id, "replayed", by, why)


def discard(ports: Ports, dead_letter_id: str, *, by: str, why: str) -> KeptDeadLetter:
    """Let the message rest; it stays in the table, with the reason. NotFound, AlreadyDecidedError."""
    return _decide(ports, dead_letter_id, "discarded", by, why)


def _decide(ports: Ports, dead_letter_id: str, outcome: Outcome, by: str, why: str) -> KeptDeadLetter:
    now = ports.now()
    with ports.store.transaction() as tx:
        letter = tx.lock_dead_letter(dead_letter_id)
        if letter is None:
            raise NotFound(f"got dead letter {dead_letter_id!r}, expected one of the list")
        if letter.state != "open":
            raise AlreadyDecidedError(f"this dead letter was {letter.state} by {letter.decided_by}")
        if outcome == "replayed":
            if letter.value is None:
                raise AlreadyDecidedError("this message has no value, so there is nothing to play again: discard it")
            tx.forward(Topic(letter.topic), letter.key, letter.value)
        tx.close_dead_letters(letter, outcome, by, why, now)
        tx.announce(
            OfficeDecided(
                decision_id=f"{outcome}/{dead_letter_id}",
                decision="replay" if outcome == "replayed" else "discard",
                subject=dead_letter_id,
                by=by,
                why=why,
                decided_at=now,
            )
        )
    # Dying before the commit leaves the letter open; after it the outbox sends the bytes and the decision.
    log.info("decided", decision=outcome, dead_letter=dead_letter_id)
    return letter


# ── ticks ───────────────────────────────────────────────────────────────────────────────────────────────


def measure(ports: Ports) -> int:
    """Lag and the gauges, every two seconds. Acts on no row: always 0."""
    if not ports.lag.measure():
        return 0
    with ports.store.transaction() as tx:
        id, board = _board(tx, None)
        DEAD_LETTERS.set(tx.open_dead_letters())
    for service, messages in ports.lag.latest().messages.items():
        LAG.labels(service).set(float("nan") if messages is None else messages)
    HELD.clear()  # a reason that nobody is held for any more must not stand for ever
    if id is not None:
        for stage, count in board.counts.items():
            PEOPLE.labels(id, stage.word).set(count)
        for reason, count in board.held_by_reason.items():
            HELD.labels(id, reason).set(count)
    return 0
