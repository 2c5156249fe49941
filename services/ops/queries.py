"""What the office asks: the count match, the people, the board, the history of one registration, the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from services.ops.board.answers import BoardStatus, cohort_of, letters_of, missing_of, revoked_of
from services.ops.board.cohort_orders import held_cohorts
from services.ops.board.counts import Board, Difference, Person, Stage, board_of, selection_of
from services.ops.board.decisions import DecisionLine, History
from services.ops.board.erasures import ErasedError, Erasure
from services.ops.board.pace import Pace
from services.ops.board.rejected import RejectedRow
from services.ops.board.rows import AnchoredBatch, KeptDeadLetter, TroubledLetter
from services.ops.board.scrubs import ScrubLine
from services.ops.board.stuck import stuck_of
from services.ops.ports import Ports
from services.ops.store.board import BoardQueries, Seen
from services.ops.store.events import OpsTransaction
from shared.errors import NotFound

_NAMED = 20  # people named between two stages; all of them have a page and an API of their own
_LONGEST = 1000  # people on the page of a difference; `akashi people` has all
_DOMAINS = 15  # mail domains on the board
_COHORTS = 10  # whose public count is on the board
_LISTED = 200  # people held on the board; decisions in a history


def board_of_cohort(tx: OpsTransaction, cohort: str | None, seen: Seen = None) -> tuple[str | None, Board]:
    """`cohort`, or the latest, and its counts. None while there is no cohort."""
    id = _known_cohort(tx, cohort)
    return id, board_of(tx.board_seen(seen).groups(id) if id else ())


def _known_cohort(tx: OpsTransaction, cohort: str | None) -> str | None:
    """`cohort`, or the latest. NotFound for one that nobody belongs to; None while there is no cohort."""
    known = tx.board.cohorts()
    if cohort is not None and cohort not in known:
        raise NotFound(f"got cohort {cohort!r}, expected one of: {', '.join(known) or 'none yet'}")
    return cohort or tx.board.latest_cohort()


def status(ports: Ports, cohort: str | None) -> BoardStatus:
    """The count match of `cohort` (None: the latest), and the first of the people who make each difference.

    NotFound for an unknown cohort.
    """
    with ports.store.transaction() as tx:
        id, board = board_of_cohort(tx, cohort)
        return _status(tx, ports, id, board)


@dataclass(frozen=True)
class BoardPage:
    """All that the board shows."""

    status: BoardStatus
    board: Board
    held: list[Person] = field(default_factory=list)
    stuck: list[Person] = field(default_factory=list)
    rejections: list[RejectedRow] = field(default_factory=list)
    batches: list[AnchoredBatch] = field(default_factory=list)
    troubled_letters: list[TroubledLetter] = field(default_factory=list)
    dead_letters: list[KeptDeadLetter] = field(default_factory=list)
    decisions: list[DecisionLine] = field(default_factory=list)
    characters: dict[str, str] = field(default_factory=dict)  # of people held as no-glyph: what no font has
    all_desks: bool = True
    oldest: dict[Stage, datetime | None] = field(default_factory=dict)  # since when the longest wait for each stage is
    away_since: datetime | None = None  # the database: all but lag and health is of before


def board_page(ports: Ports, cohort: str | None, seen: Seen = None) -> BoardPage:
    """The board of `cohort` (None: the latest). With `seen` it is one desk's: of its people only, no machinery."""
    with ports.store.transaction() as tx:
        id, board = board_of_cohort(tx, cohort, seen)
        of, all_desks, people = id or "", seen is None, tx.board_seen(seen)
        held = people.people(of, selection_of("held"), limit=_LISTED)
        return BoardPage(
            status=_status(tx, ports, id, board, seen),
            board=board,
            held=held,
            characters=tx.search.held_characters([person.registration_id for person in held]),
            stuck=people.stuck(of, limit=_LISTED) if board.stuck_by_reason else [],
            rejections=tx.rejections.rows("open", limit=50) if all_desks else [],
            batches=people.batches(of, limit=20) if all_desks else [],
            troubled_letters=people.troubled_letters(of, limit=50),
            dead_letters=tx.dead_letters.all("open", limit=20) if all_desks else [],
            decisions=tx.decisions.decisions(None, limit=10, seen=seen),
            all_desks=all_desks,
            oldest=_oldest(people, of, board),
        )


def board_figures(ports: Ports, known: BoardPage, cohort: str | None, seen: Seen = None) -> BoardPage:
    """The counts of now, with the scrubs and restores of `known`; without lists of people, letters and acts.

    NotFound when the board is another cohort's by now.
    """
    with ports.store.transaction() as tx:
        id, board = board_of_cohort(tx, cohort, seen)
        if id is None or id != known.status.cohort.id:
            raise NotFound(f"got cohort {id!r}, expected {known.status.cohort.id!r}")
        counted = _counted(tx, ports, id, board, seen)
        return BoardPage(
            status=msgspec.structs.replace(counted, scrubs=known.status.scrubs, restores=known.status.restores),
            board=board,
            all_desks=seen is None,
            oldest=_oldest(tx.board_seen(seen), id, board),
        )


def stamp(ports: Ports) -> object:
    """Differs from that of before when something on a board has changed: figures of people, lag, health, orders."""
    with ports.store.transaction() as tx:
        return (*tx.standing.stamp(), ports.lag.latest(), ports.health.latest())


def measured(status: BoardStatus, ports: Ports) -> BoardStatus:
    """A status of before with the lag and the health of now."""
    lag = ports.lag.latest()
    return msgspec.structs.replace(status, lag=lag.messages, lag_unknown=lag.unknown, services=ports.health.latest())


@dataclass(frozen=True)
class PeoplePage:
    """`after`: where the next page goes on; None on the last one."""

    cohort: str | None
    people: list[Person]
    after: str | None = None


def people(
    ports: Ports,
    cohort: str | None,
    state: str | None,
    *,
    after: str = "",
    limit: int | None = None,
    seen: Seen = None,
    reason: str | None = None,
    work_first: bool = False,
) -> PeoplePage:
    """Everybody of the cohort, or of one state, or held for one reason, or the next `limit` of them.

    With `work_first` who is held or stuck stands before the others.

    ValueError for an unknown state, NotFound for an unknown cohort.
    """
    selection = selection_of(state) if state else None
    with ports.store.transaction() as tx:
        id = _known_cohort(tx, cohort)
        board = tx.board_seen(seen)
        if work_first:
            found = board.work_first(id or "", after=after, limit=limit)
        else:
            found = board.people(id or "", selection, after=after, limit=limit, reason=reason)
        if limit is None or len(found) < limit:
            return PeoplePage(id, found)
        last = found[-1]
        return PeoplePage(id, found, f"{last.rank}{last.registration_id}" if work_first else last.registration_id)


def all_people(
    ports: Ports, cohort: str | None, state: str | None, *, part: int, seen: Seen = None, reason: str | None = None
) -> Iterator[Sequence[Person]]:
    """Everybody as `people`, in parts of at most `part`, each read when it is asked for. The first may be empty.

    Each is a transaction of its own: who arrives or moves meanwhile may be in a later part, or in none.
    """
    found = people(ports, cohort, state, limit=part, seen=seen, reason=reason)
    yield found.people
    while found.after is not None:
        found = people(ports, found.cohort, state, after=found.after, limit=part, seen=seen, reason=reason)
        yield found.people


@dataclass(frozen=True)
class DifferencePage:
    """Who makes the difference between two stages: the first `_LONGEST` of `missing` and of `ahead`."""

    cohort: str | None
    difference: Difference
    missing: list[Person]
    ahead: list[Person]


def difference(ports: Ports, cohort: str | None, stage: str, seen: Seen = None) -> DifferencePage:
    """Between `stage` and the one before it. NotFound for a stage that has none before it."""
    with ports.store.transaction() as tx:
        id, board = board_of_cohort(tx, cohort, seen)
        people = tx.board_seen(seen)
        for found in board.differences:
            if found.right.word == stage:
                missing = people.missing(id or "", [(found.left, found.right)], limit=_LONGEST)[found.right]
                ahead = people.ahead(id or "", found.left, found.right, limit=_LONGEST)
                return DifferencePage(id, found, missing, ahead)
    raise NotFound(f"got stage {stage!r}, expected one that follows another")


def dead_letters(ports: Ports, state: str | None, *, limit: int = 1000) -> list[KeptDeadLetter]:
    """Oldest first. `state` None: of every state."""
    with ports.store.transaction() as tx:
        return tx.dead_letters.all(state, limit=limit)


def history(ports: Ports, registration_id: str) -> History:
    """All that is known of a registration. NotFound."""
    with ports.store.transaction() as tx:
        person, known = tx.board.person(registration_id), tx.decisions.facts(registration_id)
        if person is None or known is None:
            raise unknown_registration(tx, registration_id)
        version, facts = known
        return History(
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
            versions=tx.decisions.versions(registration_id),
            letters=tx.decisions.letters(registration_id),
            decisions=tx.decisions.decisions(registration_id, limit=_LISTED),
            stuck=stuck_of(person),
            held_characters=tx.search.held_characters([registration_id]).get(registration_id),
            happened=tx.history.of(registration_id),
            same_person=tx.search.of_person(person.person_id, registration_id),
        )


def erasure(ports: Ports, id: str) -> Erasure | None:
    """By which order the person of a registration or a badge was erased."""
    with ports.store.transaction() as tx:
        return tx.erasures.of(id)


def unknown_registration(tx: OpsTransaction, registration_id: str) -> NotFound:
    """The error for a registration without a row: it was erased, or is not heard of yet."""
    if (erasure := tx.erasures.of(registration_id)) is not None:
        return ErasedError(registration_id, erasure)
    return NotFound(f"got registration {registration_id!r}, expected one that the board knows: akashi people")


def decisions(ports: Ports, about: str | None, *, limit: int, seen: Seen = None) -> list[DecisionLine]:
    """What was ordered, the latest first; `about` None leaves out the parts of an undo or a reissue."""
    with ports.store.transaction() as tx:
        return tx.decisions.decisions(about, limit=limit, seen=seen)


def decision(ports: Ports, id: str) -> DecisionLine:
    """One order with its outcome. NotFound."""
    with ports.store.transaction() as tx:
        found = tx.decisions.decision(id)
    if found is None:
        raise NotFound(f"got decision {id!r}, expected one of: akashi decisions")
    return found


def scrubs(ports: Ports, scrub_id: str | None) -> list[ScrubLine]:
    """What was found in object storage: in this pass, or (None) in the last one of each service."""
    with ports.store.transaction() as tx:
        return tx.scrubs.latest() if scrub_id is None else tx.scrubs.of(scrub_id)


def _status(tx: OpsTransaction, ports: Ports, id: str | None, board: Board, seen: Seen = None) -> BoardStatus:
    people = tx.board_seen(seen)
    pairs = [(found.left, found.right) for found in board.differences if found.missing]
    missing = people.missing(id or "", pairs, limit=_NAMED)
    return msgspec.structs.replace(
        _counted(tx, ports, id, board, seen),
        people_missing={
            found.right.word: missing_of(found, missing.get(found.right, ())) for found in board.differences
        },
        revoked=revoked_of(board, people.revoked(id, limit=_NAMED) if id and board.revoked else ()),
        scrubs=tx.scrubs.latest(),
        restores=tx.restores.all("unseen", limit=_LISTED),
        letters_by_domain=people.letter_domains(id, limit=_DOMAINS) if id else [],
        cohorts_held=[
            each
            for each in held_cohorts(tx.cohort_orders.all())
            if seen is None or each.qualification is None or each.qualification in seen
        ],
        statements=tx.statements.newest(limit=_COHORTS),
    )


def _counted(tx: OpsTransaction, ports: Ports, id: str | None, board: Board, seen: Seen) -> BoardStatus:
    """The status without its lists: how many rows of people, letters and faults there are, lag and health."""
    lag = ports.lag.latest()
    return BoardStatus(
        at=ports.now(),
        cohort=cohort_of(id, board),
        cohorts=tx.board.cohorts(),
        matches=board.matches,
        held_by_reason=board.held_by_reason,
        people_missing={found.right.word: missing_of(found, ()) for found in board.differences},
        revoked=revoked_of(board, ()),
        rejected=tx.rejections.open_count(),
        dead_letters=tx.dead_letters.open_count(),
        letters=letters_of(tx.board_seen(seen).letters(id) if id else {}),
        lag=lag.messages,
        lag_unknown=lag.unknown,
        unplaced=tx.board.unplaced(),
        services=ports.health.latest(),
        stuck_by_reason=board.stuck_by_reason,
        pace=_pace(ports, id, board, seen),
        uncounted=tx.board.uncounted(),
    )


def _pace(ports: Ports, id: str | None, board: Board, seen: Seen) -> dict[str, Pace]:
    if id is None or seen is not None:
        return {}
    return ports.pace.pace(id, {found.right.word: found.missing for found in board.differences})


def _oldest(people: BoardQueries, id: str, board: Board) -> dict[Stage, datetime | None]:
    return people.oldest(id, [(found.left, found.right) for found in board.differences if found.missing])
