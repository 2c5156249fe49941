"""The pages for logging in and out."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet import sessions
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.web.pages import FormText, NotLoggedInError, WalletPages
from shared.copied_text import plain_path
from shared.object_keys import ASSERTION_ID

_OWN_PATH = re.compile(f"/badges(/{ASSERTION_ID})?")


def add_sessions(app: FastAPI, pages: WalletPages) -> None:
    @app.exception_handler(NotLoggedInError)
    def log_in_first(request: Request, _: Exception) -> Response:
        return RedirectResponse("/login?" + urlencode({"next": _own_path(request.url.path)}), 303)

    @app.get("/")
    def home(request: Request) -> Response:
        return RedirectResponse("/badges" if pages.visitor(request) else "/login", 303)

    @app.get("/login")
    def ask(request: Request, next: str = "", left: str = "") -> Response:
        if pages.visitor(request) is not None:
            return RedirectResponse(_own_path(next), 303)
        return _form(request, next, left=bool(left))

    @app.post("/login")
    def login(request: Request, email: FormText = "", password: FormText = "", next: FormText = "") -> Response:
        result = sessions.login(email, password, pages.session_token(request), pages.ports)
        if isinstance(result, FormProblems):
            return _form(request, next, email=email, problems=result)
        return pages.log_in(result, _own_path(next))

    @app.post("/logout")
    def logout(request: Request) -> Response:
        sessions.logout(pages.session_token(request), pages.ports)
        return pages.log_out()

    def _form(
        request: Request, next: str, *, left: bool = False, email: str = "", problems: FormProblems = NO_PROBLEMS
    ) -> Response:
        status = 429 if problems.login == "blocked" else 422 if problems else 200
        return pages.page(
            request, "login.html", None, status, next=_own_path(next), left=left, problems=problems, email=email
        )


def _own_path(text: str) -> str:
    """Where to go after the login: one of the wallet's own pages, whatever the request says."""
    path = plain_path(text)
    return path if path is not None and _OWN_PATH.fullmatch(path) else "/badges"
