"""The rehearsal of a cohort as `akashi rehearse --json` and `GET /api/v1/rehearsal` give it. Pure; fields only grow."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from shared.office_answers import HeldAnswer
from shared.programme import Bilingual
from shared.readiness import BatchesForecast, LettersForecast, State

StageName = Literal["issued", "notified", "anchored", "rendered", "completed"]


class DeskForecast(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one desk. `people`: the first of those who are held, by id; `held_by_reason` counts all.

    `letters`: to come, by mail domain.
    """

    desk: str
    name: str
    released: int
    coming: int
    held: int
    coming_on: dict[date, int]
    held_by_reason: dict[str, int]
    letters: dict[str, int]
    people: tuple[HeldAnswer, ...]


class StageForecast(msgspec.Struct, frozen=True, kw_only=True):
    """How long a stage takes for all that come. `measured`: in the busiest minute of `cohort`'s run, or documented."""

    stage: StageName
    badges: int
    per_second: float
    seconds: float
    measured: bool
    cohort: str | None = None


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """One check: who was asked, what was found, the next step unless all is well; for programs `code` and `facts`."""

    service: str
    check: str
    name: Bilingual
    state: State
    about: str = ""
    code: str | None = None
    found: Bilingual | None = None
    next: Bilingual | None = None
    facts: dict[str, str] = {}


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """`desks` is None while registration doesn't answer. `days_left` until the cohort begins; negative afterwards."""

    at: datetime
    cohort: str | None
    begins_at: datetime | None
    days_left: int | None
    is_current: bool
    desks: tuple[DeskForecast, ...] | None
    letters: LettersForecast | None
    batches: BatchesForecast | None
    stages: tuple[StageForecast, ...]
    checks: tuple[CheckLine, ...]
    faults: int
    not_asked: int
    is_ready: bool

    @property
    def coming(self) -> int:
        return sum(desk.coming for desk in self.desks or ())

    @property
    def held(self) -> int:
        return sum(desk.held for desk in self.desks or ())

    @property
    def released(self) -> int:
        return sum(desk.released for desk in self.desks or ())
