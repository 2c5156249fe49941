"""Pages, JSON, scripts compressed on their way; pictures, PDFs and archives are compressed already.

Used by verifier and wallet.
"""

from __future__ import annotations

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

_COMPRESSED = (".png", ".webp", ".pdf", ".zip")


class Compression(GZipMiddleware):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith(_COMPRESSED):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
