"""The board, the people and the dead letters, as pages and as an API. Each route translates one request and answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse

from services.ops import queries
from services.ops.acts.dead_letters import DECIDE, DeadLetterAct
from services.ops.board.answers import BoardStatus, dead_letter_line, encode, person_line
from services.ops.board.counts import STATES, Person
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.queries import BoardPage
from services.ops.web import board_view
from services.ops.web.cache import AnswerCache
from services.ops.web.http import Words, json_answer, refused_answer
from services.ops.web.live import Boards, LiveBoards
from services.ops.web.scope import Scope
from shared.errors import NotFound
from shared.programme import Programme
from shared.runtime.web import Language, Pages

DeadState = Literal["open", "replayed", "discarded", "all"]

EVENT_STREAM = "text/event-stream"
_MOST = 1000  # people in one answer, or read at a time


@dataclass(frozen=True)
class DeadLetterOrder:
    """The body of a replay or a discard: who orders it, and why."""

    by: Words
    why: Words


def board_pages(
    app: FastAPI,
    html: Pages,
    programme: Programme,
    links: Links,
    scope: Scope,
    ports: Ports,
    boards: Boards,
) -> None:

    def board_of(request: Request, cohort: str | None) -> board_view.BoardView:
        return view_of(boards.page(cohort, scope.seen_by(request)))

    def view_of(page: BoardPage) -> board_view.BoardView:
        return board_view.board_view(page, programme, ports)

    def draw(page: BoardPage, language: Language, is_whole: bool) -> str:
        template = "fragment.html" if is_whole else "figures.html"
        return html.text(template, language, "", "/board", page=view_of(page), links=links)

    live = LiveBoards(boards, draw)

    @app.get("/", include_in_schema=False)
    def board(request: Request, cohort: str | None = None) -> Response:
        return html.page(request, "board.html", page=board_of(request, cohort), links=links)

    @app.get("/board", include_in_schema=False)
    def fragment(request: Request, cohort: str | None = None) -> Response:
        """The part of the board that changes, for the script that refreshes it."""
        return html.page(request, "fragment.html", page=board_of(request, cohort), links=links)

    @app.get("/board/events", include_in_schema=False)
    async def events(request: Request, cohort: str | None = None) -> Response:
        """The same whenever it changes, as server-sent events. Who does not ask for a stream gets the first event."""
        seen = scope.seen_by(request)
        await run_in_threadpool(boards.page, cohort, seen)  # an unknown cohort, a database that is away: a status
        once = request.headers.get("accept") != EVENT_STREAM or request.method == "HEAD"
        known = request.headers.get("last-event-id", "")
        stream = live.events((cohort, seen), html.language(request), once=once, known=known)
        return StreamingResponse(stream, media_type=EVENT_STREAM, headers={"x-accel-buffering": "no"})

    @app.get("/differences/{stage}", include_in_schema=False)
    def difference(request: Request, stage: str, cohort: str | None = None) -> Response:
        found = queries.difference(ports, cohort, stage, scope.seen_by(request))
        page = board_view.difference_view(found, programme)
        return html.page(request, "difference.html", page=page, count=found.difference.missing)


def _array(parts: Iterable[Sequence[Person]]) -> Iterator[bytes]:
    """A JSON array, a part at a time."""
    mark = b"["
    for people in parts:
        if people:
            yield mark + encode([person_line(person) for person in people])[1:-1]
            mark = b","
    yield b"]" if mark == b"," else b"[]"


def board_api(app: FastAPI, ports: Ports, statuses: AnswerCache[BoardStatus], decided: Callable[[], None]) -> None:
    @app.get("/api/v1/status")
    def status(cohort: str | None = None) -> Response:
        """The count match of a cohort; the latest unless one is named."""
        try:
            return json_answer(encode(statuses.get(cohort, lambda: queries.status(ports, cohort))))
        except NotFound as missing:
            return refused_answer(404, str(missing))

    @app.get("/api/v1/people")
    def people(
        request: Request,
        state: str | None = None,
        cohort: str | None = None,
        after: str = "",
        limit: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
    ) -> Response:
        """One entry a registration, in order of registration_id.

        With `limit` so many of them, those that follow `after`; the header Link has the URL of the next page
        (rel="next"). Without `limit` all, as they are read.
        """
        if state is not None and state not in STATES:
            return refused_answer(422, f"got state {state!r}, expected one of {', '.join(STATES)}")
        try:
            if limit is None:
                parts = queries.all_people(ports, cohort, state, part=_MOST)
                first = next(parts)  # here: a database that is away is a 503, and not half an answer
                return StreamingResponse(_array(chain([first], parts)), media_type="application/json")
            found = queries.people(ports, cohort, state, after=after, limit=limit)
        except NotFound as missing:
            return refused_answer(404, str(missing))
        answer = json_answer(encode([person_line(person) for person in found.people]))
        if found.after is not None:
            url = request.url.include_query_params(after=found.after, cohort=found.cohort)
            answer.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
        return answer

    @app.get("/api/v1/dead-letters")
    def dead_letters(state: DeadState = "open") -> Response:
        """The messages that a service could not handle, oldest first."""
        found = queries.dead_letters(ports, None if state == "all" else state)
        return json_answer(encode([dead_letter_line(letter) for letter in found]))

    @app.post("/api/v1/dead-letters/{id}/{act}")
    def decide(id: str, act: DeadLetterAct, order: DeadLetterOrder) -> Response:
        """Replay or discard one. The body says who and why: {"by": "…", "why": "…"}."""
        try:
            letter = DECIDE[act](ports, id, by=order.by, why=order.why)
        except AlreadyDecidedError as refused:
            return refused_answer(409, str(refused))
        decided()
        return JSONResponse({"id": letter.dead_letter_id, "state": "replayed" if act == "replay" else "discarded"})
