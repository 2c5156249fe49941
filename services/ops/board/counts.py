"""The count match of a cohort: how many have reached each stage, who is missing between two, who is held and why. Pure.

A cohort is done when eligible = issued = notified = received = anchored = rendered = completed. The difference of two
neighbouring counts is a set of people, each known by name. A registration counts once, by the newest version of its
badge. A person whose badge was revoked and not replaced is counted in `revoked` and in none of the seven.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Stage(IntEnum):
    """What has happened to a person's badge, in the order of the cycle; the value is its bit in `reached`."""

    ELIGIBLE = 0
    ISSUED = 1
    NOTIFIED = 2
    RECEIVED = 3
    ANCHORED = 4
    RENDERED = 5
    COMPLETED = 6

    @property
    def word(self) -> str:
        """As in JSON and URLs: "eligible"."""
        return self.name.lower()

    @property
    def bit(self) -> int:
        return 1 << self.value


PAIRS: tuple[tuple[Stage, Stage], ...] = tuple((left, Stage(left + 1)) for left in Stage if left < Stage.COMPLETED)

HELD = "held"
RELEASED = "released"  # no longer held; the event that makes it eligible has not come yet
REVOKED = "revoked"
STATES: tuple[str, ...] = (HELD, RELEASED, *(stage.word for stage in Stage), REVOKED)


@dataclass(frozen=True)
class Person:
    """One registration of the cohort, as far as its events have come. Times are aware; None: not yet."""

    registration_id: str
    cohort: str
    qualification: str | None
    person_id: str | None
    name: str | None
    held_reason: str | None
    held_at: datetime | None
    first_registration_id: str | None
    assertion_id: str | None
    eligible_at: datetime | None
    issued_at: datetime | None
    notified_at: datetime | None
    received_at: datetime | None
    anchored_at: datetime | None
    rendered_at: datetime | None
    completed_at: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    award_state: str | None
    award_answer: str | None
    completion_state: str | None
    completion_answer: str | None
    correction_state: str | None
    correction_answer: str | None
    reached: int
    ended: bool
    held: bool
    stuck_as: str | None = None  # why it does not go on by itself: `stuck.py`
    stuck_field: str | None = None
    stuck_expected: str | None = None
    stuck_got: str | None = None
    stuck_at: datetime | None = None

    def reached_at(self, stage: Stage) -> datetime | None:
        at: datetime | None = getattr(self, f"{stage.word}_at")
        return at

    @property
    def rank(self) -> int:
        """0: the office has something to do about this person; 1: nothing."""
        return 0 if self.held or self.stuck_as is not None else 1

    @property
    def state(self) -> str:
        return state_of(self.reached, held=self.held, ended=self.ended)

    @property
    def since(self) -> datetime | None:
        """When this state began."""
        if self.state in (HELD, REVOKED):
            return self.held_at if self.state == HELD else self.revoked_at
        return None if self.state == RELEASED else self.reached_at(Stage[self.state.upper()])

    @property
    def reason(self) -> str | None:
        """Why the person is held, revoked or stuck, or which letter was not delivered."""
        if self.held:
            return self.held_reason
        if self.ended:
            return self.revoked_reason
        if self.stuck_as is not None:
            return self.stuck_as
        for letter, state in (
            ("award", self.award_state),
            ("completion", self.completion_state),
            ("correction", self.correction_state),
        ):
            if state in ("deferred", "bounced", "suppressed"):
                return f"{letter}-letter-{state}"
        return None


@dataclass(frozen=True)
class Group:
    """The number of people of a cohort in the same state."""

    reached: int
    ended: bool
    held_reason: str | None
    count: int
    stuck_as: str | None = None


@dataclass(frozen=True)
class Difference:
    """Between two neighbouring stages: `missing` reached the left one and not the right one.

    `ahead` reached the right one without the left one (an event that has not come yet, or anchoring that does not wait
    for the receipt). Always: count(left) - count(right) = missing - ahead.
    """

    left: Stage
    right: Stage
    missing: int
    ahead: int


@dataclass(frozen=True)
class Board:
    counts: dict[Stage, int]
    differences: tuple[Difference, ...]
    held_by_reason: dict[str, int]
    released: int
    revoked: int
    stuck_by_reason: dict[str, int]

    @property
    def held(self) -> int:
        return sum(self.held_by_reason.values())

    @property
    def matches(self) -> bool:
        """Nobody is missing or ahead between any two stages, and the cohort has people, revoked or not."""
        return self.counts[Stage.ELIGIBLE] + self.revoked > 0 and not any(
            d.missing or d.ahead for d in self.differences
        )


def board_of(groups: Iterable[Group]) -> Board:
    """The board of the people in `groups`. No count is negative; each person counts once in each stage reached."""
    everybody = tuple(groups)
    known = tuple(group for group in everybody if not group.ended)
    return Board(
        counts={stage: sum(g.count for g in known if g.reached & stage.bit) for stage in Stage},
        differences=tuple(_difference(known, left, right) for left, right in PAIRS),
        held_by_reason=_by_reason((group.held_reason, group.count) for group in known),
        released=sum(g.count for g in known if g.reached == 0 and g.held_reason is None),
        revoked=sum(g.count for g in everybody if g.ended),
        stuck_by_reason=_by_reason((group.stuck_as, group.count) for group in known),
    )


def _by_reason(counts: Iterable[tuple[str | None, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason, count in counts:
        if reason is not None:
            found[reason] = found.get(reason, 0) + count
    return dict(sorted(found.items()))


def _difference(groups: tuple[Group, ...], left: Stage, right: Stage) -> Difference:
    return Difference(
        left=left,
        right=right,
        missing=sum(g.count for g in groups if g.reached & left.bit and not g.reached & right.bit),
        ahead=sum(g.count for g in groups if g.reached & right.bit and not g.reached & left.bit),
    )


def state_of(reached: int, *, held: bool, ended: bool) -> str:
    """The state of a person: the last stage before the first one that is missing.

    A person in "notified" waits for the receipt, even if the badge is anchored. Issued implies eligible.
    """
    if ended:
        return REVOKED
    if held:
        return HELD
    at = reached | Stage.ELIGIBLE.bit if reached & Stage.ISSUED.bit else reached
    if not at & Stage.ELIGIBLE.bit:
        return RELEASED
    stage = Stage.ELIGIBLE
    while stage < Stage.COMPLETED and at & Stage(stage + 1).bit:
        stage = Stage(stage + 1)
    return stage.word


@dataclass(frozen=True)
class Selection:
    """The people of one state, as a condition on a row: (reached & mask) = value, held, ended."""

    mask: int
    value: int
    held: bool | None
    ended: bool


def selection_of(state: str) -> Selection:
    """Selects exactly the people whose `state_of` is `state`. ValueError for an unknown one."""
    if state == REVOKED:
        return Selection(mask=0, value=0, held=None, ended=True)
    if state == HELD:
        return Selection(mask=0, value=0, held=True, ended=False)
    if state == RELEASED:
        return Selection(mask=Stage.ELIGIBLE.bit | Stage.ISSUED.bit, value=0, held=False, ended=False)
    if state not in STATES:
        raise ValueError(f"got state {state!r}, expected one of {', '.join(STATES)}")
    stage = Stage[state.upper()]
    if stage is Stage.ELIGIBLE:
        return Selection(
            mask=Stage.ELIGIBLE.bit | Stage.ISSUED.bit,
            value=Stage.ELIGIBLE.bit,
            held=False,
            ended=False,
        )
    so_far = sum(s.bit for s in Stage if Stage.ISSUED <= s <= stage)
    following = Stage(stage + 1).bit if stage < Stage.COMPLETED else 0
    return Selection(mask=so_far | following, value=so_far, held=False, ended=False)
