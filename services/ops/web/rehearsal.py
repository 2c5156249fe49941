"""The rehearsal of a cohort, as a page and as an API. It changes nothing; role office sees its own desk's people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response

from services.ops.acts.rehearsal import rehearse
from services.ops.board import wording
from services.ops.board.answers import encode
from services.ops.ports import Ports
from services.ops.rehearsal.answers import CheckLine, DeskForecast, Rehearsal
from services.ops.rehearsal.durations import duration
from services.ops.rehearsal.judgement import seen_by
from services.ops.web.http import json_answer, refused_answer
from services.ops.web.scope import Scope
from shared.errors import NotFound, TryLater
from shared.programme import Bilingual, Programme
from shared.readiness import DomainForecast
from shared.runtime.web import Pages

_SECONDS = 5.0  # for which an answer stands: several who look at once ask relay, chain and DNS once
_MOST_WAITING = 6  # threads of the server's forty
_DOMAINS = 15
_PEOPLE = 200

_ETHER = 10**18


class Rehearsals:
    """Answers by cohort, each at most some seconds old. One thread asks, a few wait for it: the others serve pages."""

    def __init__(self, ask: Callable[[str | None], Rehearsal]) -> None:
        self._ask = ask
        self._asking = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_WAITING)
        self._found: dict[str | None, tuple[float, Rehearsal]] = {}

    def get(self, cohort: str | None) -> Rehearsal:
        """NotFound for a cohort that there isn't. TryLater while enough wait for an answer already."""
        if not self._places.acquire(blocking=False):
            raise TryLater("a rehearsal is on its way, and others wait for it; ask again soon")
        try:
            with self._asking:
                at, found = self._found.get(cohort, (0.0, None))
                if found is None or time.monotonic() - at > _SECONDS:
                    found = self._ask(cohort)
                    self._found = {cohort: (time.monotonic(), found)}
                return found
        finally:
            self._places.release()


@dataclass(frozen=True)
class DeskView:
    desk: DeskForecast
    reasons: Sequence[tuple[wording.HeldWords, int, Sequence[str]]]  # with the ids of those who are named
    unnamed: int


@dataclass(frozen=True)
class RehearsalView:
    """What the page shows. `domains`: those that take longest; `more`: how many others there are."""

    found: Rehearsal
    desks: Sequence[DeskView] | None
    stages: Sequence[tuple[Bilingual, str, Bilingual]]
    domains: Sequence[tuple[DomainForecast, Bilingual]]
    more: int
    fees: Sequence[tuple[str, str, str, str]]  # network, now, at most, balance; in ether
    at_fault: Sequence[CheckLine]
    not_asked: Sequence[CheckLine]
    well: Sequence[CheckLine]


def rehearsal_view(found: Rehearsal) -> RehearsalView:
    domains = sorted(found.letters.domains if found.letters else (), key=lambda each: -each.seconds)
    return RehearsalView(
        found=found,
        desks=None if found.desks is None else [_desk(desk) for desk in found.desks],
        stages=[
            (wording.STAGES[stage.stage], f"{stage.per_second:.1f}", duration(stage.seconds)) for stage in found.stages
        ],
        domains=[(each, duration(each.seconds)) for each in domains[:_DOMAINS]],
        more=max(len(domains) - _DOMAINS, 0),
        fees=[
            (each.network, _ether(each.fee_now), _ether(each.fee_most), _ether(each.balance))
            for each in (found.batches.networks if found.batches else ())
        ],
        at_fault=[line for line in found.checks if line.state == "fault"],
        not_asked=[line for line in found.checks if line.state == "not-asked"],
        well=[line for line in found.checks if line.state == "ok"],
    )


def _desk(desk: DeskForecast) -> DeskView:
    named = desk.people[:_PEOPLE]
    reasons = [
        (
            wording.held_words_for(wording.HELD_REASONS, reason),
            count,
            [person.registration_id for person in named if person.reason == reason],
        )
        for reason, count in desk.held_by_reason.items()
    ]
    return DeskView(desk, reasons, desk.held - len(named))


def _ether(wei: int | None) -> str:
    return "–" if wei is None else f"{wei / _ETHER:.6f}"


def rehearsal_pages(app: FastAPI, html: Pages, programme: Programme, scope: Scope, rehearsals: Rehearsals) -> None:
    @app.get("/rehearsal", include_in_schema=False)
    def page(request: Request, cohort: str | None = None) -> Response:
        found = seen_by(rehearsals.get(cohort or None), programme, scope.seen_by(request))
        return html.page(request, "rehearsal.html", page=rehearsal_view(found), duration=duration)


def rehearsal_api(app: FastAPI, rehearsals: Rehearsals) -> None:
    @app.get("/api/v1/rehearsal")
    def rehearsal(cohort: str | None = None) -> Response:
        """The dry run of a cohort: who comes and who is held by desk, how long it takes, what it costs, each check.

        Changes nothing. Takes some seconds. `is_ready`: nothing is at fault.
        """
        try:
            return json_answer(encode(rehearsals.get(cohort or None)))
        except NotFound as missing:
            return refused_answer(404, str(missing))


def rehearsals_of(ports: Ports, programme: Programme) -> Rehearsals:
    return Rehearsals(lambda cohort: rehearse(ports, programme, cohort))
