"""The page on which the office hands in a file of registrations, and sees what came of each row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Annotated

from fastapi import FastAPI, File, Form, Request, Response, UploadFile

from services.ops.acts.feed import feed
from services.ops.acts.orders import Attribution
from services.ops.board.rejected import rejected_words
from services.ops.ports import Ports
from services.ops.sources.intake import Delivered
from services.ops.web.http import Words
from shared.errors import TryLater
from shared.plain_text import shown
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

MOST_BYTES = 16 * 2**20
"""Of a file, with the form: about 80 000 rows. `akashi feed` takes longer ones."""
_SHOWN = 200  # rejected fields on the page; the board has all


def feed_pages(app: FastAPI, html: Pages, ports: Ports, decided: Callable[[], None]) -> None:
    """For admins: `site.py`. `decided` is called when the order is in the outbox."""

    def page(request: Request, status: int = 200, found: Delivered | None = None, refused: str = "") -> Response:
        rejected = [(each, *rejected_words(str(each.get("field")))) for each in (found.rejected if found else ())]
        return html.page(
            request,
            "feed.html",
            status=status,
            is_there=ports.intake.is_there,
            found=found,
            rejected=rejected[:_SHOWN],
            refused=refused,
        )

    @app.get("/feed", include_in_schema=False)
    def look(request: Request) -> Response:
        return page(request)

    @app.post("/feed", include_in_schema=False)
    def hand_in(request: Request, file: Annotated[UploadFile, File()], why: Annotated[Words, Form()]) -> Response:
        name = shown(PurePath((file.filename or "").replace("\\", "/")).name)[:200]
        content = file.file.read()
        if not name or not content:
            return page(request, 422, refused="empty")
        try:
            found = feed(ports, name, content, Attribution(user_of(request).name, why))
        except TryLater as error:
            decided()
            return page(request, 503, refused=str(error))
        decided()
        return page(request, found=found)
