"""What the page of a person and the record of decisions show, prepared for their templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from services.ops.acts.person_orders import SPELLED
from services.ops.board import wording
from services.ops.board.characters import NameCharacter, name_characters
from services.ops.board.counts import HELD, REVOKED
from services.ops.board.decisions import DAYS, RESUMABLE, DecisionLine, History, LetterLine, VersionLine
from services.ops.board.rejected import rejected_words
from services.ops.board.timeline import HAPPENED, Change, Moment, timeline
from services.ops.web.board_view import StuckRow, stuck_row
from services.ops.web.decisions_view import DecisionRow, FieldChange, decision_rows, field_change
from shared.office_answers import NotAppliedAnswer, PersonAnswer, SharerAnswer
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
class MomentRow:
    """An entry of the history: what happened, why, and what changed."""

    at: datetime
    name: Bilingual
    reason: str | None
    reason_words: Bilingual | None
    subject: str | None
    changes: Sequence[FieldChange]
    letter: LetterLine | None
    state: Bilingual | None  # of the letter
    decision: DecisionRow | None


@dataclass(frozen=True)
class PersonView:
    history: History
    qualification: Bilingual | None
    state: Bilingual
    kind: str  # CSS class of the state
    reason: Bilingual | None
    held: wording.HeldWords | None
    versions: Sequence[VersionRow]
    decisions: Sequence[DecisionRow]
    fields: Sequence[FieldRow]
    spelling: Sequence[FieldRow]
    characters: Sequence[NameCharacter]  # of the name
    timeline: Sequence[MomentRow]
    stuck: StuckRow | None
    said: PersonAnswer | None  # by registration; None: it was not asked, or did not answer
    sharers: Sequence[SharerAnswer]
    others: int  # of those at the same address: people of other desks

    @property
    def correctable(self) -> bool:
        """It was released to the issuer, with whatever result: the office may have it issued once more."""
        return bool(self.versions) or self.history.state == "eligible"

    @property
    def spellable(self) -> bool:
        """Its name can't be written as upstream has it, as far as is known here."""
        known = self.history.reason in ("no-glyph", "look-alike") or (self.said is not None and bool(self.said.missing))
        return self.held is not None and known

    @property
    def resumable(self) -> bool:
        """What holds it is ended by the office's order."""
        return self.held is not None and self.history.reason in RESUMABLE

    @property
    def holdable(self) -> bool:
        """It has no badge yet, and the office does not hold it."""
        return not self.versions and not (self.held is not None and self.history.reason == "office-hold")

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
    def undone(self) -> DecisionRow | None:
        """The latest order, if it was not carried out and registration has told nothing since.

        It is said above: the history is far below the form that gave it.
        """
        latest = self.decisions[0] if self.decisions else None
        if latest is None or not latest.is_undone:
            return None
        return None if any(each.at > latest.line.at for each in self.history.happened) else latest

    @property
    def not_applied(self) -> Sequence[tuple[NotAppliedAnswer, Bilingual]]:
        """What upstream changed after the issue, with the name of its field."""
        return [(each, rejected_words(each.field)[0]) for each in (self.said.not_applied if self.said else ())]

    @property
    def waiting(self) -> bool:
        """An order has no outcome yet: the page looks again by itself."""
        return any(row.waiting for row in self.decisions)


def person_view(
    history: History,
    programme: Programme,
    said: PersonAnswer | None = None,
    changed: Mapping[str, Sequence[Change]] | None = None,
    seen: Sequence[str] | None = None,
) -> PersonView:
    """`said`, `changed`: what registration answered, if it did. `seen`: the qualifications whose people are named."""
    qualification = programme.qualifications.get(history.qualification or "")
    newest = history.versions[0].version if history.versions else None
    kind = {REVOKED: "no", HELD: "wait", "completed": "ok"}.get(history.state, "old")
    sharers = [each for each in (said.sharers if said else ()) if seen is None or each.qualification in seen]
    names = names_of(history, said)
    return PersonView(
        history=history,
        qualification=qualification.name if qualification else None,
        state=wording.STATES[history.state],
        kind=kind,
        reason=wording.reason_words(history.reason),
        held=wording.HELD_REASONS.get(history.reason or "") if history.state == HELD else None,
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
        decisions=decision_rows(history.decisions, changed),
        fields=[
            FieldRow(name, wording.FIELDS[name], history.facts.get(name) or "", _input_type(name))
            for name in CORRECTABLE
        ],
        spelling=[FieldRow(name, wording.FIELDS[name], names.get(name) or "", "text") for name in SPELLED],
        characters=name_characters(history.name or "", history.held_characters or ""),
        timeline=[
            _moment(moment, changed)
            for moment in timeline(
                history.happened, history.versions, history.letters, history.decisions, changed or {}
            )
        ],
        stuck=stuck_row(history.stuck) if history.stuck is not None else None,
        said=said,
        sharers=sharers,
        others=len(said.sharers) - len(sharers) if said else 0,
    )


def names_of(history: History, said: PersonAnswer | None) -> dict[str, str | None]:
    """The names as the certificate is to have them: registration's answer, else the name that the hold told."""
    if said is not None:
        return dict(said.written)
    family, _, given = (history.name or "").partition(" ")
    known = {name: history.facts.get(name) for name in SPELLED}
    return {**known, "family_name": known["family_name"] or family, "given_name": known["given_name"] or given}


def _moment(moment: Moment, changed: Mapping[str, Sequence[Change]] | None) -> MomentRow:
    row = decision_rows([moment.decision], changed)[0] if moment.decision else None
    letter = moment.letter
    name = row.name if row else wording.words_for(HAPPENED, moment.kind)
    if letter is not None:
        name = wording.words_for(wording.LETTERS, letter.letter)
    elif moment.kind in ("version", "issued") and moment.number > 1:
        name = Bilingual(f"{name.ja}（{moment.number}回目）", f"{name.en} (version {moment.number})")
    return MomentRow(
        at=moment.at,
        name=name,
        reason=moment.reason,
        reason_words=wording.reason_words(moment.reason) if moment.kind == "held" else None,
        subject=moment.subject,
        changes=row.fields if row else [field_change(each) for each in moment.changes],
        letter=letter,
        state=wording.words_for(wording.LETTER_STATES, letter.state) if letter else None,
        decision=row,
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


def decisions_view(
    lines: Sequence[DecisionLine], about: str | None, changed: Mapping[str, Sequence[Change]] | None = None
) -> DecisionsView:
    return DecisionsView(about=about, rows=decision_rows(lines, changed))
