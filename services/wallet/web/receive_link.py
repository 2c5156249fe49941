"""The pages behind the link of the letters about a badge, where step 5 begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.badge import receive_link
from services.wallet.badge.receive_link import OpenedLink, SignedIn
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.domain.badge import WalletBadge
from services.wallet.web.pages import FormText, WalletPages, status_of
from shared.addresses import masked
from shared.links import receive_url

_STATUS = {
    "unknown-link": 404,
    "not-here-yet": 503,
    "revoked": 410,
    "expired": 410,
    "ended": 410,
    "deleted": 410,
    "corrected-elsewhere": 410,
    "moved": 410,
}


def add_receive_link(app: FastAPI, pages: WalletPages, patience: float) -> None:
    @app.get("/receive/{assertion_id}/{token}")
    def look(request: Request, assertion_id: str, token: str) -> Response:
        open_link = partial(receive_link.open_link, assertion_id.upper(), token, pages.browser(request), pages.ports)
        return _answer(pages, request, _wait_for_badge(open_link, patience))

    @app.post("/receive/{assertion_id}/{token}")
    def receive(
        request: Request,
        assertion_id: str,
        token: str,
        full_name: FormText = "",
        password: FormText = "",
        signed_in: FormText = "",
    ) -> Response:
        """`signed_in`: by the button of a page that was shown to somebody who was logged in."""
        browser = pages.browser(request)
        assertion_id = assertion_id.upper()
        typed = None if signed_in else password
        result = receive_link.receive_by_link(assertion_id, token, browser, full_name, typed, pages.ports)
        if isinstance(result, SignedIn):
            happened = "?received=1" if result.just_received else ""
            return pages.log_in(result.tokens, f"/badges/{result.assertion_id}{happened}")
        if isinstance(result, OpenedLink):
            return _answer(pages, request, result)
        opened = receive_link.open_link(assertion_id, token, browser, pages.ports)
        return _answer(pages, request, opened, result, full_name)

    @app.post("/receive/{assertion_id}/{token}/new-link")
    def ask_for_new(request: Request, assertion_id: str, token: str) -> Response:
        if not receive_link.ask_for_new(assertion_id.upper(), token, pages.browser(request), pages.ports):
            return pages.page(request, "link.html", None, 404, link_state="unknown-link")
        return RedirectResponse("/new-link?sent=1", 303)


def _answer(
    pages: WalletPages,
    request: Request,
    opened: OpenedLink,
    problems: FormProblems = NO_PROBLEMS,
    full_name: str | None = None,
) -> Response:
    if opened.state in _STATUS:
        return pages.page(request, "link.html", opened.account, _STATUS[opened.state], link_state=opened.state)
    if opened.state == "corrected" and opened.badge is not None:
        return RedirectResponse(_url_of(opened.badge, pages), 303)
    if opened.state == "login-elsewhere" and opened.badge is not None:
        return RedirectResponse("/login?" + urlencode({"next": f"/badges/{opened.badge.assertion_id}"}), 303)
    if opened.state == "received" and opened.badge is not None:
        return RedirectResponse(f"/badges/{opened.badge.assertion_id}", 303)
    if opened.state == "login" and opened.badge is not None and opened.badge.received_at is not None:
        return pages.page(
            request,
            "received.html",
            None,
            status_of(problems),
            badge=opened.badge,
            masked_address=masked(opened.badge.holder.email),
            problems=problems,
        )
    return pages.page(
        request,
        "receive.html",
        opened.account,
        status_of(problems),
        link_state=opened.state,
        badge=opened.badge,
        problems=problems,
        unsent=request.method == "POST" and not problems,
        full_name=opened.badge.holder.family_first if full_name is None and opened.badge else full_name,
    )


def _url_of(badge: WalletBadge, pages: WalletPages) -> str:
    return receive_url("", pages.config.link_secret, badge.assertion_id, badge.address_revision)


def _wait_for_badge(open_link: Callable[[], OpenedLink], seconds: float) -> OpenedLink:
    """Wait for a badge whose event is on its way, so that the person need not come back later."""
    until = time.monotonic() + seconds
    while True:
        opened = open_link()
        if opened.state != "not-here-yet" or time.monotonic() > until:
            return opened
        time.sleep(0.2)
