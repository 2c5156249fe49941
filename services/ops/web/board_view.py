"""What the board, the people and the dead letters show, prepared for their templates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ops.board import wording
from services.ops.board.answers import BoardStatus, MissingPerson
from services.ops.board.counts import Board, Person, Stage
from services.ops.board.decisions import BULK, LETTER_ORDERS, REBUILD, SCRUB, DecisionLine
from services.ops.board.health import Trouble, troubles_of
from services.ops.board.rows import AnchoredBatch, TroubledLetter
from services.ops.board.scrubs import ScrubLine
from services.ops.board.stuck import Stuck, stuck_of
from services.ops.board.timeline import Change
from services.ops.queries import BoardPage, DifferencePage
from services.ops.web.dead_letters_view import DeadMessage, dead_messages
from services.ops.web.rejections import RejectedLine, rejected_lines
from services.ops.web.restores import RestoreRow, restore_rows
from shared.office_events import ScrubCount
from shared.paper_events import PAPER_STEPS
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


@dataclass(frozen=True)
class DifferenceRow:
    word: str
    before: Bilingual
    name: Bilingual
    count: int
    people: Sequence[tuple[MissingPerson, Bilingual | None]]  # with the reason as people read it


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
class LagRow:
    name: Bilingual
    messages: int | None
    unknown: str | None


@dataclass(frozen=True)
class TroubleRow:
    name: Bilingual
    troubles: Sequence[Trouble]


@dataclass(frozen=True)
class ScrubRow:
    name: Bilingual
    line: ScrubLine
    counts: Sequence[tuple[Bilingual, ScrubCount]]
    left: Sequence[tuple[str, Bilingual, Bilingual | None]]  # key, what is wrong, and why it is left


@dataclass(frozen=True)
class FieldChange:
    """`known`: the old value was asked of registration, and `old` None says that there was none."""

    name: Bilingual
    old: str | None
    new: str | None
    known: bool


@dataclass(frozen=True)
class DecisionRow:
    line: DecisionLine
    name: Bilingual
    outcome: Bilingual | None  # None: none yet, or of a kind that gets none
    waiting: bool  # for its outcome
    fields: Sequence[FieldChange]
    others: Sequence[tuple[Bilingual, int]]  # of an undo: outcomes other than done


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
    lags: Sequence[LagRow]
    troubled_services: Sequence[TroubleRow]
    decisions: Sequence[DecisionRow]
    scrubs: Sequence[ScrubRow]
    restores: Sequence[RestoreRow]
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


def board_view(page: BoardPage, programme: Programme) -> BoardView:
    cohort = page.status.cohort
    return BoardView(
        status=page.status,
        pending=max(0, cohort.eligible - cohort.completed),
        stages=_stages(page.board),
        differences=[
            DifferenceRow(
                word=stage,
                before=wording.STAGES[missing.after],
                name=wording.STAGES[stage],
                count=missing.count,
                people=[(person, wording.reason_words(person.reason)) for person in missing.people],
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
        lags=[
            LagRow(wording.words_for(wording.SERVICES, service), messages, page.status.lag_unknown.get(service))
            for service, messages in page.status.lag.items()
        ],
        troubled_services=[
            TroubleRow(wording.words_for(wording.SERVICES, service), troubles)
            for service, health in page.status.services.items()
            if (troubles := troubles_of(service, health))
        ],
        decisions=decision_rows(page.decisions),
        scrubs=[_scrub(line) for line in page.status.scrubs],
        restores=restore_rows(page.status.restores),
        all_desks=page.all_desks,
    )


def _scrub(line: ScrubLine) -> ScrubRow:
    return ScrubRow(
        name=wording.words_for(wording.SERVICES, line.service),
        line=line,
        counts=[(wording.words_for(wording.OBJECTS, count.kind), count) for count in line.counts],
        left=[
            (
                fault.key,
                wording.words_for(wording.FOUND, fault.found),
                None if fault.outcome is None else wording.words_for(wording.NOT_REPAIRED, fault.outcome),
            )
            for fault in line.left
        ],
    )


_WITH_OUTCOME = (
    "revoke",
    "correct",
    "correct-address",
    "hold",
    "resume",
    *LETTER_ORDERS,
    REBUILD,
    SCRUB,
    *BULK,
    *PAPER_STEPS,
)


def decision_rows(
    lines: Iterable[DecisionLine], changed: Mapping[str, Sequence[Change]] | None = None
) -> list[DecisionRow]:
    """`changed`: by decision_id, what registration says that it changed; None: it did not answer."""
    return [
        DecisionRow(
            line=line,
            name=wording.words_for(wording.DECISIONS, line.decision),
            outcome=wording.words_for(wording.OUTCOMES, line.outcome) if line.outcome else None,
            waiting=line.outcome is None and line.decision in _WITH_OUTCOME,
            fields=field_changes(line, (changed or {}).get(line.id)),
            others=[
                (wording.words_for(wording.OUTCOMES, word), count)
                for word, count in (line.parts.outcomes if line.parts else {}).items()
                if word != "done"
            ],
        )
        for line in lines
    ]


def field_changes(line: DecisionLine, changed: Sequence[Change] | None) -> list[FieldChange]:
    """Old and new where they are known; else what the order itself says, without the old value."""
    if changed:
        return [field_change(each) for each in changed]
    fields = {"email": None} if line.decision == "correct-address" else line.correction or {}
    return [FieldChange(wording.words_for(wording.FIELDS, name), None, text, False) for name, text in fields.items()]


def field_change(change: Change) -> FieldChange:
    return FieldChange(wording.words_for(wording.FIELDS, change.field), change.old, change.new, True)


def _stages(board: Board) -> list[StageRow]:
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
                        HeldGroup(reason, wording.HELD_REASONS.get(reason) or _unknown(reason), people)
                        for reason, people in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
                    ],
                )
            )
    return rows


def stuck_row(stuck: Stuck, person: PersonRow | None = None) -> StuckRow:
    return StuckRow(
        stuck=stuck,
        words=wording.STUCK.get(stuck.reason) or _unknown(stuck.reason),
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
            words=wording.STUCK.get(reason) or _unknown(reason),
            count=page.status.stuck_by_reason.get(reason, len(found)),
            rows=found,
        )
        for reason, found in rows.items()
    ]


def _unknown(reason: str) -> wording.HeldWords:
    return wording.HeldWords(Bilingual(reason, reason), Bilingual("", ""))


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
