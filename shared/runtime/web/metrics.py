"""/metrics and /healthz of a process, served from a thread of their own: also while its event loop is busy."""

from __future__ import annotations

import socket
import threading

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from shared.runtime.access import Access
from shared.runtime.web.guard import REASONS, STATUS, Guard, Refusal
from shared.runtime.web.server import web_server

_MOST_BYTES = 1024  # nobody sends a body here


def metrics_site(access: Access | None = None) -> Starlette:
    return Starlette(
        routes=[Route("/metrics", _metrics), Route("/healthz", _healthz)],
        middleware=[Middleware(Guard, refuse=_refuse, most_bytes=_MOST_BYTES, access=access)],
    )


def serve_metrics(host: str, port: int, access: Access) -> int:
    """Serve them until the process ends; returns the port, which is a free one when `port` is 0."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    server = web_server(metrics_site(access), host=host, port=port, most_connections=access.most_connections)
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="metrics", daemon=True).start()
    return int(listener.getsockname()[1])


def _metrics(_: Request) -> Response:
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})


def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{refusal}: {REASONS[refusal]}\n", STATUS[refusal])(scope, receive, send)
