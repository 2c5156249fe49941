"""The edge of the verifier: the events it reads, the public pages, the published documents, the API."""

from __future__ import annotations

from pathlib import Path

import msgspec
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.verifier import browser_page, handlers
from services.verifier.answers import answer_of
from services.verifier.baking import MOST_FILE_BYTES
from services.verifier.config import Config
from services.verifier.handlers import Ports, Shown
from services.verifier.site import OPEN, add_documents, assertion_id_in, is_assertion_id
from services.verifier.words import SHAPES, heading, next_step, sentence
from shared.clock import japan_date
from shared.errors import NotFound
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.process import Process
from shared.runtime.web import Pages, pages


def build(config: Config, ports: Ports) -> Process:
    process = Process(config.runtime, ports.store)
    process.consume(AssertionIssued, handlers.note_issued, ports)
    process.consume(BadgeReceived, handlers.note_received, ports)
    process.consume(BadgeVisibilityChanged, handlers.note_visibility, ports)
    process.consume(AssertionAnchored, handlers.note_anchored, ports)
    process.consume(AssertionRevoked, handlers.note_revoked, ports)
    process.serve(web(config, ports), host=config.web_host, port=config.web_port)
    return process


def web(config: Config, ports: Ports) -> FastAPI:
    app = FastAPI(title="verifier", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    site = pages(Path(__file__).parent / "templates", config.runtime.programme)
    site.install(app, most_bytes=MOST_FILE_BYTES)
    _add_pages(app, site, ports, config)
    browser_page.install(app, site, config, ports)
    _add_api(app, ports, config)
    add_documents(app, ports)
    return app


def _add_pages(app: FastAPI, site: Pages, ports: Ports, config: Config) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        return site.page(request, "front.html")

    @app.api_route("/V/{assertion_id}", methods=["GET", "HEAD"])
    @app.api_route("/v/{assertion_id}", methods=["GET", "HEAD"])
    def page(request: Request, assertion_id: str) -> Response:
        """The QR holds HTTP://HOST/V/ID in capitals; whoever types it may use small letters."""
        path = f"/V/{assertion_id.upper()}"
        if request.url.path != path and is_assertion_id(assertion_id.upper()):
            return RedirectResponse(str(request.url.replace(path=path)), 308)
        try:
            return _shown(request, assertion_id, handlers.show(assertion_id_in(assertion_id), ports))
        except NotFound:
            return site.page(request, "unknown.html", status=404)

    def _shown(request: Request, assertion_id: str, shown: Shown) -> Response:
        verdict = shown.verdict
        return site.page(
            request,
            "verdict.html",
            status=200 if verdict.outcome(1) != "unknown" else 503,
            assertion_id=assertion_id,
            noted=shown.noted,
            verdict=verdict,
            badge=verdict.badge if verdict.is_genuine else None,
            heading=heading(verdict),
            sentence=sentence(verdict, config.runtime.programme.society.name),
            next=next_step(verdict),
            shape=SHAPES[verdict.kind],
            url=f"{ports.public_url}/V/{assertion_id}",
            japan_date=japan_date,
        )


def _add_api(app: FastAPI, ports: Ports, config: Config) -> None:
    @app.api_route("/api/v1/verify", methods=["GET", "HEAD"])
    def verify_by_id(id: str) -> Response:
        shown = handlers.show(assertion_id_in(id.upper()), ports)
        return _answer(shown, with_number=shown.noted.details_public)

    @app.post("/api/v1/verify")
    async def verify_document(request: Request) -> Response:
        content = await request.body()
        return _answer(await run_in_threadpool(handlers.check, content, ports), with_number=True)

    def _answer(shown: Shown, *, with_number: bool) -> Response:
        society = config.runtime.programme.society.name
        answer = answer_of(
            shown.verdict, society, noted=shown.noted, public_url=ports.public_url, with_number=with_number
        )
        return Response(msgspec.json.encode(answer), media_type="application/json", headers=OPEN)
