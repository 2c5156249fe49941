"""The pages and the API of ops over HTTP. Each route translates one request and one answer; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from services.ops import handlers
from services.ops.board.answers import Status, dead_letter_line, encode, person_line
from services.ops.board.counts import STATES
from services.ops.config import Links
from services.ops.handlers import AlreadyDecidedError, BoardPage, Ports
from services.ops.web import board_view
from services.ops.web.cache import Recent
from services.ops.web.http import Words, json_answer, refused_answer
from services.ops.web.orders import office_api, office_pages
from shared.programme import Programme
from shared.runtime.web import Pages, pages

DeadState = Literal["open", "replayed", "discarded", "all"]
Act = Literal["replay", "discard"]


@dataclass(frozen=True)
class Order:
    """The body of a replay or a discard: who orders it, and why."""

    by: Words
    why: Words


_PAGE = 500  # people on one page
_DECIDE = {"replay": handlers.replay, "discard": handlers.discard}


def site(programme: Programme, links: Links, ports: Ports, wake: Callable[[], None]) -> FastAPI:
    """`wake` is called when a decision waits in the outbox."""
    app = FastAPI(title="Akashi ops", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    made = pages(Path(__file__).parents[1] / "templates", programme)
    made.install(app)
    boards: Recent[BoardPage] = Recent()
    statuses: Recent[Status] = Recent()

    def decided() -> None:
        boards.forget()
        statuses.forget()
        wake()

    _pages(app, made, programme, links, ports, boards, decided)
    office_pages(app, made, programme, links.verifier, ports, decided)
    _api(app, ports, statuses, decided)
    office_api(app, ports, decided)
    return app


def _pages(
    app: FastAPI,
    made: Pages,
    programme: Programme,
    links: Links,
    ports: Ports,
    boards: Recent[BoardPage],
    decided: Callable[[], None],
) -> None:
    @app.get("/", include_in_schema=False)
    def board(request: Request, cohort: str | None = None) -> Response:
        page = board_view.board_view(boards.get(cohort, lambda: handlers.board_page(ports, cohort)), programme)
        return made.page(request, "board.html", page=page, links=links)

    @app.get("/board", include_in_schema=False)
    def fragment(request: Request, cohort: str | None = None) -> Response:
        """The living part of the board, for the script that keeps it fresh."""
        page = board_view.board_view(boards.get(cohort, lambda: handlers.board_page(ports, cohort)), programme)
        return made.page(request, "fragment.html", page=page, links=links)

    @app.get("/people", include_in_schema=False)
    def people(request: Request, state: str | None = None, cohort: str | None = None, after: str = "") -> Response:
        if state is not None and state not in STATES:
            return made.error(request, 404)
        found = handlers.people(ports, cohort, state, after=after, limit=_PAGE)
        page = board_view.people_view(found, state, programme)
        return made.page(request, "people.html", page=page)

    @app.get("/differences/{stage}", include_in_schema=False)
    def difference(request: Request, stage: str, cohort: str | None = None) -> Response:
        page = board_view.difference_view(handlers.difference(ports, cohort, stage), programme)
        return made.page(request, "difference.html", page=page)

    @app.get("/dead-letters", include_in_schema=False)
    def dead_letters(request: Request) -> Response:
        page = board_view.dead_letters_view(handlers.dead_letters(ports, None, limit=200))
        return made.page(request, "dead-letters.html", page=page, refused=None)

    @app.post("/dead-letters/{id}", include_in_schema=False)
    def decide(
        request: Request,
        id: str,
        act: Annotated[Act, Form()],
        by: Annotated[Words, Form()],
        why: Annotated[Words, Form()],
    ) -> Response:
        try:
            _DECIDE[act](ports, id, by=by, why=why)
        except AlreadyDecidedError as refused:
            page = board_view.dead_letters_view(handlers.dead_letters(ports, None, limit=200))
            return made.page(request, "dead-letters.html", status=409, page=page, refused=str(refused))
        decided()
        return RedirectResponse("/dead-letters", 303)


def _api(app: FastAPI, ports: Ports, statuses: Recent[Status], decided: Callable[[], None]) -> None:
    @app.get("/api/v1/status")
    def status(cohort: str | None = None) -> Response:
        """The count match of a cohort; the latest unless one is named."""
        return json_answer(encode(statuses.get(cohort, lambda: handlers.status(ports, cohort))))

    @app.get("/api/v1/people")
    def people(state: str | None = None, cohort: str | None = None) -> Response:
        """One entry a registration."""
        if state is not None and state not in STATES:
            return refused_answer(422, f"got state {state!r}, expected one of {', '.join(STATES)}")
        found = handlers.people(ports, cohort, state)
        return json_answer(encode([person_line(person) for person in found.people]))

    @app.get("/api/v1/dead-letters")
    def dead_letters(state: DeadState = "open") -> Response:
        """The messages that a service could not handle, oldest first."""
        found = handlers.dead_letters(ports, None if state == "all" else state)
        return json_answer(encode([dead_letter_line(letter) for letter in found]))

    @app.post("/api/v1/dead-letters/{id}/{act}")
    def decide(id: str, act: Act, order: Order) -> Response:
        """Replay or discard one. The body says who and why: {"by": "…", "why": "…"}."""
        try:
            letter = _DECIDE[act](ports, id, by=order.by, why=order.why)
        except AlreadyDecidedError as refused:
            return refused_answer(409, str(refused))
        decided()
        return JSONResponse({"id": letter.dead_letter_id, "state": "replayed" if act == "replay" else "discarded"})
