"""Rows of deliveries that could not be read, as a page and as an API: the office dismisses what needs nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from services.ops.acts import rejections as room
from services.ops.acts.orders import Attribution
from services.ops.acts.rejections import RowState
from services.ops.board.answers import encode
from services.ops.board.rejected import Problem, RejectedRow, rejected_words
from services.ops.ports import Ports
from services.ops.web.http import ID, Words, json_answer, refused_answer
from shared.errors import NotFound
from shared.programme import Bilingual
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_SHOWN = 500  # rows on the page; the API has all


@dataclass(frozen=True)
class RejectedLine:
    """A rejected row; for each wrong field its name, what is wrong with it, and the exact values."""

    row: RejectedRow
    problems: list[tuple[Bilingual, Bilingual, Problem]]


def rejected_lines(rows: Iterable[RejectedRow]) -> list[RejectedLine]:
    return [RejectedLine(row, [(*rejected_words(each.field), each) for each in row.problems]) for row in rows]


@dataclass(frozen=True)
class Dismissal:
    """Which rows: their ids, or all of the delivery `source`; with `everything` all open ones."""

    by: Words
    why: Words
    ids: list[ID] | None = None
    source: ID | None = None
    everything: bool = False


def rejections_pages(app: FastAPI, html: Pages, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when a decision is in the outbox."""

    def page(request: Request, status: int = 200, refused: str = "") -> Response:
        open_rows = room.rejected_rows(ports, "open", limit=_SHOWN)
        dismissed = room.rejected_rows(ports, "dismissed", limit=_SHOWN)
        lines = rejected_lines(open_rows)
        sources = sorted({row.source for row in open_rows})
        return html.page(
            request,
            "rejected.html",
            status=status,
            refused=refused,
            lines=lines,
            sources=sources,
            dismissed=rejected_lines(dismissed),
            shown=_SHOWN,
        )

    @app.get("/rejected", include_in_schema=False)
    def look(request: Request) -> Response:
        return page(request)

    @app.post("/rejected", include_in_schema=False)
    def dismiss(
        request: Request,
        why: Annotated[Words, Form()],
        id: Annotated[list[ID], Form()] = [],  # noqa: B006 (FastAPI copies it)
        source: Annotated[ID | None, Form()] = None,
        everything: Annotated[bool, Form()] = False,
    ) -> Response:
        who = Attribution(user_of(request).name, why)
        if not (id or everything or source):
            return page(request, 422, "none")
        try:
            if everything:
                room.dismiss(ports, who)
            elif source is not None:
                room.dismiss(ports, who, source=source)
            else:
                room.dismiss(ports, who, ids=id)
        except NotFound as gone:
            return page(request, 409, str(gone))
        decided()
        return RedirectResponse("/rejected", 303)


def rejections_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get("/api/v1/rejected")
    def rejected(state: RowState = "open") -> Response:
        """Rows of deliveries that could not be read, the latest deliveries first."""
        return json_answer(encode(room.rejected_rows(ports, state, limit=25_000)))

    @app.post("/api/v1/rejected/dismiss")
    def dismiss(order: Dismissal) -> Response:
        """Dismiss rows: {"ids": ["…"]}, {"source": "…"} or {"everything": true}, with {"by": "…", "why": "…"}."""
        if sum((order.ids is not None, order.source is not None, order.everything)) != 1:
            return refused_answer(422, "expected one of ids, source, everything")
        try:
            who = Attribution(order.by, order.why)
            count = room.dismiss(ports, who, ids=order.ids, source=order.source)
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return JSONResponse({"dismissed": count})
