"""The download of all own data."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.wallet.badge.export import export
from services.wallet.web.downloads import private_file
from services.wallet.web.pages import WalletPages


def add_export(app: FastAPI, pages: WalletPages) -> None:
    @app.get("/export.zip")
    def all_own_data(request: Request) -> Response:
        parts = export(pages.account(request), pages.file_title, pages.ports)
        headers = private_file("openbadge.zip", "オープンバッジ.zip")
        return StreamingResponse(parts, media_type="application/zip", headers=headers)
