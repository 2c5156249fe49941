"""The pages and the API by which the office orders: a person's page with its two forms, the record of decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from fastapi import FastAPI, Form, Query, Request, Response
from pydantic import AwareDatetime, StringConstraints
from starlette.responses import RedirectResponse

from services.ops import orders
from services.ops.board.answers import encode
from services.ops.board.decisions import BULK, Bulk, DecisionLine, Selected
from services.ops.handlers import AlreadyDecidedError, Ports
from services.ops.orders import By
from services.ops.web import person_view
from services.ops.web.http import ID, Words, json_answer, refused_answer
from shared.errors import NotFound
from shared.events import Correction
from shared.programme import Programme
from shared.runtime.web import Pages

_MOST = 25_000  # decisions at once: an undo of a whole cohort and its parts
_SHOWN = 200  # decisions on a page

Value = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")]
Cohort = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True)
class RevokeOrder:
    id: ID
    by: Words
    why: Words


@dataclass(frozen=True)
class Corrected:
    """The fields to correct; none of them: issue the badge once more. The empty text takes an optional one away."""

    family_name: Value | None = None
    given_name: Value | None = None
    family_name_latin: Value | None = None
    given_name_latin: Value | None = None
    email: Value | None = None
    pass_number: Value | None = None
    registration_number: Value | None = None
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class CorrectOrder:
    registration_id: ID
    version: int  # of the registration, as it was looked at
    by: Words
    why: Words
    correction: Corrected = field(default_factory=Corrected)


@dataclass(frozen=True)
class BulkOrder:
    """`digest` is the dry run's: nothing is done to another list than the one that was looked at."""

    cohort: Cohort
    digest: Cohort
    by: Words
    why: Words
    qualification: Cohort | None = None
    issued_after: AwareDatetime | None = None
    issued_before: AwareDatetime | None = None
    singly: bool = False


def office_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when an order waits in the outbox."""

    @app.post("/api/v1/revoke")
    def revoke(order: RevokeOrder) -> Response:
        """Revoke a badge: by its assertion_id, or a registration's newest by registration_id."""
        return _ordered(lambda: orders.revoke(ports, order.id, By(order.by, order.why)), decided)

    @app.post("/api/v1/correct")
    def correct(order: CorrectOrder) -> Response:
        """Issue a badge once more, corrected."""
        correction = msgspec.convert(order.correction, Correction, from_attributes=True)
        return _ordered(
            lambda: orders.correct(ports, order.registration_id, order.version, correction, By(order.by, order.why)),
            decided,
        )

    @app.get("/api/v1/decisions")
    def decisions(about: ID | None = None, limit: Annotated[int, Query(ge=1, le=_MOST)] = _SHOWN) -> Response:
        """The record, the latest first; about a decision, a registration, a badge or a cohort, or all but parts."""
        return json_answer(encode(orders.decisions(ports, about, limit=limit)))

    @app.get("/api/v1/decisions/{id:path}")
    def decision(id: str) -> Response:
        return _ordered(lambda: orders.decision(ports, id), lambda: None)

    @app.get("/api/v1/people/{id:path}")
    def life(id: str) -> Response:
        """The life of one registration's badge."""
        try:
            return json_answer(encode(orders.life(ports, id)))
        except NotFound as missing:
            return refused_answer(404, str(missing))

    for act in BULK:
        _bulk_api(app, act, ports, decided)


def _bulk_api(app: FastAPI, act: Bulk, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get(f"/api/v1/{act}", name=f"dry run of {act}")
    def look(
        cohort: Cohort,
        qualification: Cohort | None = None,
        issued_after: AwareDatetime | None = None,
        issued_before: AwareDatetime | None = None,
        singly: bool = False,
    ) -> Response:
        """Whom it would be about, and the digest of this list. Changes nothing."""
        selected = _selected(cohort, qualification, issued_after, issued_before, singly)
        return json_answer(encode(orders.dry_run(ports, act, selected)))

    @app.post(f"/api/v1/{act}", name=act)
    def apply(order: BulkOrder) -> Response:
        """Do it to the people of the list that has this digest; 409 when the list is another by now."""
        selected = _selected(order.cohort, order.qualification, order.issued_after, order.issued_before, order.singly)
        return _ordered(lambda: orders.apply(ports, act, selected, order.digest, By(order.by, order.why)), decided)


def _selected(
    cohort: str, qualification: str | None, after: datetime | None, before: datetime | None, singly: bool
) -> Selected:
    return Selected(cohort=cohort, qualification=qualification, issued_after=after, issued_before=before, singly=singly)


def _ordered(give: Callable[[], DecisionLine], decided: Callable[[], None]) -> Response:
    try:
        line = give()
    except NotFound as missing:
        return refused_answer(404, str(missing))
    except AlreadyDecidedError as refused:
        return refused_answer(409, str(refused))
    decided()
    return json_answer(encode(line))


def office_pages(
    app: FastAPI, made: Pages, programme: Programme, verifier: str | None, ports: Ports, decided: Callable[[], None]
) -> None:
    def person_page(request: Request, id: str, status: int = 200, refused: str | None = None) -> Response:
        page = person_view.life_view(orders.life(ports, id), programme)
        return made.page(request, "person.html", status=status, page=page, refused=refused, verifier=verifier)

    @app.get("/people/{id:path}", include_in_schema=False)
    def person(request: Request, id: str) -> Response:
        return person_page(request, id)

    @app.post("/people/{id:path}", include_in_schema=False)
    def order(
        request: Request,
        id: str,
        act: Annotated[Literal["revoke", "correct", "again"], Form()],
        by: Annotated[Words, Form()],
        why: Annotated[Words, Form()],
        subject: Annotated[str, Form()] = "",
        version: Annotated[int, Form()] = 0,
        family_name: Annotated[Value | None, Form()] = None,
        given_name: Annotated[Value | None, Form()] = None,
        family_name_latin: Annotated[Value | None, Form()] = None,
        given_name_latin: Annotated[Value | None, Form()] = None,
        email: Annotated[Value | None, Form()] = None,
        pass_number: Annotated[Value | None, Form()] = None,
        registration_number: Annotated[Value | None, Form()] = None,
        valid_from: Annotated[Value | None, Form()] = None,
        valid_until: Annotated[Value | None, Form()] = None,
    ) -> Response:
        given = {
            "family_name": family_name,
            "given_name": given_name,
            "family_name_latin": family_name_latin,
            "given_name_latin": given_name_latin,
            "email": email,
            "pass_number": pass_number,
            "registration_number": registration_number,
            "valid_from": valid_from,
            "valid_until": valid_until,
        }
        try:
            if act == "revoke":
                orders.revoke(ports, subject, By(by, why))
            elif act == "again":
                orders.correct(ports, id, version, Correction(), By(by, why))
            else:
                correction = person_view.entered(orders.life(ports, id).facts, given)
                if correction is None:
                    return person_page(request, id, 422, "nothing")
                orders.correct(ports, id, version, correction, By(by, why))
        except AlreadyDecidedError as refused:
            return person_page(request, id, 409, str(refused))
        except ValueError:
            return person_page(request, id, 422, "date")
        decided()
        return RedirectResponse(request.url.path, 303)

    @app.get("/decisions", include_in_schema=False)
    def decisions(request: Request, about: str | None = None) -> Response:
        about = about.strip() or None if about else None
        page = person_view.decisions_view(orders.decisions(ports, about, limit=_SHOWN), about)
        return made.page(request, "decisions.html", page=page)
