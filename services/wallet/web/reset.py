"""The pages for people who can't log in: a new password, a new link, both by letter; a lost mailbox."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.account import account, letters
from services.wallet.account.account import OpenedMailLink
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.store.letters import AskedLetter
from services.wallet.web.pages import FormText, WalletPages, status_of
from shared.addresses import address_problem

LINK_STATUS = {"unknown": 404, "ended": 410, "added": 410, "other-account": 403}
"""Of what a letter's link opens that can't be used."""


def add_reset(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    @app.get("/forgot")
    def forgot(request: Request, sent: str = "") -> Response:
        return _ask_page(request, "reset-password", sent=bool(sent))

    @app.post("/forgot")
    def ask_for_reset(request: Request, email: FormText = "") -> Response:
        return _ask(request, "reset-password", email, "/forgot?sent=1")

    @app.get("/new-link")
    def new_link(request: Request, sent: str = "") -> Response:
        return _ask_page(request, "new-link", sent=bool(sent))

    @app.post("/new-link")
    def ask_for_link(request: Request, email: FormText = "") -> Response:
        return _ask(request, "new-link", email, "/new-link?sent=1")

    @app.get("/lost-mailbox")
    def lost_mailbox(request: Request) -> Response:
        return pages.page(request, "lost-mailbox.html", pages.visitor(request), desk_url=pages.config.desk_url)

    @app.get("/reset/{link_id}/{token}")
    def look(request: Request, link_id: str, token: str) -> Response:
        return _reset_page(request, account.look_at_reset(link_id, token, ports))

    @app.post("/reset/{link_id}/{token}")
    def reset(request: Request, link_id: str, token: str, password: FormText = "") -> Response:
        result = account.reset_password(link_id, token, password, pages.browser(request), ports)
        if isinstance(result, FormProblems):
            return _reset_page(request, account.look_at_reset(link_id, token, ports), result)
        if isinstance(result, OpenedMailLink):
            return _reset_page(request, result)
        return pages.log_in(result, "/badges?done=password")

    def _ask(request: Request, letter: AskedLetter, email: str, then: str) -> Response:
        if address_problem(email) is not None:  # syntax only: the answer must not show whether anybody has it
            return _ask_page(request, letter, email=email, problems=FormProblems(address="invalid"))
        letters.ask(letter, email, None, pages.browser(request), ports)
        return RedirectResponse(then, 303)

    def _ask_page(
        request: Request,
        letter: AskedLetter,
        *,
        sent: bool = False,
        email: str = "",
        problems: FormProblems = NO_PROBLEMS,
    ) -> Response:
        context = {"letter": letter, "sent": sent, "email": email, "problems": problems}
        return pages.page(request, "ask-letter.html", None, status_of(problems), **context)

    def _reset_page(request: Request, opened: OpenedMailLink, problems: FormProblems = NO_PROBLEMS) -> Response:
        status = LINK_STATUS.get(opened.state, status_of(problems))
        return pages.page(request, "reset.html", None, status, opened=opened, problems=problems)
