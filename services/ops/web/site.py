"""The web server of ops: the board, the office's orders, and the API of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.responses import JSONResponse

from services.ops.acts.accounts import office_sessions
from services.ops.board.answers import BoardStatus
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.web.accounts import accounts_api, accounts_pages
from services.ops.web.board import board_api, board_pages
from services.ops.web.cache import AnswerCache
from services.ops.web.cohorts import cohort_pages
from services.ops.web.dead_letters import dead_letters_pages
from services.ops.web.erasure import erasure_api, erasure_pages
from services.ops.web.feed import MOST_BYTES, feed_pages
from services.ops.web.letters import letters_api, letters_pages
from services.ops.web.live import Boards
from services.ops.web.orders import orders_api
from services.ops.web.paper import paper_api, paper_pages
from services.ops.web.people import people_pages, search_api
from services.ops.web.person import person_pages
from services.ops.web.rehearsal import rehearsal_api, rehearsal_pages, rehearsals_of
from services.ops.web.rejections import rejections_api, rejections_pages
from services.ops.web.restores import restores_api, restores_pages
from services.ops.web.scope import Scope
from services.ops.web.services import services_pages
from shared.programme import Programme
from shared.runtime.access import Access
from shared.runtime.web import pages
from shared.runtime.web.office_gate import OfficeGate
from shared.runtime.web.office_session import OfficeSessions

_FOR_OFFICE = {
    "GET": (
        (
            "/",
            "/board",
            "/board/events",
            "/people",
            "/people.csv",
            "/search",
            "/letters",
            "/decisions",
            "/decisions.csv",
            "/paper",
            "/rehearsal",
        ),
        ("/people/", "/revoke/", "/differences/"),
    ),
    "POST": (("/letters", "/paper"), ("/people/", "/revoke/")),
}
"""What role office reaches: paths, and what paths begin with. Each route shows it the people of its desk only."""


def is_for_office(method: str, path: str) -> bool:
    """Whether role office reaches a route. A new route is for admins until it is named here."""
    paths, beginnings = _FOR_OFFICE.get("GET" if method == "HEAD" else method, ((), ()))
    return path in paths or path.startswith(tuple(beginnings))


def build_site(
    programme: Programme,
    links: Links,
    ports: Ports,
    wake: Callable[[], None],
    key: bytes,
    access: Access | None = None,
    sessions: OfficeSessions | None = None,
) -> FastAPI:
    """`wake` is called after each order: an event is in the outbox. `key` opens the API. `access`: as `Pages.install`.

    Pages are for signed-in users.
    """
    sessions = sessions or office_sessions(ports, programme)
    gate = OfficeGate(sessions, key, is_for_office, access)
    app = FastAPI(title="Akashi ops", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(gate)])
    html = pages(Path(__file__).parents[1] / "templates", programme)
    html.install(app, access=access, most_bytes=MOST_BYTES)
    gate.install(app, html)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    boards = Boards(ports)
    statuses: AnswerCache[BoardStatus] = AnswerCache()

    def decided() -> None:
        boards.clear()
        statuses.clear()
        wake()

    scope = Scope(programme, ports)
    board_pages(app, html, programme, links, scope, ports, boards)
    dead_letters_pages(app, html, ports, decided)
    people_pages(app, html, programme, scope, ports)
    person_pages(app, html, programme, links, scope, ports, decided)
    erasure_pages(app, html, programme, ports, decided)
    cohort_pages(app, html, programme, ports, decided)
    feed_pages(app, html, ports, decided)
    services_pages(app, html, ports, decided)
    rejections_pages(app, html, ports, decided)
    restores_pages(app, html, ports, decided)
    letters_pages(app, html, scope, ports, decided)
    paper_pages(app, html, scope, ports, decided)
    rehearsals = rehearsals_of(ports, programme)
    rehearsal_pages(app, html, programme, scope, rehearsals)
    rehearsal_api(app, rehearsals)
    board_api(app, ports, statuses, decided)
    search_api(app, ports)
    orders_api(app, ports, decided)
    erasure_api(app, ports, decided)
    rejections_api(app, ports, decided)
    restores_api(app, ports, decided)
    letters_api(app, ports, decided)
    accounts_pages(app, html, programme, sessions, decided)
    accounts_api(app, sessions, decided)
    paper_api(app, ports, decided)
    return app
