"""Who may sign in to the office's pages: the page for admins, and the API for `akashi office`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import FastAPI, Form, Request, Response
from pydantic import StringConstraints
from pydantic.dataclasses import dataclass
from starlette.responses import JSONResponse

from services.ops.board.wording import ROLES
from services.ops.web.http import ID, Value, Words, refused_answer
from shared.errors import NotFound
from shared.programme import Programme
from shared.runtime.web import Pages
from shared.runtime.web.fields import PLAIN
from shared.runtime.web.office_gate import user_of
from shared.runtime.web.office_session import AccountRefused, OfficeSessions

Name = Annotated[str, StringConstraints(max_length=200)]
Password = Annotated[str, StringConstraints(max_length=1000)]
Why = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), PLAIN]
COMMAND = "akashi office"
"""The author on record of a change over the API that names none."""


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

    def page(request: Request, status: int = 200, refused: str = "", name: str = "", drawn: str = "") -> Response:
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
        )

    @app.get("/accounts", include_in_schema=False)
    def look(request: Request) -> Response:
        return page(request)

    @app.post("/accounts", include_in_schema=False)
    def order(
        request: Request,
        act: Annotated[Literal["add", "password", "remove"], Form()],
        name: Annotated[Name, Form()],
        role: Annotated[Literal["office", "admin"], Form()] = "office",
        desk: Annotated[Value, Form()] = "",
        why: Annotated[Why, Form()] = "",
    ) -> Response:
        drawn, by = None, user_of(request).name
        try:
            if act == "add":
                drawn = sessions.add(name, role, (desk or None) if role == "office" else None, None, by=by, why=why)
            elif name == by:
                return page(request, 409, "own")
            elif act == "password":
                drawn = sessions.set_password(name, None, by=by, why=why)
            else:
                sessions.remove(name, by=by, why=why)
        except (AccountRefused, NotFound) as refused:
            return page(request, 409, str(refused))
        decided()
        return page(request, name=name, drawn=drawn or "")


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

    @app.post("/api/v1/office/remove")
    def remove(account: RemovedAccount) -> Response:
        """The account and its sessions end. What it ordered stays on record."""
        try:
            sessions.remove(account.name, by=account.by, why=account.why)
        except NotFound as missing:
            return refused_answer(404, str(missing))
        decided()
        return JSONResponse({"name": account.name, "password": None})
