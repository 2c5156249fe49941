"""A path that no route knows, because a program took the text around a link for a part of it: 308 to the path without.

For every page of every service; `shared/copied_text.py` says what is left out.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.copied_text import plain_path

_MOST = 2000  # characters; paths of ours have fewer than 200


class CopiedLinks:
    """ASGI middleware. Only an answer 404 is replaced, so ids of any form keep their pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        replaced = False

        async def send_or_redirect(message: Message) -> None:
            nonlocal replaced
            meant = None
            if message["type"] == "http.response.start" and message["status"] == 404:
                meant = _meant(scope["path"])
            if meant is not None:
                replaced = True
                query = b"?" + scope["query_string"] if scope["query_string"] else b""
                headers = [(b"location", meant.encode() + query), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 308, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
            if not replaced:
                await send(message)

        await self._app(scope, receive, send_or_redirect)


def _meant(path: str) -> str | None:
    """The path without what was copied with it; None for one that has nothing of the kind, or empty parts and dots."""
    if len(path) > _MOST:
        return None
    meant = plain_path(path)
    return meant if meant not in (None, path) and meant.count("/") == path.count("/") else None
