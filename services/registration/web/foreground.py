"""Which requests are short: deliveries wait for those."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from services.registration.foreground import Foreground

_LONG = ("/upstream/registrations", "/api/v1/cohort", "/api/v1/office/cohort", "/healthz")
"""Deliveries, and what judges everybody."""


class InForeground:
    """ASGI middleware: notes short requests as under way while they are answered."""

    def __init__(self, app: ASGIApp, foreground: Foreground) -> None:
        self._app, self._foreground = app, foreground

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_LONG):
            await self._app(scope, receive, send)
            return
        with self._foreground.request():
            await self._app(scope, receive, send)
