"""The web server of ops: the board, the office's orders, and the API of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from services.ops.board.answers import BoardStatus
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.queries import BoardPage
from services.ops.web.board import board_api, board_pages
from services.ops.web.cache import AnswerCache
from services.ops.web.letters import letters_api, letters_pages
from services.ops.web.orders import orders_api, orders_pages
from services.ops.web.paper import paper_api, paper_pages
from services.ops.web.rejections import rejections_api, rejections_pages
from services.ops.web.restores import restores_api, restores_pages
from shared.programme import Programme
from shared.runtime.access import Access
from shared.runtime.web import pages


def build_site(
    programme: Programme, links: Links, ports: Ports, wake: Callable[[], None], access: Access | None = None
) -> FastAPI:
    """`wake` is called after each order: an event is in the outbox. `access`: as of `Pages.install`."""
    app = FastAPI(title="Akashi ops", openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None)
    html = pages(Path(__file__).parents[1] / "templates", programme)
    html.install(app, access=access)
    boards: AnswerCache[BoardPage] = AnswerCache()
    statuses: AnswerCache[BoardStatus] = AnswerCache()

    def decided() -> None:
        boards.clear()
        statuses.clear()
        wake()

    board_pages(app, html, programme, links, ports, boards, decided)
    orders_pages(app, html, programme, links, ports, decided)
    rejections_pages(app, html, ports, decided)
    restores_pages(app, html, ports, decided)
    letters_pages(app, html, ports, decided)
    paper_pages(app, html, ports, decided)
    board_api(app, ports, statuses, decided)
    orders_api(app, ports, decided)
    rejections_api(app, ports, decided)
    restores_api(app, ports, decided)
    letters_api(app, ports, decided)
    paper_api(app, ports, decided)
    return app
