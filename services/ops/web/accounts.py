"""Who may sign in to the office's pages: the page for admins, and the API for `akashi office`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import FastAPI, Form, Request, Response
from pydantic import StringConstraints
from pydantic.dataclasses import dataclass
from starlette.responses import JSONResponse

from services.ops.board.wording import ROLES
from services.ops.web.http import ID, Confirmation, Value, Words, refused_answer
from shared.errors import NotFound
from shared.programme import Programme
from shared.runtime.web import Pages
from shared.runtime.web.fields import PLAIN
from shared.runtime.web.office_accounts import Role, name_key
from shared.runtime.web.office_gate import user_of
from shared.runtime.web.office_session import AccountRefused, OfficeSessions

Name = Annotated[str, StringConstraints(max_length=200)]
Password = Annotated[str, StringConstraints(max_length=1000)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), PLAIN]
COMMAND = "akashi office"
"""The author on record of a change over the API that names none."""

REMOVING = Confirmation(("消す", "remove"))


@dataclass(frozen=True)
class NewAccount:
    """Without a password one is drawn, and the answer has it."""

    name: Name
    role: ID
    desk: ID | None = None
    password: Password | None = None
    by: Words = COMMAND
    why: Why = ""


@dataclass(frozen=True)
class NewPassword:
    name: Name
    password: Password | None = None
    by: Words = COMMAND
    why: Why = ""


@dataclass(frozen=True)
class NewRole:
    name: Name
    role: ID
    desk: ID | None = None
    by: Words = COMMAND
    why: Why = ""


@dataclass(frozen=True)
class RemovedAccount:
    name: Name
    by: Words = COMMAND
    why: Why = ""


def accounts_pages(
    app: FastAPI, html: Pages, programme: Programme, sessions: OfficeSessions, decided: Callable[[], None]
) -> None:
    """For admins: `site.py`. Passwords are drawn here, shown once, and changed at the first sign-in.

    `decided` is called when a change is in the outbox.
    """

    def page(
        request: Request, status: int = 200, refused: str = "", name: str = "", drawn: str = "", done: str = ""
    ) -> Response:
        return html.page(
            request,
            "accounts.html",
            status=status,
            accounts=sessions.users(),
            desks=programme.desks,
            roles=ROLES,
            refused=refused,
            name=name,
            drawn=drawn,
            done=done,
        )

    def account_page(request: Request, name: str, asked: Confirmation, status: int, template: str) -> Response:
        """The page between the list and the order: what will happen, and what it needs."""
        account = next((user for user in sessions.users() if name_key(user.name) == name_key(name)), None)
        if account is None:
            return page(request, 404, "unknown")
        return html.page(
            request, template, status=status, account=account, asked=asked, desks=programme.desks, roles=ROLES
        )

    @app.get("/accounts", include_in_schema=False)
    def look(request: Request) -> Response:
        return page(request)

    @app.post("/accounts", include_in_schema=False)
    def order(
        request: Request,
        act: Annotated[Literal["add", "password", "role", "remove"], Form()],
        name: Annotated[Name, Form()],
        role: Annotated[Role | None, Form()] = None,
        desk: Annotated[Value, Form()] = "",
        why: Annotated[Why, Form()] = "",
        typed: Annotated[Value | None, Form()] = None,
    ) -> Response:
        """`role` without a role and `remove` without the word ask first, with the reason that was given already."""
        drawn, by, asked = None, user_of(request).name, REMOVING.sent(why, typed)
        if act != "add" and name_key(name) == name_key(by):
            return page(request, 409, "own")
        if act == "role" and role is None:
            return account_page(request, name, asked, 200, "account-role.html")
        if act == "remove" and not asked.is_given:
            return account_page(request, name, asked, 422 if asked.is_wrong else 200, "account-remove.html")
        of_role = (desk or None) if role != "admin" else None
        try:
            if act == "add":
                drawn = sessions.add(name, role or "office", of_role, None, by=by, why=why)
            elif act == "password":
                drawn = sessions.set_password(name, None, by=by, why=why)
            elif act == "role":
                sessions.set_role(name, role or "", of_role, by=by, why=why)
            else:
                sessions.remove(name, by=by, why=why)
        except (AccountRefused, NotFound) as refused:
            return page(request, 409, str(refused))
        decided()
        return page(request, name=name, drawn=drawn or "", done=act)


def accounts_api(app: FastAPI, sessions: OfficeSessions, decided: Callable[[], None]) -> None:
    @app.get("/api/v1/office/accounts")
    def accounts() -> Response:
        """Who may sign in to the office's pages."""
        return JSONResponse([vars(user) for user in sessions.users()])

    @app.post("/api/v1/office/accounts")
    def add(account: NewAccount) -> Response:
        """A new account. `password` in the answer: the one that was drawn, else null."""
        try:
            drawn = sessions.add(
                account.name, account.role, account.desk, account.password, by=account.by, why=account.why
            )
        except AccountRefused as refused:
            return refused_answer(409, str(refused))
        decided()
        return JSONResponse({"name": account.name, "password": drawn})

    @app.post("/api/v1/office/password")
    def password(account: NewPassword) -> Response:
        """Another password; the account's sessions end."""
        try:
            drawn = sessions.set_password(account.name, account.password, by=account.by, why=account.why)
        except AccountRefused as refused:
            return refused_answer(409, str(refused))
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return JSONResponse({"name": account.name, "password": drawn})

    @app.post("/api/v1/office/role")
    def role(account: NewRole) -> Response:
        """Another role or desk; the account's sessions end."""
        try:
            sessions.set_role(account.name, account.role, account.desk, by=account.by, why=account.why)
        except AccountRefused as refused:
            return refused_answer(409, str(refused))
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return JSONResponse({"name": account.name, "password": None})

    @app.post("/api/v1/office/remove")
    def remove(account: RemovedAccount) -> Response:
        """The account and its sessions end. What it ordered stays on record."""
        try:
            sessions.remove(account.name, by=account.by, why=account.why)
        except AccountRefused as refused:
            return refused_answer(409, str(refused))
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return JSONResponse({"name": account.name, "password": None})
