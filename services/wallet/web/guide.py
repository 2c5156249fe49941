"""The pages that everybody can read: how it works, questions, terms of use, personal data."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.wallet.web.pages import WalletPages


def add_guide(app: FastAPI, pages: WalletPages) -> None:
    @app.get("/guide")
    def guide(request: Request) -> Response:
        return _page(request, "guide.html")

    @app.get("/questions")
    def questions(request: Request) -> Response:
        return _page(request, "questions.html")

    @app.get("/terms")
    def terms(request: Request) -> Response:
        return _page(request, "terms.html")

    @app.get("/privacy")
    def privacy(request: Request) -> Response:
        return _page(request, "privacy.html")

    def _page(request: Request, template: str) -> Response:
        return pages.page(request, template, pages.visitor(request), desk_url=pages.config.desk_url)
