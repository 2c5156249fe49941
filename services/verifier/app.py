"""The edge of the verifier: the events it reads, the public pages, the published documents, the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from services.verifier import handlers
from services.verifier.config import Config
from services.verifier.files.baking import MOST_FILE_BYTES
from services.verifier.handlers import Ports
from services.verifier.web import browser_page
from services.verifier.web.documents import add_documents, assertion_id_in, is_assertion_id
from services.verifier.web.pages import shown_page
from services.verifier.web.verify import add_checking
from shared.errors import NotFound
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.process import Process
from shared.runtime.web import Pages, pages

_FORM_BYTES = 8 * 1024  # what a browser puts around a file

MIGRATIONS = Path(__file__).parent / "migrations"


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(BadgeReceived, handlers.note_received, ports)
    process.consume(BadgeVisibilityChanged, handlers.note_visibility, ports)
    process.consume(AssertionAnchored, handlers.note_anchored, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.serve(web(config, ports), host=config.web_host, port=config.web_port)
    return process


def web(config: Config, ports: Ports) -> FastAPI:
    app = FastAPI(title="verifier", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Zip, minimum_size=1000)
    site = pages(Path(__file__).parent / "templates", config.runtime.programme)
    site.install(app, most_bytes=MOST_FILE_BYTES + _FORM_BYTES)
    _add_pages(app, site, ports, config)
    add_checking(app, site, ports, config)
    browser_page.install(app, site, config, ports)
    add_documents(app, ports)
    return app


def _add_pages(app: FastAPI, site: Pages, ports: Ports, config: Config) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        return site.page(request, "front.html", url="", problem="")

    @app.api_route("/V/{assertion_id}", methods=["GET", "HEAD"])
    @app.api_route("/v/{assertion_id}", methods=["GET", "HEAD"])
    def page(request: Request, assertion_id: str) -> Response:
        """The QR holds HTTP://HOST/V/ID in capitals; whoever types it may use small letters."""
        path = f"/V/{assertion_id.upper()}"
        if request.url.path != path and is_assertion_id(assertion_id.upper()):
            return RedirectResponse(str(request.url.replace(path=path)), 308)
        try:
            return shown_page(site, request, handlers.show(assertion_id_in(assertion_id), ports), ports, config)
        except NotFound:
            return site.page(request, "unknown.html", status=404)


class Zip(GZipMiddleware):
    """Compresses pages and JSON; a PNG is compressed already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(".png"):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
