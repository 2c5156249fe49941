"""The pages of a person's own account: password, addresses, sessions, and its end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.wallet.account import account as accounts
from services.wallet.account import passkeys, recovery, sessions
from services.wallet.account.account import OpenedMailLink
from services.wallet.domain.account import NO_PROBLEMS, FormProblems
from services.wallet.store import Account
from services.wallet.web.pages import FormText, WalletPages, status_of
from services.wallet.web.reset import LINK_STATUS

AddressAct = Literal["primary", "remove"]
RowId = Annotated[int | None, Form(ge=0, lt=2**63)]
AddressId = Annotated[int, Path(ge=0, lt=2**63)]

_DONE = ("password", "address", "primary", "removed", "sessions", "passkey", "passkey-removed")


def add_account(app: FastAPI, pages: WalletPages) -> None:
    ports = pages.ports

    def page(
        request: Request, template: str, account: Account, problems: FormProblems = NO_PROBLEMS, **context: Any
    ) -> Response:
        return pages.page(request, template, account, status_of(problems), problems=problems, **context)

    @app.get("/account")
    def overview(request: Request, done: str = "") -> Response:
        account = pages.account(request)
        return page(
            request,
            "account.html",
            account,
            addresses=accounts.addresses(account, ports),
            sessions=sessions.own_sessions(account, pages.browser(request), ports),
            passkeys=passkeys.own(account, ports),
            recoveries=recovery.waiting(account, ports),
            done=done if done in _DONE else "",
        )

    # ── password ──

    @app.get("/account/password")
    def ask_password(request: Request) -> Response:
        return page(request, "password.html", pages.account(request))

    @app.post("/account/password")
    def change_password(request: Request, current: FormText = "", password: FormText = "") -> Response:
        account = pages.account(request)
        result = accounts.change_password(account, current, password, pages.browser(request), ports)
        if isinstance(result, FormProblems):
            return page(request, "password.html", account, result)
        return pages.log_in(result, "/account?done=password")

    # ── addresses ──

    @app.get("/account/addresses")
    def ask_address(request: Request, sent: str = "") -> Response:
        return page(request, "address-new.html", pages.account(request), sent=bool(sent), email="")

    @app.post("/account/addresses")
    def add_address(request: Request, email: FormText = "", current: FormText = "") -> Response:
        account = pages.account(request)
        problems = accounts.add_address(account, email, current, pages.browser(request), ports)
        if problems is not None:
            return page(request, "address-new.html", account, problems, sent=False, email=email)
        return RedirectResponse("/account/addresses?sent=1", 303)

    @app.get("/account/addresses/{address_id}")
    def one_address(request: Request, address_id: AddressId) -> Response:
        return _address_page(request, pages.account(request), address_id)

    @app.post("/account/addresses/{address_id}")
    def change_address(
        request: Request, address_id: AddressId, act: Annotated[AddressAct, Form()], current: FormText = ""
    ) -> Response:
        account = pages.account(request)
        if act == "primary":
            problems = accounts.make_primary(account, address_id, current, ports)
        else:
            problems = accounts.remove_address(account, address_id, current, pages.browser(request), ports)
        if problems is not None:
            return _address_page(request, account, address_id, problems)
        return RedirectResponse(f"/account?done={'primary' if act == 'primary' else 'removed'}", 303)

    def _address_page(
        request: Request, account: Account, address_id: int, problems: FormProblems = NO_PROBLEMS
    ) -> Response:
        return page(request, "address.html", account, problems, address=accounts.address(account, address_id, ports))

    @app.get("/verify/{link_id}/{token}")
    def look_at_verification(request: Request, link_id: str, token: str) -> Response:
        account = pages.account(request)
        return _verify_page(request, account, accounts.look_at_verification(account, link_id, token, ports))

    @app.post("/verify/{link_id}/{token}")
    def verify(request: Request, link_id: str, token: str) -> Response:
        account = pages.account(request)
        result = accounts.verify(account, link_id, token, pages.browser(request), ports)
        if isinstance(result, FormProblems):
            return _verify_page(request, account, OpenedMailLink("ended"), result)
        if result.state != "open":
            return _verify_page(request, account, result)
        return RedirectResponse("/account?done=address", 303)

    def _verify_page(
        request: Request, account: Account, opened: OpenedMailLink, problems: FormProblems = NO_PROBLEMS
    ) -> Response:
        status = status_of(problems) if problems else LINK_STATUS.get(opened.state, 200)
        return pages.page(request, "verify.html", account, status, opened=opened, problems=problems)

    # ── sessions ──

    def sessions_page(
        request: Request, account: Account, problems: FormProblems = NO_PROBLEMS, chosen: int | None = None
    ) -> Response:
        others = [each for each in sessions.own_sessions(account, pages.browser(request), ports) if not each.is_this]
        return page(request, "sessions.html", account, problems, sessions=others, chosen=chosen)

    @app.get("/account/sessions")
    def ask_sessions(request: Request) -> Response:
        return sessions_page(request, pages.account(request))

    @app.post("/account/sessions")
    def end_sessions(request: Request, current: FormText = "", session: RowId = None) -> Response:
        """One session, or without its number all others."""
        account = pages.account(request)
        if session is None:
            problems = sessions.end_others(account, current, pages.browser(request), ports)
        else:
            problems = sessions.end_session(account, session, current, ports)
        if problems is not None:
            return sessions_page(request, account, problems, session)
        return RedirectResponse("/account?done=sessions#sessions", 303)

    # ── the end ──

    @app.get("/account/delete")
    def ask_delete(request: Request) -> Response:
        return page(request, "delete.html", pages.account(request), word="")

    @app.post("/account/delete")
    def delete(request: Request, word: FormText = "", current: FormText = "") -> Response:
        account = pages.account(request)
        problems = accounts.delete(account, word, current, pages.browser(request), ports)
        if problems is not None:
            return page(request, "delete.html", account, problems, word=word)
        return pages.log_out("/login?deleted=1")
