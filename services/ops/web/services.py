"""The page for orders about services: compare tables and object storage, have a service made complete again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import orders, sessions
from services.ops.acts.orders import Attribution
from services.ops.board.scrubs import ALL, SCRUBBERS
from services.ops.board.wording import SERVICES as NAMES
from services.ops.board.wording import words_for
from services.ops.ports import Ports
from services.ops.web.http import Value, Words
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of
from shared.topics import SERVICES


def services_pages(app: FastAPI, html: Pages, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins: `site.py`. `decided` is called when the order is in the outbox."""

    def page(request: Request, status: int = 200, refused: str = "") -> Response:
        names = {service: words_for(NAMES, service) for service in SERVICES}
        return html.page(
            request, "services.html", status=status, names=names, scrubbers=SCRUBBERS, all=ALL, refused=refused
        )

    @app.get("/services", include_in_schema=False)
    def look(request: Request) -> Response:
        return page(request)

    @app.post("/services", include_in_schema=False)
    def order(
        request: Request,
        act: Annotated[Literal["scrub", "repair", "rebuild", "count", "end-sessions"], Form()],
        why: Annotated[Words, Form()],
        service: Annotated[Value, Form()] = "",
        producer: Annotated[Value, Form()] = "",
    ) -> Response:
        who = Attribution(user_of(request).name, why)
        try:
            if act in ("scrub", "repair"):
                line = orders.scrub(ports, service, who, repair=act == "repair")
            elif act == "end-sessions":
                line = sessions.end_everybodys(ports, who)
            else:
                line = orders.rebuild(ports, service, producer or None, who, is_dry_run=act == "count")
        except ValueError as refused:
            return page(request, 422, str(refused))
        decided()
        return RedirectResponse(f"/decisions?about={quote(line.id)}", 303)
