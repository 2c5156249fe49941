"""The pages of the address screen: a desk's sign-in, the form, its echo, and the link of the letter."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import FastAPI, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.registration.domain.address_screen import Screen
from services.registration.domain.recovery import Recovery
from services.registration.domain.sign_in import SignInForm, SignInProblems
from services.registration.people import address_screen, recovery
from services.registration.people.address_screen import Confirmation, Entry
from services.registration.web.desk_pages import DeskPages, FormText
from shared.addresses import masked

_STATUS = {"unknown-link": 404, "expired": 410, "replaced": 410, "closed": 410, "taken": 409}


def add_screen(app: FastAPI, pages: DeskPages) -> None:
    ports = pages.ports

    @app.get("/")
    def home(request: Request) -> Response:
        return pages.page(request, "desks.html", cycle=ports.cycle)

    @app.get("/desks/{desk}")
    def ask(request: Request, desk: str, left: str = "") -> Response:
        pages.desk(desk)
        if address_screen.screen(desk, pages.session_token(request), ports) is not None:
            return RedirectResponse(_form_path(desk), 303)
        return _sign_in_page(request, desk, SignInForm("", ""), SignInProblems(), ended=left == "ended")

    @app.post("/desks/{desk}")
    def sign_in(
        request: Request, desk: str, number: FormText = "", birth_date: FormText = "", contact: FormText = ""
    ) -> Response:
        pages.desk(desk)
        form = SignInForm(number, birth_date, contact)
        result = address_screen.sign_in(desk, form, pages.source(request), pages.session_token(request), ports)
        if isinstance(result, SignInProblems):
            # Once asked, the question stays until it is answered.
            result = replace(result, asks_contact=result.asks_contact or bool(contact))
            return _sign_in_page(request, desk, form, result)
        return pages.sign_in(result, _form_path(desk))

    @app.post("/desks/{desk}/sign-out")
    def sign_out(request: Request, desk: str) -> Response:
        pages.desk(desk)
        address_screen.sign_out(pages.session_token(request), ports)
        return pages.sign_out(f"/desks/{desk}")

    @app.get("/desks/{desk}/address")
    def form(request: Request, desk: str) -> Response:
        pages.desk(desk)
        screen = address_screen.screen(desk, pages.session_token(request), ports)
        return _ended(desk) if screen is None else _form_page(request, desk, screen)

    @app.post("/desks/{desk}/address")
    def enter(request: Request, desk: str, email: FormText = "", sure: FormText = "", again: FormText = "") -> Response:
        """The echo of what was typed; with `sure` the letter goes out; with `again` back to the form."""
        pages.desk(desk)
        token = pages.session_token(request)
        screen = address_screen.screen(desk, token, ports)
        if screen is None or token is None:
            return _ended(desk)
        if not screen.takes_address or again:
            return _form_page(request, desk, screen, email)
        entry = address_screen.enter(screen, email)
        if not isinstance(entry, Entry):
            return _form_page(request, desk, screen, email, entry)
        if not sure:
            return pages.page(
                request,
                "echo.html",
                desk_id=desk,
                screen=screen,
                entry=entry,
                email=email,
                masked=masked,
                days=ports.recovery_wait.days,
            )
        language = pages.language(request)
        sent = address_screen.request_confirmation(desk, token, entry.address, language, ports)
        if sent is None:
            return _ended(desk)
        if sent == "limit":
            return pages.page(request, "limited.html", 429, desk=pages.desk(desk))
        return pages.page(request, "sent.html", desk_id=desk, sent=sent, sender=ports.programme.sender)

    @app.get("/confirm/{request_id}/{token}")
    def look(request: Request, request_id: LinkPart, token: LinkPart) -> Response:
        return _confirmation_page(request, address_screen.look_at(request_id, token, ports))

    @app.post("/confirm/{request_id}/{token}")
    def confirm(request: Request, request_id: LinkPart, token: LinkPart) -> Response:
        return _confirmation_page(request, address_screen.confirm(request_id, token, ports))

    @app.get("/stop/{recovery_id}/{token}")
    def look_at_stop(request: Request, recovery_id: LinkPart, token: LinkPart) -> Response:
        return _stop_page(request, recovery.look_at(recovery_id, token, ports))

    @app.post("/stop/{recovery_id}/{token}")
    def stop(request: Request, recovery_id: LinkPart, token: LinkPart) -> Response:
        return _stop_page(request, recovery.stop(recovery_id, token, ports))

    def _stop_page(request: Request, found: Recovery | None) -> Response:
        state = "unknown-link" if found is None else found.state
        return pages.page(
            request,
            "stop.html",
            {"unknown-link": 404, "moved": 410, "address-taken": 410}.get(state, 200),
            state=state,
            recovery=found,
            masked=masked,
            desks=ports.programme.desks,
        )

    def _sign_in_page(
        request: Request, desk: str, form: SignInForm, problems: SignInProblems, *, ended: bool = False
    ) -> Response:
        status = 429 if problems.refused == "blocked" else 200 if problems == SignInProblems() else 422
        named = [each for each in ports.programme.qualifications.values() if each.desk == desk]
        return pages.page(
            request,
            "sign_in.html",
            status,
            desk=pages.desk(desk),
            desk_id=desk,
            qualifications=named,
            form=form,
            problems=problems,
            ended=ended,
            cycle=ports.cycle,
        )

    def _form_page(
        request: Request, desk: str, screen: Screen, email: str = "", problem: str | None = None
    ) -> Response:
        return pages.page(
            request,
            "address.html",
            422 if problem else 200,
            desk=pages.desk(desk),
            desk_id=desk,
            screen=screen,
            email=email,
            problem=problem,
            masked=masked,
            days=ports.recovery_wait.days,
        )

    def _confirmation_page(request: Request, found: Confirmation) -> Response:
        desk = found.request.desk if found.request else next(iter(ports.programme.desks))
        return pages.page(
            request,
            "confirm.html",
            _STATUS.get(found.state, 200),
            found=found,
            desk=ports.programme.desks.get(desk),
            desk_id=desk,
            days=ports.recovery_wait.days,
        )


LinkPart = Annotated[str, Path(max_length=100)]


def _form_path(desk: str) -> str:
    return f"/desks/{desk}/address"


def _ended(desk: str) -> Response:
    return RedirectResponse(f"/desks/{desk}?left=ended", 303)
