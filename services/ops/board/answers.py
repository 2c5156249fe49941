"""The stable JSON of the ops API and of `akashi … --json`: fields may be added, none is removed or redefined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from services.ops.board.counts import Board, Difference, Person, Stage
from services.ops.board.decisions import HeldCohort
from services.ops.board.health import ServiceHealth
from services.ops.board.pace import Pace
from services.ops.board.restores import Restore
from services.ops.board.rows import KeptDeadLetter, LetterDomain
from services.ops.board.scrubs import ScrubLine
from services.ops.board.statements import StatementLine

LETTER_STATES = ("queued", "sent", "deferred", "bounced", "suppressed", "cancelled")


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """How many people have reached each stage; `held`, `released` and `revoked` beside them."""

    id: str | None
    eligible: int
    held: int
    issued: int
    notified: int
    received: int
    anchored: int
    rendered: int
    completed: int
    released: int
    revoked: int


class MissingPerson(msgspec.Struct, frozen=True, kw_only=True):
    registration_id: str
    name: str | None
    since: datetime | None
    reason: str | None


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """People who reached the stage `after` and not this one; `people` has the first of `count`, longest wait first."""

    after: str
    count: int
    ahead: int
    people: list[MissingPerson]


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """People whose badge was revoked and not replaced; `people` has the first of `count`, the latest first."""

    count: int
    people: list[MissingPerson]


class BoardStatus(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    cohort: Cohort
    cohorts: list[str]
    matches: bool
    held_by_reason: dict[str, int]
    people_missing: dict[str, Missing]
    revoked: Revoked
    rejected: int
    dead_letters: int
    letters: dict[str, int]
    lag: dict[str, int | None]
    lag_unknown: dict[str, str]
    unplaced: int
    services: dict[str, ServiceHealth] = {}
    stuck_by_reason: dict[str, int] = {}
    scrubs: list[ScrubLine] = []  # of object storage: the last pass of each service
    restores: list[Restore] = []  # databases that were set back, and nobody has acknowledged yet
    pace: dict[str, Pace] = {}  # by stage, over the last ten minutes
    letters_by_domain: list[LetterDomain] = []  # the domains with letters in trouble, or that wait
    cohorts_held: list[HeldCohort] = []  # by the office: also those who come later
    statements: list[StatementLine] = []  # of the public count: the newest of each cohort
    uncounted: int = 0  # changes that the counts lack: more than a few only after an upgrade or a rebuild


class PersonLine(msgspec.Struct, frozen=True, kw_only=True):
    registration_id: str
    state: str
    reason: str | None
    assertion_id: str | None
    name: str | None
    qualification: str | None
    cohort: str
    since: datetime | None


class DeadLetterLine(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    topic: str
    partition: int | None
    offset: int | None
    consumer: str
    cause: str
    at: datetime
    state: str
    by: str | None
    why: str | None
    size: int | None = None  # of the whole message in bytes, when only its beginning is kept: it can't be replayed
    sha256: str | None = None  # of the whole, likewise


def cohort_of(id: str | None, board: Board) -> Cohort:
    return Cohort(
        id=id,
        held=board.held,
        released=board.released,
        revoked=board.revoked,
        **{stage.word: board.counts[stage] for stage in Stage},
    )


def missing_of(difference: Difference, people: Sequence[Person]) -> Missing:
    return Missing(
        after=difference.left.word,
        count=difference.missing,
        ahead=difference.ahead,
        people=[_named(person, person.reached_at(difference.left)) for person in people],
    )


def revoked_of(board: Board, people: Sequence[Person]) -> Revoked:
    return Revoked(count=board.revoked, people=[_named(person, person.revoked_at) for person in people])


def _named(person: Person, since: datetime | None) -> MissingPerson:
    return MissingPerson(registration_id=person.registration_id, name=person.name, since=since, reason=person.reason)


def letters_of(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of all states, including those at 0."""
    return {state: counts.get(state, 0) for state in LETTER_STATES}


def person_line(person: Person) -> PersonLine:
    return PersonLine(
        registration_id=person.registration_id,
        state=person.state,
        reason=person.reason,
        assertion_id=person.assertion_id,
        name=person.name,
        qualification=person.qualification,
        cohort=person.cohort,
        since=person.since,
    )


def dead_letter_line(letter: KeptDeadLetter) -> DeadLetterLine:
    return DeadLetterLine(
        id=letter.dead_letter_id,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        consumer=letter.consumer,
        cause=letter.cause,
        at=letter.died_at,
        state=letter.state,
        by=letter.decided_by,
        why=letter.decided_why,
        size=letter.size,
        sha256=letter.sha256,
    )


def encode(value: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    return msgspec.json.encode(value)
