"""Where the paths of forms lead when they are opened as pages: by the link to the other language, by the history."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

_PAGES = {
    "/badges/{assertion_id}/receive": "/badges/{assertion_id}",
    "/badges/{assertion_id}/details": "/badges/{assertion_id}#details",
    "/badges/{assertion_id}/offer": "/badges/{assertion_id}#files",
    "/receive/{assertion_id}/{token}/new-link": "/receive/{assertion_id}/{token}",
    "/account/passkeys/remove": "/account#passkeys",
    "/logout": "/badges",
}
"""The page with the form, by the path that the form is sent to; the others are sent to the path of their own page."""


def add_form_paths(app: FastAPI) -> None:
    """Opened as a page, each path of a form leads to the page with the form, in the language that is asked for."""
    for path, page in _PAGES.items():
        app.add_api_route(path, _leading_to(page), methods=["GET"])


def _leading_to(page: str) -> Callable[[Request], Response]:
    def lead(request: Request) -> Response:
        path, _, part = page.format(**request.path_params).partition("#")
        lang = request.query_params.get("lang")
        query = "?" + urlencode({"lang": lang}) if lang else ""
        return RedirectResponse(path + query + ("#" + part if part else ""), 303)

    return lead
