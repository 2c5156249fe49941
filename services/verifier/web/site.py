"""The public site: its pages, documents, forms and API, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.verifier import verification
from services.verifier.config import Config
from services.verifier.ports import Ports
from services.verifier.web.browser_page import add_browser_page
from services.verifier.web.count import add_count
from services.verifier.web.documents import add_documents
from services.verifier.web.pages import unknown_page, verdict_page
from services.verifier.web.verify import VERIFY_PATH, add_verify
from shared.copied_text import assertion_id_in
from shared.credentials.baking import MAX_FILE_BYTES
from shared.errors import NotFound
from shared.runtime.web import Pages, pages
from shared.runtime.web.compression import Compression

_FORM_BYTES = 8 * 1024  # what a browser puts around a file
_TEMPLATES = Path(__file__).parents[1] / "templates"


def build_site(config: Config, ports: Ports) -> FastAPI:
    app = FastAPI(title="verifier", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Compression, minimum_size=1000)
    templates = pages(_TEMPLATES, config.runtime.programme)
    templates.install(
        app, access=config.runtime.access, most_bytes=MAX_FILE_BYTES + _FORM_BYTES, cross_site=(VERIFY_PATH,)
    )
    _add_pages(app, templates, ports, config)
    add_verify(app, templates, ports, config)
    add_browser_page(app, templates, config, ports)
    add_count(app, templates, ports, config)
    add_documents(app, ports, config.runtime.programme)
    return app


def _add_pages(app: FastAPI, templates: Pages, ports: Ports, config: Config) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        return templates.page(request, "front.html", url="", problem="", raw="")

    @app.api_route("/V/{given:path}", methods=["GET", "HEAD"])
    @app.api_route("/v/{given:path}", methods=["GET", "HEAD"])
    def page(request: Request, given: str) -> Response:
        """The QR code holds HTTP://HOST/V/ID in capitals; who types or copies it may give more or less than that."""
        assertion_id = assertion_id_in(given)
        if assertion_id is None:
            return unknown_page(templates, request, misspelt=True)
        if request.url.path != f"/V/{assertion_id}":
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{ports.public_url}/V/{assertion_id}{query}", 308)
        try:
            result = verification.show(assertion_id, ports)
        except NotFound:
            return unknown_page(templates, request)
        return verdict_page(templates, request, result, ports, config)
