"""The pages for logging in and out."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.account import sessions
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.store import LogInAgain
from services.wallet.web.pages import FormText, NotLoggedInError, WalletPages, status_of
from shared.copied_text import plain_path
from shared.object_keys import ASSERTION_ID

_OWN_PATH = re.compile(
    f"/badges(/{ASSERTION_ID}(/(share|signature|paper(/[0-9]{{1,18}}/address)?))?)?"
    "|/account(/(password|delete|sessions|addresses(/[0-9]{1,18})?))?|/verify/[A-Za-z0-9_-]{1,64}/[a-z0-9]{26}"
)
_PART = re.compile(f"(/badges/{ASSERTION_ID}|/account)/.+")
"""Paths that are no pages: downloads, targets of forms. The login leads to the page that links to them."""


def add_sessions(app: FastAPI, pages: WalletPages) -> None:
    @app.exception_handler(LogInAgain)
    @app.exception_handler(NotLoggedInError)
    def log_in_first(request: Request, _: Exception) -> Response:
        unsent = {"unsent": "1"} if request.method == "POST" else {}
        return RedirectResponse("/login?" + urlencode({"next": own_path(request.url.path)} | unsent), 303)

    @app.get("/")
    def home(request: Request) -> Response:
        return RedirectResponse("/badges" if pages.visitor(request) else "/login", 303)

    @app.get("/login")
    def ask(request: Request, next: str = "", left: str = "", deleted: str = "", unsent: str = "") -> Response:
        if pages.visitor(request) is not None:
            return RedirectResponse(own_path(next), 303)
        return _form(request, next, left=bool(left), deleted=bool(deleted), unsent=bool(unsent))

    @app.post("/login")
    def login(request: Request, email: FormText = "", password: FormText = "", next: FormText = "") -> Response:
        result = sessions.login(email, password, pages.browser(request), pages.ports)
        if isinstance(result, FormProblems):
            return _form(request, next, email=email, problems=result)
        return pages.log_in(result, own_path(next))

    @app.post("/logout")
    def logout(request: Request) -> Response:
        sessions.logout(pages.browser(request), pages.ports)
        return pages.log_out()

    def _form(
        request: Request,
        next: str,
        *,
        left: bool = False,
        deleted: bool = False,
        unsent: bool = False,
        email: str = "",
        problems: FormProblems = NO_PROBLEMS,
    ) -> Response:
        context = {"left": left, "deleted": deleted, "unsent": unsent, "problems": problems, "email": email}
        return pages.page(request, "login.html", None, status_of(problems), next=own_path(next), **context)


def own_path(text: str) -> str:
    """Where to go after the login: one of the wallet's own pages, whatever the request says."""
    path = plain_path(text) or ""
    if _OWN_PATH.fullmatch(path):
        return path
    part = _PART.fullmatch(path)
    return part[1] if part else "/badges"
