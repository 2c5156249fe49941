"""The pages behind letter 1's link, where step 5 begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet import receive_link
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.domain.badge import WalletBadge
from services.wallet.receive_link import OpenedLink, SignedIn
from services.wallet.web.pages import FormText, WalletPages
from shared.links import receive_url

_STATUS = {
    "unknown-link": 404,
    "not-here-yet": 503,
    "revoked": 410,
    "expired": 410,
    "corrected-elsewhere": 410,
    "moved": 410,
}


def add_receive_link(app: FastAPI, pages: WalletPages, patience: float) -> None:
    @app.get("/receive/{assertion_id}/{token}")
    def look(request: Request, assertion_id: str, token: str) -> Response:
        session = pages.session_token(request)
        open_link = partial(receive_link.open_link, assertion_id.upper(), token, session, pages.ports)
        return _answer(pages, request, _wait_for_badge(open_link, patience))

    @app.post("/receive/{assertion_id}/{token}")
    def receive(
        request: Request, assertion_id: str, token: str, full_name: FormText = "", password: FormText = ""
    ) -> Response:
        session = pages.session_token(request)
        assertion_id = assertion_id.upper()
        result = receive_link.receive_by_link(assertion_id, token, session, full_name, password, pages.ports)
        if isinstance(result, SignedIn):
            return pages.log_in(result.token, f"/badges/{result.assertion_id}?received=1")
        if isinstance(result, OpenedLink):
            return _answer(pages, request, result)
        opened = receive_link.open_link(assertion_id, token, session, pages.ports)
        return _answer(pages, request, opened, result, full_name)


def _answer(
    pages: WalletPages,
    request: Request,
    opened: OpenedLink,
    problems: FormProblems = NO_PROBLEMS,
    full_name: str = "",
) -> Response:
    if opened.state in _STATUS:
        return pages.page(request, "link.html", opened.account, _STATUS[opened.state], link_state=opened.state)
    if opened.state == "corrected" and opened.badge is not None:
        return RedirectResponse(_url_of(opened.badge, pages), 303)
    if opened.state == "received" and opened.badge is not None:
        return RedirectResponse(f"/badges/{opened.badge.assertion_id}", 303)
    return pages.page(
        request,
        "receive.html",
        opened.account,
        429 if problems.login == "blocked" else 422 if problems else 200,
        link_state=opened.state,
        badge=opened.badge,
        problems=problems,
        full_name=full_name,
    )


def _url_of(badge: WalletBadge, pages: WalletPages) -> str:
    return receive_url("", pages.config.link_secret, badge.assertion_id, badge.address_revision)


def _wait_for_badge(open_link: Callable[[], OpenedLink], seconds: float) -> OpenedLink:
    """Wait for a badge whose event is on its way, rather than ask the person to come back later."""
    until = time.monotonic() + seconds
    while True:
        opened = open_link()
        if opened.state != "not-here-yet" or time.monotonic() > until:
            return opened
        time.sleep(0.2)
