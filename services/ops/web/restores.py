"""Restores that services noticed, as a page and as an API: each is acknowledged by somebody of the office."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import restores as room
from services.ops.acts.orders import Attribution
from services.ops.board.answers import encode
from services.ops.board.restores import Restore, RestoreState, loss_of, service_name, signs_of
from services.ops.ports import Ports
from services.ops.web.http import ID, Words, json_answer, refused_answer
from shared.errors import NotFound
from shared.losses import Loss
from shared.programme import Bilingual
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of


@dataclass(frozen=True)
class RestoreRow:
    restore: Restore
    name: Bilingual
    signs: list[Bilingual]
    loss: Loss


def restore_rows(restores: Iterable[Restore]) -> list[RestoreRow]:
    return [RestoreRow(each, service_name(each), signs_of(each), loss_of(each)) for each in restores]


@dataclass(frozen=True)
class Acknowledgement:
    """Which restores somebody has looked at, and what was done about them."""

    ids: list[ID]
    by: Words
    why: Words


def restores_pages(app: FastAPI, html: Pages, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when a decision is in the outbox."""

    @app.get("/restores", include_in_schema=False)
    def page(request: Request) -> Response:
        found = restore_rows(room.restores(ports, "all"))
        unseen = [row for row in found if row.restore.seen_at is None]
        seen = [row for row in found if row.restore.seen_at is not None]
        return html.page(request, "restores.html", unseen=unseen, seen=seen)

    @app.post("/restores", include_in_schema=False)
    def acknowledge(request: Request, id: Annotated[list[ID], Form()], why: Annotated[Words, Form()]) -> Response:
        room.acknowledge(ports, id, Attribution(user_of(request).name, why))
        decided()
        return RedirectResponse("/restores", 303)


def restores_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get("/api/v1/restores")
    def restores(state: RestoreState = "unseen") -> Response:
        """Databases that were set back, the latest first; `unseen`: nobody has acknowledged them yet."""
        return json_answer(encode(room.restores(ports, state)))

    @app.post("/api/v1/restores")
    def acknowledge(order: Acknowledgement) -> Response:
        """Acknowledge restores: {"ids": ["…"], "by": "…", "why": "…"}. All of them or, with an unknown one, none."""
        try:
            seen = room.acknowledge(ports, order.ids, Attribution(order.by, order.why))
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return json_answer(encode(seen))
