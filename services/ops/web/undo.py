"""The page that takes back the badges of a whole cohort: it lists them first, and asks once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import orders
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import AlreadyDecidedError, Selected
from services.ops.ports import Ports
from services.ops.web.http import ID, Value, Words
from shared.programme import Programme
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

UNDO_WORDS = ("年度を取り消す", "undo")
"""What is typed before a cohort is undone."""
_NAMED = 500  # people named on the page; the order is for all of the list


def undo_pages(app: FastAPI, html: Pages, programme: Programme, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins: `site.py`. `decided` is called when the orders are in the outbox."""

    def page(request: Request, selected: Selected | None, status: int = 200, refused: str | None = None) -> Response:
        with ports.store.transaction() as tx:
            cohorts = tx.board.cohorts()
        run = orders.dry_run(ports, "undo", selected) if selected else None
        return html.page(
            request,
            "undo.html",
            status=status,
            cohorts=cohorts,
            qualifications=programme.qualifications,
            selected=selected,
            run=run,
            named=run.people[:_NAMED] if run else [],
            refused=refused,
            word=UNDO_WORDS,
        )

    @app.get("/undo", include_in_schema=False)
    def look(request: Request, cohort: str = "", qualification: str = "") -> Response:
        """Lists whose badge it would revoke. Changes nothing."""
        return page(request, Selected(cohort=cohort, qualification=qualification or None) if cohort else None)

    @app.post("/undo", include_in_schema=False)
    def apply(
        request: Request,
        cohort: Annotated[ID, Form()],
        digest: Annotated[ID, Form()],
        why: Annotated[Words, Form()],
        qualification: Annotated[Value, Form()] = "",
        typed: Annotated[Value, Form()] = "",
    ) -> Response:
        selected = Selected(cohort=cohort, qualification=qualification or None)
        if typed.strip().casefold() not in UNDO_WORDS:
            return page(request, selected, 422, "word")
        try:
            line = orders.apply(ports, "undo", selected, digest, Attribution(user_of(request).name, why))
        except AlreadyDecidedError as refused:
            return page(request, selected, 409, str(refused))
        decided()
        return RedirectResponse(f"/decisions?about={quote(line.id)}", 303)
