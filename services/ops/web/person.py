"""A person's page with the office's forms, the page that asks once more before a badge is revoked, the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from pydantic import create_model
from starlette.responses import RedirectResponse, StreamingResponse

from services.ops import queries
from services.ops.acts import letters, orders, person_orders, sessions
from services.ops.acts.orders import Attribution
from services.ops.board.decisions import AlreadyDecidedError, History
from services.ops.board.timeline import ANSWERS
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.web import person_view
from services.ops.web.audit import audit_csv
from services.ops.web.http import Confirmation, Value, Words
from services.ops.web.scope import Scope
from shared.office_events import CORRECTABLE, Correction
from shared.plain_text import shown
from shared.programme import Programme
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_SHOWN = 200  # decisions on a page
_EXPORTED = 25_000  # decisions in a file
_ASKED = 500  # orders whose changes registration is asked for at a time
REVOKING = Confirmation(("取り消し", "revoke"))

Act = Literal["correct", "again", "resend", "address", "hold", "resume", "spell", "end-sessions"]

if TYPE_CHECKING:
    PersonForm = Any
else:
    PersonForm = create_model(
        "PersonForm",
        __doc__="The forms of a person's page: `act` says which one was sent.",
        act=(Act, ...),
        why=(Words, ...),
        subject=(Value, ""),
        letter=(Value, ""),
        address=(Value, ""),
        reason=(Value, ""),
        version=(int, 0),
        **dict.fromkeys(CORRECTABLE, (Value | None, None)),
    )


class RefusedForm(Exception):
    """A form that can't be an order. `why`: "nothing" changed, a "date" that can't be read, or in words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def person_pages(
    app: FastAPI,
    html: Pages,
    programme: Programme,
    links: Links,
    scope: Scope,
    ports: Ports,
    decided: Callable[[], None],
) -> None:
    """`links`: the public pages, and the local inbox of a trial. `decided` is called when an order is in the outbox."""

    def person_page(request: Request, id: str, status: int = 200, refused: str | None = None) -> Response:
        history = scope.person(request, id)
        said = ports.registration.person(id)
        changed = ports.registration.changes([line.id for line in history.decisions]) if history.decisions else {}
        page = person_view.person_view(history, programme, said, changed, scope.seen_by(request))
        return html.page(
            request, "person.html", status=status, page=page, refused=refused, links=links, answers=ANSWERS
        )

    @app.get("/people/{id:path}", include_in_schema=False)
    def person(request: Request, id: str) -> Response:
        return person_page(request, id)

    @app.post("/people/{id:path}", include_in_schema=False)
    def order(request: Request, id: str, form: Annotated[PersonForm, Form()]) -> Response:
        history = scope.person(request, id)
        try:
            _give(form, history, Attribution(user_of(request).name, form.why), ports)
        except AlreadyDecidedError as refused:
            return person_page(request, id, 409, str(refused))
        except RefusedForm as refused:
            return person_page(request, id, refused.status, refused.why)
        decided()
        return RedirectResponse(request.url.path, 303)

    def revoke_page(
        request: Request, id: str, status: int = 200, refused: str | None = None, asked: Confirmation = REVOKING
    ) -> Response:
        page = person_view.person_view(scope.person(request, id), programme)
        return html.page(request, "revoke.html", status=status, page=page, refused=refused, asked=asked)

    @app.get("/revoke/{id:path}", include_in_schema=False)
    def before_revoking(request: Request, id: str) -> Response:
        return revoke_page(request, id)

    @app.post("/revoke/{id:path}", include_in_schema=False)
    def revoke(
        request: Request,
        id: str,
        subject: Annotated[Value, Form()],
        why: Annotated[Words, Form()],
        typed: Annotated[Value, Form()] = "",
    ) -> Response:
        asked = REVOKING.sent(why, typed)
        if not scope.person(request, id).has(subject):  # the path says whose badge; the form, which one
            return revoke_page(request, id, 409, f"{shown(subject)} is no badge of this person", asked)
        if not asked.is_given:
            return revoke_page(request, id, 422, asked=asked)
        try:
            orders.revoke(ports, subject, Attribution(user_of(request).name, why))
        except AlreadyDecidedError as refused:
            return revoke_page(request, id, 409, str(refused), asked)
        decided()
        return RedirectResponse(f"/people/{quote(id)}", 303)

    @app.get("/decisions", include_in_schema=False)
    def decisions(request: Request, about: str | None = None) -> Response:
        about = about.strip() or None if about else None
        lines = queries.decisions(ports, about, limit=_SHOWN, seen=scope.seen_by(request))
        changed = ports.registration.changes([line.id for line in lines]) if lines else {}
        return html.page(request, "decisions.html", page=person_view.decisions_view(lines, about, changed))

    @app.get("/decisions.csv", include_in_schema=False)
    def export(request: Request, about: str | None = None) -> Response:
        """The record as a CSV, a row for each field that an order changed, with its old value and its new one."""
        about = about.strip() or None if about else None
        lines = queries.decisions(ports, about, limit=_EXPORTED, seen=scope.seen_by(request))
        parts = (lines[at : at + _ASKED] for at in range(0, len(lines), _ASKED))
        return StreamingResponse(
            audit_csv((part, ports.registration.changes([line.id for line in part])) for part in parts),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="decisions.csv"'},
        )


def _give(form: Any, history: History, who: Attribution, ports: Ports) -> None:
    """Give the order of a form. RefusedForm, AlreadyDecidedError."""
    id = history.registration_id
    act: Act = form.act
    if act == "resend":
        if not history.has(form.subject):
            raise RefusedForm(409, f"{shown(form.subject)} is no badge of this person")
        letters.resend(ports, form.subject, form.letter, who)
    elif act == "address":
        if not form.address.strip():
            raise RefusedForm(422, "nothing")
        person_orders.correct_address(ports, id, form.address, who)
    elif act == "hold":
        person_orders.hold(ports, id, who)
    elif act == "resume":
        orders.resume(ports, id, who, form.reason or None)
    elif act == "end-sessions":
        sessions.end(ports, id, who)
    elif act == "again":
        orders.correct(ports, id, form.version, Correction(), who)
    else:
        given = {name: getattr(form, name) for name in CORRECTABLE}
        try:
            facts = history.facts if act == "correct" else person_view.names_of(history, ports.registration.person(id))
            correction = person_view.correction_in(given, facts)
        except ValueError as error:
            raise RefusedForm(422, "date") from error
        if correction is None:
            raise RefusedForm(422, "nothing")
        if act == "spell":
            person_orders.spell(ports, id, correction, who)
        else:
            orders.correct(ports, id, form.version, correction, who)
