"""The HTTP API for the office's board: what no event holds. Its own key, in OFFICE_KEY_FILE. Nothing is changed.

GET  /api/v1/office/people?q=…&address=…   the registrations that are found
GET  /api/v1/office/people/{id}            one of them
POST /api/v1/office/changes                old and new of orders
GET  /api/v1/office/cohort?cohort=…        the dry run of a cohort, counted; of ours unless one is named
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.registration.domain.spelling import NAMES, missing_characters
from services.registration.handlers import Ports
from services.registration.office.outlook import cohort_answer
from shared.addresses import same_address_key
from shared.office_answers import (
    ChangeAnswer,
    ChangesQuestion,
    CohortAnswer,
    FoundAnswer,
    NotAppliedAnswer,
    PersonAnswer,
    SharerAnswer,
)

_MOST = 1000  # orders in one question


def office_routes(ports: Ports, key: bytes) -> list[Route]:
    """The routes, for `intake_site`. 401 without the key."""

    def behind_key(answer: Callable[[Request], msgspec.Struct | list[ChangeAnswer]]) -> Callable[[Request], Response]:
        def authorized(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key):
                raise HTTPException(401, "expected Authorization: Bearer <the key in OFFICE_KEY_FILE>")
            return Response(msgspec.json.encode(answer(request)), media_type="application/json")

        return authorized

    def people(request: Request) -> FoundAnswer:
        query = request.query_params
        return found(query.getlist("part"), query.get("address", ""), query.getlist("qualification") or None, ports)

    def person(request: Request) -> PersonAnswer:
        answer = person_answer(request.path_params["id"], ports)
        if answer is None:
            raise HTTPException(404, "expected a registration_id")
        return answer

    def cohort(request: Request) -> CohortAnswer:
        try:
            return cohort_answer(request.query_params.get("cohort") or ports.cycle.cohort, ports)
        except ValueError as error:
            raise HTTPException(422, f"cohort: {error}") from error

    async def changes(request: Request) -> Response:
        body = await request.body()

        def answer(_: Request) -> list[ChangeAnswer]:
            try:
                asked = msgspec.json.decode(body, type=ChangesQuestion)
            except msgspec.DecodeError as error:
                raise HTTPException(400, f"expected decision_ids: {error}") from error
            return changes_of(asked.decision_ids[:_MOST], ports)

        return await run_in_threadpool(behind_key(answer), request)

    return [
        Route("/api/v1/office/people", behind_key(people), methods=["GET"]),
        Route("/api/v1/office/people/{id:path}", behind_key(person), methods=["GET"]),
        Route("/api/v1/office/changes", changes, methods=["POST"]),
        Route("/api/v1/office/cohort", behind_key(cohort), methods=["GET"]),
    ]


def found(parts: list[str], address: str, qualifications: list[str] | None, ports: Ports) -> FoundAnswer:
    """The registrations whose names or kana hold all `parts` (by ops' search_key), or that have this address."""
    with ports.store.transaction() as tx:
        return FoundAnswer(registration_ids=tuple(tx.find(parts, same_address_key(address), qualifications)))


def person_answer(id: str, ports: Ports) -> PersonAnswer | None:
    with ports.store.transaction() as tx:
        registration = tx.registrations([id]).get(id)
        if registration is None:
            return None
        record, written = registration.record, registration.written
        return PersonAnswer(
            registration_id=id,
            names={field: getattr(record, field) for field in NAMES},
            written={field: getattr(written, field) for field in NAMES},
            kana=" ".join(text for text in (record.family_name_kana, record.given_name_kana) if text) or None,
            email=registration.email,
            contact_email=record.contact_email,
            missing=missing_characters(written, ports.rules.missing_glyphs),
            sharers=tuple(SharerAnswer(**vars(each)) for each in tx.sharers(registration)),
            not_applied=tuple(NotAppliedAnswer(field=field, at=at) for field, at in tx.not_applied(id)),
        )


def changes_of(decision_ids: tuple[str, ...], ports: Ports) -> list[ChangeAnswer]:
    with ports.store.transaction() as tx:
        return [
            ChangeAnswer(decision_id=each.decision_id, field=each.field, old=each.old, new=each.new)
            for each in tx.changes_by(decision_ids)
        ]
