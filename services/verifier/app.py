"""The edge of the verifier: the events it reads, the public pages, the published documents, the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.verifier import browser_page, handlers
from services.verifier.answers import answer_of
from services.verifier.config import Config
from services.verifier.handlers import Ports, Shown
from services.verifier.reading import MOST_BYTES
from services.verifier.words import HEADINGS, SHAPES, next_step, sentence
from shared.clock import japan_date
from shared.errors import NotFound
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.process import Process
from shared.runtime.web import Pages, pages

_OPEN = {"access-control-allow-origin": "*"}  # public documents: a browser's own check on any site may read them
_SHORT = {**_OPEN, "cache-control": "public, max-age=60"}
_LONG = {**_OPEN, "cache-control": "public, max-age=86400"}
_TYPES = {"json": "application/json", "png": "image/png", "svg": "image/svg+xml"}


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
    site.install(app, most_bytes=MOST_BYTES)
    _add_pages(app, site, ports, config)
    browser_page.install(app, site, config, ports)
    _add_api(app, ports, config)
    _add_documents(app, ports)
    return app


def _add_pages(app: FastAPI, site: Pages, ports: Ports, config: Config) -> None:
    @app.get("/")
    def front(request: Request) -> Response:
        return site.page(request, "front.html")

    @app.get("/V/{assertion_id}")
    @app.get("/v/{assertion_id}")
    def page(request: Request, assertion_id: str) -> Response:
        """The QR holds HTTP://HOST/V/ID in capitals; whoever types it may use small letters."""
        path = f"/V/{assertion_id.upper()}"
        if request.url.path != path and _is_id(assertion_id.upper()):
            return RedirectResponse(str(request.url.replace(path=path)), 308)
        try:
            return _shown(request, handlers.show(_id(assertion_id), ports))
        except NotFound:
            return site.page(request, "unknown.html", status=404)

    def _shown(request: Request, shown: Shown) -> Response:
        verdict = shown.verdict
        return site.page(
            request,
            "verdict.html",
            status=200 if verdict.outcome(1) != "unknown" else 503,
            shown=shown,
            verdict=verdict,
            badge=verdict.badge if verdict.is_genuine else None,
            heading=HEADINGS[verdict.kind],
            sentence=sentence(verdict, config.runtime.programme.society.name),
            next=next_step(verdict.kind),
            shape=SHAPES[verdict.kind],
            url=f"{ports.public_url}/V/{shown.assertion_id}",
            japan_date=japan_date,
        )


def _add_api(app: FastAPI, ports: Ports, config: Config) -> None:
    society = config.runtime.programme.society.name

    @app.get("/api/v1/verify")
    def verify_by_id(id: str) -> Response:
        shown = handlers.show(_id(id.upper()), ports)
        return _json(answer_of(shown.verdict, society, with_number=shown.noted.details_public))

    @app.post("/api/v1/verify")
    async def verify_document(request: Request) -> Response:
        content = await request.body()
        verdict = await run_in_threadpool(handlers.check, content, ports)
        return _json(answer_of(verdict, society))


def _add_documents(app: FastAPI, ports: Ports) -> None:
    def document(key: str, headers: dict[str, str]) -> Response:
        return Response(ports.site.get(key), media_type=_TYPES[key.rpartition(".")[2]], headers=headers)

    @app.get("/.well-known/did.json")
    def did() -> Response:
        return document("issuer/did.json", _SHORT)

    @app.get("/issuer.json")
    def issuer() -> Response:
        return document("issuer/profile.json", _SHORT)

    @app.get("/credentials/{name}.json")
    def credential(name: str) -> Response:
        return document(f"credentials/{_id(name)}.json", {**_OPEN, "cache-control": "no-cache"})

    @app.get("/status/{number}.json")
    def status(number: int) -> Response:
        return document(f"status/{number}.json", _SHORT)

    @app.get("/badges/{qualification}/{edition}.{form}")
    def badge(qualification: str, edition: int, form: str) -> Response:
        if form not in _TYPES or not qualification.replace("-", "").isalnum():
            raise NotFound("no such badge")
        return document(f"badges/{qualification}/{edition}.{form}", _LONG)


def _is_id(text: str) -> bool:
    return len(text) == 26 and all(letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for letter in text)


def _id(text: str) -> str:
    """An assertion id. NotFound for what can't be one, before any object key is made of it."""
    if not _is_id(text):
        raise NotFound("no such assertion")
    return text


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers=_OPEN)
