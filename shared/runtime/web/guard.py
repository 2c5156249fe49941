"""What stands between the network and every route: headers, the cross-site guard, a limit on the body's size.

Sources: Fetch Metadata Request Headers (W3C), Content Security Policy Level 3 (W3C), OWASP CSRF prevention cheat sheet.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.metrics import counter

POLICY: Mapping[str, str] = {
    "default-src": "'self'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

_SAFE = ("GET", "HEAD", "OPTIONS")

Refusal = Literal["cross-site", "too-large"]
Refuse = Callable[[Refusal, Scope, Receive, Send], Awaitable[None]]

REFUSED = counter("web_refused", "Requests that no route saw, by reason", ("reason",))


def harden(headers: MutableHeaders, *, https: bool) -> None:
    """Set the headers that every answer has. What the route has set itself stays."""
    headers.setdefault("content-security-policy", "; ".join(f"{name} {value}" for name, value in POLICY.items()))
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("referrer-policy", "same-origin")
    headers.setdefault("permissions-policy", "camera=(), geolocation=(), microphone=()")
    headers.setdefault("cross-origin-opener-policy", "same-origin")
    headers.setdefault("cache-control", "no-store")
    if https:
        headers.setdefault("strict-transport-security", "max-age=31536000")


def is_cross_site(method: str, headers: Mapping[str, str]) -> bool:
    """True when a page of another site made a browser send this, and it could change something.

    A request with an API key in a header of its own is nobody's forged form: browsers ask first (CORS), we never agree.
    Neither Sec-Fetch-Site nor Origin: not a browser of these ten years; the session cookie is SameSite=Lax besides.
    """
    if method in _SAFE or "x-api-key" in headers or headers.get("authorization", "").lower().startswith("bearer "):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


class Guard:
    """ASGI middleware. `refuse` answers what no route may see."""

    def __init__(
        self, app: ASGIApp, refuse: Refuse, most_bytes: int, cross_site: Collection[str] = frozenset()
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._most_bytes = most_bytes
        self._cross_site = cross_site  # paths that change nothing and look at no cookie: any site may send to them

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        https = scope["scheme"] == "https"
        started = over = False
        unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        read = 0

        async def send_hardened(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                harden(MutableHeaders(scope=message), https=https)
                if unread:  # answered before its end: or the server would read the rest of it after all
                    MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        async def send_unless_over(message: Message) -> None:
            if not over or started:
                await send_hardened(message)

        async def receive_limited() -> Message:
            nonlocal read, over, unread
            message = await receive()
            unread = unread and bool(message.get("more_body", False))
            read += len(message.get("body", b""))
            if read > self._most_bytes:
                over = True
                return {"type": "http.disconnect"}  # ends whatever reads the body; its answer is dropped
            return message

        if is_cross_site(scope["method"], headers) and scope["path"] not in self._cross_site:
            REFUSED.labels("cross-site").inc()
            await self._refuse("cross-site", scope, receive, send_hardened)
            return
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most_bytes:
            over = True
        else:
            with suppress(ClientDisconnect):
                await self._app(scope, receive_limited, send_unless_over)
        if over and not started:
            REFUSED.labels("too-large").inc()
            await self._refuse("too-large", scope, receive, send_hardened)
