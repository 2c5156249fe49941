"""Orders of the office as the pages show them: name, outcome, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.ops.board import wording
from services.ops.board.accounts import ACCOUNT_DECISIONS, ACCOUNT_FIELDS
from services.ops.board.decisions import BULK, DONE, FEED, LETTER_ORDERS, REBUILD, SCRUB, DecisionLine
from services.ops.board.erasures import ERASE
from services.ops.board.paper import PAPER_FIELDS, outcome_detail
from services.ops.board.rebuilds import DRY_RUN
from services.ops.board.timeline import Change
from shared.paper_events import PAPER_STEPS
from shared.programme import Bilingual


@dataclass(frozen=True)
class FieldChange:
    """`known`: the old value was asked of registration, and `old` None says that there was none."""

    name: Bilingual
    old: str | None
    new: str | None
    known: bool

    @property
    def shown(self) -> str | None:
        """The new value; of a long list its beginning."""
        if self.new is None or len(self.new) <= _LONGEST:
            return self.new
        return self.new[: self.new.rfind("、", 0, _LONGEST)] + " …"


@dataclass(frozen=True)
class DecisionRow:
    line: DecisionLine
    name: Bilingual
    outcome: Bilingual | None  # None: none yet, or of a kind that gets none
    waiting: bool  # for its outcome
    fields: Sequence[FieldChange]
    others: Sequence[tuple[Bilingual, int]]  # of an undo: outcomes other than done
    detail: Bilingual | None  # of the outcome
    missing: Sequence[Bilingual]  # of an erasure: the services that hold something of the person yet

    @property
    def is_undone(self) -> bool:
        """It came to nothing, or to a part."""
        return self.line.outcome not in (None, DONE, DRY_RUN)


_NAMES = {**wording.DECISIONS, **ACCOUNT_DECISIONS}
_FIELDS = {**wording.FIELDS, **ACCOUNT_FIELDS, **PAPER_FIELDS}
_LONGEST = 400  # characters of a value on a page; the file of the record has all
_WITH_OUTCOME = (
    "revoke",
    "correct",
    "correct-address",
    "hold",
    "resume",
    "end-sessions",
    "end-all-sessions",
    *LETTER_ORDERS,
    REBUILD,
    SCRUB,
    ERASE,
    *BULK,
    *PAPER_STEPS,
    FEED,
)
"""Carried out by a service, which answers. Every other kind is done by ops itself, together with the order."""


def decision_rows(
    lines: Iterable[DecisionLine], changed: Mapping[str, Sequence[Change]] | None = None
) -> list[DecisionRow]:
    """`changed`: by decision_id, what registration says that it changed; None: it did not answer."""
    return [
        DecisionRow(
            line=line,
            name=wording.words_for(_NAMES, line.decision),
            outcome=wording.words_for(wording.OUTCOMES, line.outcome) if line.outcome else None,
            waiting=line.outcome is None and line.decision in _WITH_OUTCOME,
            fields=field_changes(line, None if changed is None else changed.get(line.id, ())),
            others=[
                (wording.words_for(wording.OUTCOMES, word), count)
                for word, count in (line.parts.outcomes if line.parts else {}).items()
                if word != "done"
            ],
            detail=_detail(line),
            missing=[
                wording.words_for(wording.SERVICES, each.service)
                for each in line.producers or ()
                if line.decision == ERASE and line.outcome is None and each.outcome is None
            ],
        )
        for line in lines
    ]


def _detail(line: DecisionLine) -> Bilingual | None:
    """In words where it is structured, else as the service wrote it."""
    if line.paper is not None:
        return outcome_detail(line.paper)
    return Bilingual(line.detail, line.detail) if line.detail else None


def field_changes(line: DecisionLine, changed: Sequence[Change] | None) -> list[FieldChange]:
    """Old and new where they are known; else what the order itself says, without the old value.

    An order of an address says nothing itself: what registration, if it answered, does not know of has changed nothing.
    """
    if changed:
        return [field_change(each) for each in changed]
    if line.decision == "correct-address":
        fields: Mapping[str, str | None] = {"email": None} if changed is None else {}
    else:
        fields = line.correction or {}
    return [FieldChange(wording.words_for(_FIELDS, name), None, text, False) for name, text in fields.items()]


def field_change(change: Change) -> FieldChange:
    return FieldChange(wording.words_for(wording.FIELDS, change.field), change.old, change.new, True)
