"""The page before a person is erased, the page of who was erased, and the API of the order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops import queries
from services.ops.acts import erasure
from services.ops.acts.orders import Attribution
from services.ops.board import paper as paper_words
from services.ops.board.answers import encode
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.board.erasures import ErasedError
from services.ops.board.wording import words_for
from services.ops.ports import Ports
from services.ops.web.decisions_view import decision_rows
from services.ops.web.http import ID, Confirmation, Value, Words, json_answer, ordered, refused_answer
from shared.errors import NotFound
from shared.programme import Programme
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of
from shared.topics import RETENTION

ERASE_WORDS = ("消去", "erase")
_ASKED = Confirmation(ERASE_WORDS)
_SHOWN = 200  # orders on the page of who was erased


@dataclass(frozen=True)
class EraseOrder:
    registration_id: ID
    by: Words
    why: Words


def erasure_pages(app: FastAPI, html: Pages, programme: Programme, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins. `decided` is called when an order is in the outbox."""

    def erase_page(request: Request, id: str, asked: Confirmation = _ASKED) -> Response:
        return html.page(
            request,
            "erase.html",
            status=422 if asked.is_wrong else 200,
            plan=erasure.plan(ports, id),
            qualifications=programme.qualifications,
            asked=asked,
            words=paper_words,
            words_for=words_for,
            retention=RETENTION.days,
        )

    @app.get("/erase/{id:path}", include_in_schema=False)
    def before_erasing(request: Request, id: str) -> Response:
        return erase_page(request, id)

    @app.post("/erase/{id:path}", include_in_schema=False)
    def erase(
        request: Request, id: str, why: Annotated[Words, Form()], typed: Annotated[Value, Form()] = ""
    ) -> Response:
        asked = _ASKED.sent(why, typed)
        if not asked.is_given:
            return erase_page(request, id, asked)
        try:
            erasure.erase(ports, id, Attribution(user_of(request).name, why))
        except AlreadyDecidedError:
            return RedirectResponse(f"/people/{quote(id)}", 303)  # which says when it was erased, and who ordered it
        decided()
        return RedirectResponse(f"/people/{quote(id)}", 303)

    @app.exception_handler(ErasedError)
    def erased(request: Request, error: ErasedError) -> Response:
        """Wherever the page of an erased person is asked for. To a desk it is a registration that there is not."""
        user = getattr(request.state, "office_user", None)  # None: a command
        if user is None or not user.is_admin:
            return html.error(request, 404, detail=str(error))
        return html.page(
            request,
            "erased.html",
            status=200 if request.method in ("GET", "HEAD") else 409,
            id=error.id,
            erasure=error.erasure,
            decisions=decision_rows(queries.decisions(ports, error.id, limit=_SHOWN)),
        )


def erasure_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get("/api/v1/erase/{id:path}")
    def plan(id: str) -> Response:
        """Who would be erased with a registration, and which open orders of paper would be lost. Changes nothing."""
        try:
            return json_answer(encode(erasure.plan(ports, id)))
        except NotFound as missing:
            return refused_answer(404, str(missing))

    @app.post("/api/v1/erase")
    def erase(order: EraseOrder) -> Response:
        """Erase the person of a registration everywhere. It can't be taken back; the same pending order is one."""
        return ordered(lambda: erasure.erase(ports, order.registration_id, Attribution(order.by, order.why)), decided)
