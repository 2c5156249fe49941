"""What the board, the people and the dead letters show, prepared for their templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ops.board import wording
from services.ops.board.answers import BoardStatus, MissingPerson
from services.ops.board.counts import Person, Stage
from services.ops.board.decisions import HeldCohort
from services.ops.board.outages import Outage, outages_of
from services.ops.board.pace import Pace
from services.ops.board.rows import AnchoredBatch, TroubledLetter
from services.ops.board.stuck import Stuck, stuck_of
from services.ops.board.waits import WAITS, next_step
from services.ops.ports import Ports
from services.ops.queries import BoardPage, DifferencePage
from services.ops.web.dead_letters_view import DeadMessage, dead_messages
from services.ops.web.decisions_view import DecisionRow, decision_rows
from services.ops.web.machinery_view import (
    ChainRow,
    ScrubRow,
    ServiceRow,
    TroubleRow,
    chain_rows,
    scrub_row,
    service_rows,
    trouble_rows,
)
from services.ops.web.rejections import RejectedLine, rejected_lines
from services.ops.web.restores import RestoreRow, restore_rows
from shared.clock import JST
from shared.programme import Bilingual, Programme

_NO_DESK = Bilingual("担当不明", "No desk known")


@dataclass(frozen=True)
class StageRow:
    word: str
    name: Bilingual
    count: int
    percent: float  # of the eligible, 0 to 100
    missing: int  # of the stage before it
    ahead: int
    pace: Pace | None  # None: not known yet
    oldest: datetime | None  # since when the one waits who has waited longest

    @property
    def moves(self) -> bool:
        """Whether somebody waits for this stage, or has come to it lately."""
        return self.oldest is not None or bool(self.pace and self.pace.per_minute)


@dataclass(frozen=True)
class DifferenceRow:
    word: str
    before: Bilingual
    name: Bilingual
    count: int
    waits_for: Bilingual  # what people without a reason of their own wait for
    people: Sequence[tuple[MissingPerson, Bilingual | None, Bilingual | None]]  # with reason and next step in words


@dataclass(frozen=True)
class PersonRow:
    registration_id: str
    name: str | None
    qualification: Bilingual | None
    state: Bilingual
    reason: Bilingual | None
    assertion_id: str | None
    first_registration_id: str | None
    since: datetime | None
    characters: str | None = None  # held as no-glyph: what no font has


@dataclass(frozen=True)
class HeldGroup:
    code: str
    reason: wording.HeldWords
    people: Sequence[PersonRow]


@dataclass(frozen=True)
class StuckRow:
    """`detail`: what was expected, and found, of the field. `order`: the command that ends it."""

    stuck: Stuck
    words: wording.HeldWords
    field: Bilingual | None
    detail: str
    person: PersonRow | None = None


@dataclass(frozen=True)
class StuckGroup:
    words: wording.HeldWords
    count: int
    rows: Sequence[StuckRow]


@dataclass(frozen=True)
class DeskRow:
    name: Bilingual
    count: int
    groups: Sequence[HeldGroup]


@dataclass(frozen=True)
class LetterRow:
    letter: TroubledLetter
    name: Bilingual
    state: Bilingual


@dataclass(frozen=True)
class HeldCohortRow:
    """A cohort that the office holds; `resumed`: its qualifications that are no longer held."""

    line: HeldCohort
    qualification: Bilingual | None  # None: all
    resumed: Sequence[Bilingual]


@dataclass(frozen=True)
class BoardView:
    status: BoardStatus
    pending: int
    stages: Sequence[StageRow]
    differences: Sequence[DifferenceRow]
    desks: Sequence[DeskRow]
    held_shown: int
    stuck: Sequence[StuckGroup]
    letters: Sequence[LetterRow]
    rejections: Sequence[RejectedLine]
    batches: Sequence[AnchoredBatch]
    dead: Sequence[DeadMessage]
    services: Sequence[ServiceRow]
    troubled_services: Sequence[TroubleRow]
    chains: Sequence[ChainRow]
    outages: Sequence[Outage]
    decisions: Sequence[DecisionRow]
    scrubs: Sequence[ScrubRow]
    restores: Sequence[RestoreRow]
    held_cohorts: Sequence[HeldCohortRow]
    all_desks: bool  # else one desk's board: of its people only

    @property
    def at_fault(self) -> int:
        """Objects that are missing or broken."""
        return sum(row.line.at_fault for row in self.scrubs)

    @property
    def cohort(self) -> str | None:
        return self.status.cohort.id

    @property
    def undelivered(self) -> int:
        """Letters that need the office; a deferred one is sent again by itself."""
        return self.status.letters["bounced"] + self.status.letters["suppressed"]


def board_view(page: BoardPage, programme: Programme, ports: Ports) -> BoardView:
    """`ports`: whose meters know since when troubles are seen."""
    cohort = page.status.cohort
    return BoardView(
        status=page.status,
        pending=max(0, cohort.eligible - cohort.completed),
        stages=_stages(page),
        differences=[
            DifferenceRow(
                word=stage,
                before=wording.STAGES[missing.after],
                name=wording.STAGES[stage],
                count=missing.count,
                waits_for=WAITS[stage],
                people=[
                    (person, wording.reason_words(person.reason), next_step(person.reason)) for person in missing.people
                ],
            )
            for stage, missing in page.status.people_missing.items()
            if missing.count
        ],
        desks=_desks(page.held, programme, page.characters),
        held_shown=len(page.held),
        stuck=_stuck(page, programme),
        letters=[
            LetterRow(
                letter=letter,
                name=wording.words_for(wording.LETTERS, letter.letter),
                state=wording.words_for(wording.LETTER_STATES, letter.state),
            )
            for letter in page.troubled_letters
        ],
        rejections=rejected_lines(page.rejections),
        batches=page.batches,
        dead=dead_messages(page.dead_letters),
        services=service_rows(page.status),
        troubled_services=trouble_rows(page.status, ports.health.since),
        chains=chain_rows(page.status),
        outages=_outages(page, ports),
        decisions=decision_rows(page.decisions),
        scrubs=[scrub_row(line) for line in page.status.scrubs],
        restores=restore_rows(page.status.restores),
        held_cohorts=[
            HeldCohortRow(
                each,
                None if each.qualification is None else _qualification(each.qualification, programme),
                [_qualification(id, programme) for id in each.resumed],
            )
            for each in page.status.cohorts_held
        ],
        all_desks=page.all_desks,
    )


def _qualification(id: str, programme: Programme) -> Bilingual:
    found = programme.qualifications.get(id)
    return found.name if found else Bilingual(id, id)


def _outages(page: BoardPage, ports: Ports) -> list[Outage]:
    found = outages_of(page.status, ports.lag.away_since, ports.health.since) if page.all_desks else []
    if page.away_since is None:
        return found
    at = page.status.at.astimezone(JST)
    old = Bilingual(f"人数は{at:%H:%M:%S}のものです", f"the figures are of {at:%H:%M:%S} Japan time")
    name = Bilingual("このボードのデータベース", "The database of this board")
    return [Outage(name, page.away_since, (old,)), *found]


def _stages(page: BoardPage) -> list[StageRow]:
    board = page.board
    most = max(board.counts.values())
    differences = {difference.right: difference for difference in board.differences}
    return [
        StageRow(
            word=stage.word,
            name=wording.STAGES[stage.word],
            count=board.counts[stage],
            percent=100 * board.counts[stage] / most if most else 0.0,
            missing=differences[stage].missing if stage in differences else 0,
            ahead=differences[stage].ahead if stage in differences else 0,
            pace=page.status.pace.get(stage.word),
            oldest=page.oldest.get(stage),
        )
        for stage in Stage
    ]


def _desks(held: Iterable[Person], programme: Programme, characters: Mapping[str, str]) -> list[DeskRow]:
    """The desks in the programme's order, in each the reasons with the most people first."""
    by_desk: dict[str | None, dict[str, list[PersonRow]]] = defaultdict(lambda: defaultdict(list))
    for person in held:
        qualification = programme.qualifications.get(person.qualification or "")
        desk = qualification.desk if qualification else None
        row = person_row(person, programme, characters.get(person.registration_id))
        by_desk[desk][person.held_reason or ""].append(row)
    rows = []
    for desk in (*programme.desks, None):
        groups = by_desk.get(desk)
        if groups:
            name = programme.desks[desk].name if desk else None
            rows.append(
                DeskRow(
                    name=Bilingual(name, name) if name else _NO_DESK,
                    count=sum(len(people) for people in groups.values()),
                    groups=[
                        HeldGroup(reason, wording.held_words_for(wording.HELD_REASONS, reason), people)
                        for reason, people in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
                    ],
                )
            )
    return rows


def stuck_row(stuck: Stuck, person: PersonRow | None = None) -> StuckRow:
    return StuckRow(
        stuck=stuck,
        words=wording.held_words_for(wording.STUCK, stuck.reason),
        field=wording.words_for(wording.STUCK_FIELDS, stuck.field) if stuck.field else None,
        detail=" ← ".join(text for text in (stuck.expected, stuck.got) if text),
        person=person,
    )


def _stuck(page: BoardPage, programme: Programme) -> list[StuckGroup]:
    rows: dict[str, list[StuckRow]] = {reason: [] for reason in page.status.stuck_by_reason}
    for person in page.stuck:
        if (stuck := stuck_of(person)) is not None:
            rows.setdefault(stuck.reason, []).append(stuck_row(stuck, person_row(person, programme)))
    return [
        StuckGroup(
            words=wording.held_words_for(wording.STUCK, reason),
            count=page.status.stuck_by_reason.get(reason, len(found)),
            rows=found,
        )
        for reason, found in rows.items()
    ]


def person_row(person: Person, programme: Programme, characters: str | None = None) -> PersonRow:
    qualification = programme.qualifications.get(person.qualification or "")
    return PersonRow(
        registration_id=person.registration_id,
        name=person.name,
        qualification=qualification.name if qualification else None,
        state=wording.STATES[person.state],
        reason=wording.reason_words(person.reason),
        assertion_id=person.assertion_id,
        first_registration_id=person.first_registration_id,
        since=person.since,
        characters=characters,
    )


@dataclass(frozen=True)
class DifferenceView:
    cohort: str | None
    before: Bilingual
    name: Bilingual
    missing: Sequence[PersonRow]
    ahead: Sequence[PersonRow]


def difference_view(page: DifferencePage, programme: Programme) -> DifferenceView:
    return DifferenceView(
        cohort=page.cohort,
        before=wording.STAGES[page.difference.left.word],
        name=wording.STAGES[page.difference.right.word],
        missing=[person_row(person, programme) for person in page.missing],
        ahead=[person_row(person, programme) for person in page.ahead],
    )
