"""What the pages of a person and of the record show, put in order for their templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from services.ops.board import wording
from services.ops.board.counts import HELD, REVOKED
from services.ops.board.decisions import DecisionLine, Facts, Life, LifeLetter, Version
from services.ops.web.board_view import DecisionRow, decision_rows
from shared.events import Correction
from shared.programme import Bilingual, Programme


@dataclass(frozen=True)
class VersionRow:
    version: Version
    letters: Sequence[tuple[LifeLetter, Bilingual, Bilingual]]  # with its name and state as people read them
    newest: bool


@dataclass(frozen=True)
class FieldRow:
    name: str
    label: Bilingual
    value: str
    kind: str


@dataclass(frozen=True)
class LifeView:
    life: Life
    qualification: Bilingual | None
    state: Bilingual
    kind: str  # of the verdict
    reason: Bilingual | None
    versions: Sequence[VersionRow]
    decisions: Sequence[DecisionRow]
    fields: Sequence[FieldRow]

    @property
    def revocable(self) -> str | None:
        """The assertion_id of the newest badge, unless it is revoked."""
        newest = self.versions[0].version if self.versions else None
        return newest.assertion_id if newest is not None and newest.revoked_at is None else None

    @property
    def waiting(self) -> bool:
        """An order is on its way: the page looks again by itself."""
        return any(row.waiting for row in self.decisions)


def life_view(life: Life, programme: Programme) -> LifeView:
    qualification = programme.qualifications.get(life.qualification or "")
    newest = life.versions[0].version if life.versions else None
    kind = {REVOKED: "no", HELD: "wait", "completed": "ok"}.get(life.state, "old")
    return LifeView(
        life=life,
        qualification=qualification.name if qualification else None,
        state=wording.STATES[life.state],
        kind=kind,
        reason=wording.reason_words(life.reason),
        versions=[
            VersionRow(
                version=version,
                letters=[
                    (
                        letter,
                        wording.either(wording.LETTERS, letter.letter),
                        wording.either(wording.LETTER_STATES, letter.state),
                    )
                    for letter in life.letters
                    if letter.assertion_id == version.assertion_id
                ],
                newest=version.version == newest,
            )
            for version in life.versions
        ],
        decisions=decision_rows(life.decisions),
        fields=[
            FieldRow(name, label, str(getattr(life.facts, name, None) or ""), _KINDS.get(name, "text"))
            for name, label in wording.FIELDS.items()
        ],
    )


_KINDS = {"email": "email", "valid_from": "date", "valid_until": "date"}


def entered(facts: Facts, form: Mapping[str, str | None]) -> Correction | None:
    """The correction in a form that came filled in with what stands: only what was changed; None if nothing was.

    ValueError for a text that is no date. An empty address means no other address: the page doesn't know the one on
    file. A field that the form lacks is not changed.
    """
    changed: dict[str, Any] = {}
    for name, text in form.items():
        entered = None if text is None else text.strip()
        if name in ("valid_from", "valid_until"):
            day = date.fromisoformat(entered) if entered else None
            if day is not None and day != getattr(facts, name):
                changed[name] = day
        elif entered is not None and entered != (getattr(facts, name, None) or ""):
            changed[name] = entered
    return msgspec.convert(changed, Correction) if changed else None


@dataclass(frozen=True)
class DecisionsView:
    about: str | None
    rows: Sequence[DecisionRow]

    @property
    def waiting(self) -> bool:
        return any(row.waiting for row in self.rows)


def decisions_view(lines: Sequence[DecisionLine], about: str | None) -> DecisionsView:
    return DecisionsView(about=about, rows=decision_rows(lines))
