"""Dead letters as pages: by topic and cause, with the decoded event; replayed or discarded, one or all of a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops import queries
from services.ops.acts.dead_letters import DECIDE, DeadLetterAct, decide_all
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.ports import Ports
from services.ops.web.dead_letters_view import dead_letters_view
from services.ops.web.http import Value, Words
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_OPEN, _CLOSED = 1000, 200  # on the page


def dead_letters_pages(app: FastAPI, html: Pages, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins: `site.py`. `decided` is called when a decision is in the outbox."""

    def page(request: Request, status: int = 200, refused: str | None = None) -> Response:
        letters = [
            *queries.dead_letters(ports, "open", limit=_OPEN),
            *queries.dead_letters(ports, "replayed", limit=_CLOSED),
            *queries.dead_letters(ports, "discarded", limit=_CLOSED),
        ]
        return html.page(request, "dead-letters.html", status=status, page=dead_letters_view(letters), refused=refused)

    @app.get("/dead-letters", include_in_schema=False)
    def dead_letters(request: Request) -> Response:
        return page(request)

    @app.post("/dead-letters", include_in_schema=False)
    def decide_group(
        request: Request,
        act: Annotated[DeadLetterAct, Form()],
        why: Annotated[Words, Form()],
        topic: Annotated[Value, Form()] = "",
        cause: Annotated[Value, Form()] = "",
    ) -> Response:
        by = user_of(request).name
        decide_all(ports, act, by=by, why=why, topic=topic or None, cause=cause or None)
        decided()
        return RedirectResponse("/dead-letters", 303)

    @app.post("/dead-letters/{id}", include_in_schema=False)
    def decide(
        request: Request, id: str, act: Annotated[DeadLetterAct, Form()], why: Annotated[Words, Form()]
    ) -> Response:
        try:
            DECIDE[act](ports, id, by=user_of(request).name, why=why)
        except AlreadyDecidedError as refused:
            return page(request, 409, str(refused))
        decided()
        return RedirectResponse("/dead-letters", 303)
