"""What stands between the network and every route: Host, methods, headers, the cross-site guard, the body's size.

Sources: Fetch Metadata Request Headers (W3C), Content Security Policy Level 3 (W3C), OWASP CSRF prevention cheat sheet,
RFC 9110 (421, HEAD, OPTIONS).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import TryLater
from shared.runtime.access import Access, Proxies, host_problem
from shared.runtime.db import UNAVAILABLE
from shared.runtime.log import logger
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

_HEADERS = (
    (b"content-security-policy", "; ".join(f"{name} {value}" for name, value in POLICY.items()).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_HTTPS_HEADERS = (*_HEADERS, (b"strict-transport-security", b"max-age=31536000"))

_SAFE = ("GET", "HEAD", "OPTIONS")

Refusal = Literal["cross-site", "too-large", "bad-host", "foreign-host", "bad-target"]
Refuse = Callable[[Refusal, Scope, Receive, Send], Awaitable[None]]

STATUS: Mapping[Refusal, int] = {
    "cross-site": 403,
    "too-large": 413,
    "bad-host": 400,
    "foreign-host": 421,
    "bad-target": 400,
}
REASONS: Mapping[Refusal, str] = {
    "cross-site": "this request came from another site",
    "too-large": "the body is too large",
    "bad-host": "expected one Host header with a host and perhaps a port",
    "foreign-host": "this service does not answer under the host that was asked for;"
    " its own are those of its public URL and of the setting ALLOWED_HOSTS",
    "bad-target": "the address holds a NUL character",
}

AWAY = (TryLater, *UNAVAILABLE)
"""What is raised while an outside party is away."""

REFUSED = counter("web_refused", "Requests that no route saw, by reason", ("reason",))


def harden(headers: MutableHeaders, *, https: bool) -> None:
    """Set the headers that every answer has. What the route has set itself stays."""
    given = {name for name, _ in headers.raw}
    headers.raw.extend(each for each in (_HTTPS_HEADERS if https else _HEADERS) if each[0] not in given)


def is_cross_site(method: str, headers: Mapping[str, str]) -> bool:
    """True when a page of another site made a browser send this, and it could change something.

    A request with an API key in a header can't be a forged form: browsers ask first (CORS), and we never allow it.
    Without Sec-Fetch-Site and Origin it is from no browser of the last ten years; and the cookie is SameSite=Lax.
    """
    if method in _SAFE or "x-api-key" in headers or headers.get("authorization", "").lower().startswith("bearer "):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # a host that is none
        return True


def target_problem(scope: Scope) -> Literal["bad-target"] | None:
    """NUL, which no text of PostgreSQL holds. Every other broken character was replaced when the URL was decoded."""
    return "bad-target" if "\0" in scope["path"] or b"%00" in scope.get("query_string", b"") else None


def methods_at(scope: Scope) -> list[str]:
    """The methods of all routes at this path, for the header Allow."""
    found = {"OPTIONS"}
    for route in scope["app"].routes if "app" in scope else ():
        if route.matches(scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)


class Guard:
    """ASGI middleware. `refuse` answers what no route may see.

    A route for GET also serves HEAD: it runs as for GET, and the body is dropped. A path that exists answers OPTIONS.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuse: Refuse,
        most_bytes: int,
        access: Access | None = None,
        cross_site: Collection[str] = frozenset(),
        is_stream: Callable[[Scope], bool] = lambda scope: False,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._most_bytes = most_bytes
        self._cross_site = cross_site  # paths that change nothing and look at no cookie: any site may send to them
        self._is_stream = is_stream  # bodies that are never held: their route has limits of its own
        access = access or Access()
        self._hosts = access.hosts
        self._proxies = Proxies(access.proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the client sees a 403
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked: str = scope["method"]
        scope = {**scope, "scheme": self._proxies.scheme(scope), "method": "GET" if asked == "HEAD" else asked}
        headers = Headers(scope=scope)
        https = scope["scheme"] == "https"
        started = over = False
        bodiless = asked == "HEAD"
        unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        most_bytes = math.inf if self._is_stream(scope) else self._most_bytes
        read = 0

        async def send_hardened(message: Message) -> None:
            nonlocal started, bodiless
            if message["type"] == "http.response.start":
                started = True
                answered = MutableHeaders(raw=list(message.get("headers", ())))
                if message["status"] == 405:
                    answered["allow"] = ", ".join(methods_at(scope))
                    if asked == "OPTIONS":
                        message, bodiless = {**message, "status": 204}, True
                        del answered["content-length"], answered["content-type"]
                harden(answered, https=https)
                if unread:  # answered before its end: or the server would read the rest of it after all
                    answered["connection"] = "close"
                message = {**message, "headers": answered.raw}
            elif bodiless:
                message = {**message, "body": b""}
            await send(message)

        async def send_unless_over(message: Message) -> None:
            if not over or started:
                await send_hardened(message)

        async def receive_limited() -> Message:
            nonlocal read, over, unread
            message = await receive()
            unread = unread and bool(message.get("more_body", False))
            read += len(message.get("body", b""))
            if read > most_bytes:
                over = True
                return {"type": "http.disconnect"}  # ends whatever reads the body; its answer is dropped
            return message

        problem: Refusal | None = host_problem(scope, self._hosts) or target_problem(scope)
        if problem is None and is_cross_site(asked, headers) and scope["path"] not in self._cross_site:
            problem = "cross-site"
        if problem is not None:
            REFUSED.labels(problem).inc()
            await self._refuse(problem, scope, receive, send_hardened)
            return
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most_bytes:
            over = True
        else:
            try:
                await self._app(scope, receive_limited, send_unless_over)
            except ClientDisconnect:
                pass
            except RuntimeError as error:  # Starlette's, of an exception that comes after the answer has begun
                if not (started and isinstance(error.__cause__, AWAY)):
                    raise
                # The server ends the connection before the answer is whole, so that its reader sees it broken off.
                logger("web").warning("waiting", cause=type(error.__cause__).__name__)
        if over and not started:
            REFUSED.labels("too-large").inc()
            await self._refuse("too-large", scope, receive, send_hardened)
