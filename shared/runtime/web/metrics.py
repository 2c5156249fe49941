"""/metrics, /healthz and /readiness of a process, served from a thread of their own: also while its loop is busy."""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shared.runtime.access import Access
from shared.runtime.web.guard import REASONS, STATUS, Guard, Refusal
from shared.runtime.web.server import web_server

_MOST_BYTES = 65_536  # the question of a rehearsal


class Answering(Protocol):
    """What is behind /readiness; see `readiness.py`."""

    def allows(self, authorization: str) -> bool: ...

    def answer(self, body: bytes) -> bytes: ...


def metrics_site(access: Access | None = None, readiness: Answering | None = None) -> Starlette:
    """Without `readiness` there is no such page."""
    routes = [Route("/metrics", _metrics), Route("/healthz", _healthz)]
    if readiness is not None:
        routes.append(Route("/readiness", _readiness(readiness), methods=["POST"]))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, refuse=_refuse, most_bytes=_MOST_BYTES, access=access)],
    )


def serve_metrics(host: str, port: int, access: Access, readiness: Answering | None = None) -> int:
    """Serve them until the process ends; returns the port, which is a free one when `port` is 0."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    server = web_server(metrics_site(access, readiness), host=host, port=port, most_connections=access.most_connections)
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="metrics", daemon=True).start()
    return int(listener.getsockname()[1])


def _metrics(_: Request) -> Response:
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _readiness(readiness: Answering) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not readiness.allows(request.headers.get("authorization", "")):
            return PlainTextResponse("expected Authorization: Bearer <the key in READINESS_KEY_FILE>\n", 401)
        try:
            body = await run_in_threadpool(readiness.answer, await request.body())
        except msgspec.DecodeError as error:
            return PlainTextResponse(f"expected a question: {error}\n", 400)
        return Response(body, media_type="application/json")

    return answer


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{refusal}: {REASONS[refusal]}\n", STATUS[refusal])(scope, receive, send)
