"""What the page of a person and the record of decisions show, prepared for their templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from services.ops.board import wording
from services.ops.board.counts import HELD, REVOKED
from services.ops.board.decisions import DAYS, DecisionLine, History, LetterLine, VersionLine
from services.ops.web.board_view import DecisionRow, StuckRow, decision_rows, stuck_row
from shared.office_events import CORRECTABLE, Correction
from shared.programme import Bilingual, Programme


@dataclass(frozen=True)
class VersionRow:
    version: VersionLine
    letters: Sequence[tuple[LetterLine, Bilingual, Bilingual]]  # with its name and state as people read them
    newest: bool


@dataclass(frozen=True)
class FieldRow:
    name: str
    label: Bilingual
    value: str
    kind: str


@dataclass(frozen=True)
class PersonView:
    history: History
    qualification: Bilingual | None
    state: Bilingual
    kind: str  # CSS class of the state
    reason: Bilingual | None
    versions: Sequence[VersionRow]
    decisions: Sequence[DecisionRow]
    fields: Sequence[FieldRow]
    stuck: StuckRow | None

    @property
    def correctable(self) -> bool:
        """It was released to the issuer, with whatever result: the office may have it issued once more."""
        return bool(self.versions) or self.history.state == "eligible"

    @property
    def period(self) -> tuple[date, date] | None:
        """The first and the last day, as far as they are known."""
        first, last = self.history.facts.get("valid_from"), self.history.facts.get("valid_until")
        return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None

    @property
    def revocable(self) -> str | None:
        """The assertion_id of the newest badge, unless it is revoked."""
        newest = self.versions[0].version if self.versions else None
        return newest.assertion_id if newest is not None and newest.revoked_at is None else None

    @property
    def resendable(self) -> Sequence[tuple[str, Bilingual]]:
        """The letters about the newest badge that were handed over once: the mailer can send them again."""
        letters = self.versions[0].letters if self.versions else ()
        return [(letter.letter, name) for letter, name, _ in letters if letter.state in ("sent", "deferred", "bounced")]

    @property
    def waiting(self) -> bool:
        """An order has no outcome yet: the page reloads by itself."""
        return any(row.waiting for row in self.decisions)


def person_view(history: History, programme: Programme) -> PersonView:
    qualification = programme.qualifications.get(history.qualification or "")
    newest = history.versions[0].version if history.versions else None
    kind = {REVOKED: "no", HELD: "wait", "completed": "ok"}.get(history.state, "old")
    return PersonView(
        history=history,
        qualification=qualification.name if qualification else None,
        state=wording.STATES[history.state],
        kind=kind,
        reason=wording.reason_words(history.reason),
        versions=[
            VersionRow(
                version=version,
                letters=[
                    (
                        letter,
                        wording.words_for(wording.LETTERS, letter.letter),
                        wording.words_for(wording.LETTER_STATES, letter.state),
                    )
                    for letter in history.letters
                    if letter.assertion_id == version.assertion_id
                ],
                newest=version.version == newest,
            )
            for version in history.versions
        ],
        decisions=decision_rows(history.decisions),
        fields=[
            FieldRow(name, wording.FIELDS[name], history.facts.get(name) or "", _input_type(name))
            for name in CORRECTABLE
        ],
        stuck=stuck_row(history.stuck) if history.stuck is not None else None,
    )


def _input_type(name: str) -> str:
    if name in DAYS:
        return "date"
    return "email" if name == "email" else "text"


def correction_in(form: Mapping[str, str | None], facts: Mapping[str, str | None]) -> Correction | None:
    """What was changed in a form that came filled in with `facts`; None if nothing was.

    ValueError for a text that is no date. An empty date or address is no change: the page doesn't show the address on
    file. A field that is missing in the form is no change.
    """
    changed: dict[str, str | date] = {}
    for name, given in form.items():
        text = None if given is None else given.strip()
        if text is None or text == (facts.get(name) or ""):
            continue
        if name not in DAYS:
            changed[name] = text
        elif text:
            day = date.fromisoformat(text)
            if day.isoformat() != facts.get(name):
                changed[name] = day
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
