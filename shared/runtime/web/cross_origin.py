"""A site whose documents scripts of every other site may read (CORS). Used by verifier; the others have logins.

Source: Fetch Standard, section 3.2 (CORS protocol).
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = "GET, HEAD, POST"
_EXPOSED = "Content-Disposition, ETag, Retry-After"
_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, \t-]{1,1000}")  # field names (RFC 9110, 5.6.2), in a list


class CrossOrigin:
    """ASGI middleware, outside of the guard: every answer says so, of whatever status.

    A preflight is answered 204 with the headers that were asked for. Cookies are never allowed with a request, so
    nothing of a visitor can be read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                open_to_all(MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or "access-control-request-method" not in headers:
            await self._app(scope, receive, send_open)
            return
        allowed = {"access-control-allow-methods": _METHODS, "access-control-max-age": "86400"}
        asked = headers.get("access-control-request-headers", "")
        if _NAMES.fullmatch(asked):
            allowed["access-control-allow-headers"] = asked
        raw = [(name.encode(), value.encode()) for name, value in {**allowed, "vary": _VARY}.items()]
        await send_open({"type": "http.response.start", "status": 204, "headers": raw})
        await send({"type": "http.response.body", "body": b""})


_VARY = "access-control-request-headers"


def open_to_all(headers: MutableHeaders) -> None:
    headers["access-control-allow-origin"] = "*"
    headers.setdefault("access-control-expose-headers", _EXPOSED)
