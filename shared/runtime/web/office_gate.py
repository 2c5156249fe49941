"""What stands before every route of a site of the office: a signed-in user for pages, the API key for programs. Used by
ops.

A route that nobody has thought of is for admins only.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit

from fastapi import FastAPI, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from shared.password_strength import PASSWORD_SENTENCES
from shared.runtime.access import Access, Proxies, client_network
from shared.runtime.db import UNAVAILABLE
from shared.runtime.web.cookies import HostCookie
from shared.runtime.web.office_accounts import LONGEST_SESSION, OfficeUser
from shared.runtime.web.office_session import OfficeSessions, Token
from shared.runtime.web.site import Pages

SIGN_IN, SIGN_OUT, PASSWORD = "/sign-in", "/sign-out", "/password"
_OPEN = (SIGN_IN, "/healthz")  # and /static/…
_OWN = (PASSWORD, SIGN_OUT)  # for everybody who is signed in

FormText = Annotated[str, Form(max_length=1000)]


class NotSignedIn(Exception):
    """The answer is the sign-in page, which leads back here."""


class NotAllowed(Exception):
    """The user's role does not reach this page or act."""


class OfficeGate:
    """The dependency of all routes: `FastAPI(dependencies=[Depends(gate)])`.

    `key` opens paths below /api/. `for_office`: whether role office reaches a method and path; admins reach all.
    """

    def __init__(
        self,
        sessions: OfficeSessions,
        key: bytes,
        for_office: Callable[[str, str], bool],
        access: Access | None = None,
    ) -> None:
        self._sessions = sessions
        self._key = key
        self._for_office = for_office
        self._proxies = Proxies((access or Access()).proxies)

    def __call__(self, request: Request) -> None:
        path = request.url.path
        if path in _OPEN or path.startswith("/static/"):
            return
        if path.startswith("/api/"):
            self._check_key(request)
            return
        user = self._user(request)
        if user is None:
            raise NotSignedIn
        request.state.office_user = user
        if user.must_change and path not in _OWN:
            raise NotSignedIn
        if not user.is_admin and path not in _OWN and not self._for_office(request.method, path):
            raise NotAllowed

    def _user(self, request: Request) -> OfficeUser | None:
        """Whose session it is. While the database is away, pages that only show something accept a user who was just
        signed in: they show the last known state."""
        token, remembered = self.token(request), self._sessions.remembered
        user = self._sessions.user_of_late(token) if request.method in ("GET", "HEAD") else None
        if user is not None and remembered.is_away:
            return user
        try:
            return self._sessions.user(token)
        except UNAVAILABLE:
            remembered.away()
            if user is None:
                raise
            return user

    def install(self, app: FastAPI, html: Pages) -> None:
        """The pages to sign in and out and to change the password; the answers where a request may not pass."""

        @app.exception_handler(NotSignedIn)
        def sign_in_first(request: Request, _: Exception) -> Response:
            user = getattr(request.state, "office_user", None)
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            unsent = ""
            if request.method not in ("GET", "HEAD"):
                target = _page_of(request)
                unsent = "" if request.url.path == SIGN_OUT else "&unsent=1"
            at = PASSWORD if user is not None else SIGN_IN
            return RedirectResponse(f"{at}?next={quote(target)}{unsent}", 303)

        @app.exception_handler(NotAllowed)
        def not_allowed(request: Request, _: Exception) -> Response:
            return html.page(request, "not-allowed.html", status=403, user=user_of(request))

        @app.get(SIGN_IN, include_in_schema=False)
        def ask(request: Request, next: str = "", left: str = "", unsent: str = "") -> Response:
            user = self._sessions.user(self.token(request))
            if user is not None:
                return RedirectResponse(own_path(next), 303)
            page: dict[str, Any] = {"next": own_path(next), "left": bool(left), "unsent": bool(unsent)}
            return html.page(request, "sign-in.html", name="", problem=None, **page)

        @app.post(SIGN_IN, include_in_schema=False)
        def sign_in(request: Request, name: FormText = "", password: FormText = "", next: FormText = "") -> Response:
            result = self._sessions.sign_in(name, password, self._source(request), self.token(request))
            if isinstance(result, Token):
                return self._signed_in(request, result, own_path(next))
            status = 429 if result == "blocked" else 422
            page: dict[str, Any] = {"next": own_path(next), "left": False, "unsent": False, "name": name}
            return html.page(request, "sign-in.html", status=status, problem=result, **page)

        @app.post(SIGN_OUT, include_in_schema=False)
        def sign_out(request: Request) -> Response:
            self._sessions.sign_out(self.token(request))
            response = RedirectResponse(f"{SIGN_IN}?left=1", 303)
            _cookie(request).delete(response)
            return response

        @app.get(PASSWORD, include_in_schema=False)
        def password(request: Request, next: str = "", done: str = "") -> Response:
            page: dict[str, Any] = {
                "user": user_of(request),
                "next": own_path(next),
                "done": bool(done),
                "problem": None,
            }
            return html.page(request, "password.html", sentences=PASSWORD_SENTENCES, **page)

        @app.post(PASSWORD, include_in_schema=False)
        def change(request: Request, present: FormText = "", new: FormText = "", next: FormText = "") -> Response:
            user = user_of(request)
            result = self._sessions.change_password(user, present, new, self._source(request))
            if isinstance(result, Token):
                done = own_path(next) if user.must_change else f"{PASSWORD}?done=1"
                return self._signed_in(request, result, done)
            status = 429 if result == "blocked" else 422
            page: dict[str, Any] = {"user": user, "next": own_path(next), "done": False, "problem": result}
            return html.page(request, "password.html", status=status, sentences=PASSWORD_SENTENCES, **page)

    def token(self, request: Request) -> str | None:
        return _cookie(request).token(request)

    def _signed_in(self, request: Request, token: Token, path: str) -> Response:
        response = RedirectResponse(path, 303)
        _cookie(request).set(response, token.text)
        return response

    def _source(self, request: Request) -> str:
        return client_network(self._proxies.client(request.scope))

    def _check_key(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._key):
            raise HTTPException(
                401,
                "expected Authorization: Bearer <the key in OPS_KEY_FILE>",
                {"www-authenticate": "Bearer"},
            )


def user_of(request: Request) -> OfficeUser:
    """Who is signed in. LookupError on a route without the gate."""
    user = getattr(request.state, "office_user", None)
    if not isinstance(user, OfficeUser):
        raise LookupError(f"got no user at {request.url.path}, expected a route behind the gate")
    return user


def own_path(text: str) -> str:
    """Where to go afterwards: a path of this site, whatever the request says. Browsers take "/\\" for "//"."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return "/"
    if unquote(urlsplit(text).path).startswith((SIGN_IN, SIGN_OUT, "/api/")):
        return "/"
    return quote(text, safe="/?&=%:+,;@!$'()*~#")


def _page_of(request: Request) -> str:
    """The page of the form that was sent to this path: the path itself, or the nearest above it that can be opened."""
    path: str = request.url.path
    while path != "/":
        scope = {**request.scope, "method": "GET", "path": path}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return path
        path = path.rpartition("/")[0] or "/"
    return path


def _cookie(request: Request) -> HostCookie:
    return HostCookie("office", LONGEST_SESSION, https=request.url.scheme == "https")
