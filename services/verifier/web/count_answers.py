"""A verdict on a statement of the public count as JSON, for the API and `akashi statement verify --json`; pure.

Stable: fields may be added, meanings never changed.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.verifier.check.count import CountVerdict
from services.verifier.check.count_words import (
    COUNT_NAMES,
    COUNT_NEXT,
    count_explanation,
    count_heading,
    count_sentence,
)
from services.verifier.web.answers import CheckAnswer
from shared.programme import Bilingual


class FiguresAnswer(msgspec.Struct, frozen=True):
    """Badges of the cohort, as the statement counts them."""

    issued: int
    valid: int
    revoked: int
    corrected: int
    anchored: int


class CountAnswer(msgspec.Struct, frozen=True, tag_field="document", tag="count"):
    """`figures` is null unless the society signed exactly this; `newest`, while the newest statement is unknown."""

    verdict: str  # right, not-recorded-yet, not-right, could-not-check
    heading: Bilingual
    sentence: Bilingual
    next: Bilingual
    checked_at: datetime
    cohort: str | None
    number: int | None
    newest: int | None
    figures: FiguresAnswer | None
    checks: tuple[CheckAnswer, ...]


def count_answer_of(verdict: CountVerdict, issuer: Bilingual) -> CountAnswer:
    statement = verdict.statement
    figures = None
    if statement is not None and verdict.is_genuine:
        told = statement.figures
        figures = FiguresAnswer(told.issued, told.valid, told.revoked, told.corrected, told.anchored)
    return CountAnswer(
        verdict=verdict.kind,
        heading=count_heading(verdict),
        sentence=count_sentence(verdict, issuer),
        next=COUNT_NEXT[verdict.kind],
        checked_at=verdict.checked_at,
        cohort=None if statement is None else statement.cohort,
        number=None if statement is None else statement.number,
        newest=verdict.newest,
        figures=figures,
        checks=tuple(
            CheckAnswer(
                number=check.number,
                name=COUNT_NAMES[check.number],
                outcome=check.outcome,
                said=count_explanation(check),
                got=check.got,
                expected=check.expected,
            )
            for check in verdict.checks
        ),
    )
