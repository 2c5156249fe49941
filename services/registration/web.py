"""The HTTP API: upstream delivers records, the office reads the rejected rows. One API key for both."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from email.message import Message
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.registration import handlers
from services.registration.domain.delivery import (
    FORMS,
    Delivery,
    Form,
    UnreadableDeliveryError,
    read_delivery,
    rejected_as_json,
)
from services.registration.domain.encoding import LABELS, Charset, charset_named
from services.registration.domain.look_alikes import described
from services.registration.handlers import DeliveryResult, Ports
from shared.runtime.access import Access
from shared.runtime.db import UNAVAILABLE, UNSTORABLE, is_unavailable
from shared.runtime.log import logger
from shared.runtime.web.guard import REASONS, STATUS, Guard, Refusal, harden

_MOST_LISTED = 10_000
_RETRY_AFTER = 10  # seconds


def intake_site(
    ports: Ports,
    key: bytes,
    limit: int,
    wake: Callable[[], None],
    access: Access | None = None,
    office: Sequence[Route] = (),
) -> Starlette:
    """The two routes, and /healthz. `limit`: most bytes of a delivery. `access`: as of `Pages.install`.

    `wake` is called when records have been accepted. `office`: the routes of `office_api.py`, if it has a key.
    """

    async def deliver(request: Request) -> Response:
        _authorize(request, key)
        form, charset = _form(request)
        first_row = _whole(request, "first_row", None)
        source = request.query_params.get("source", "http")[:200]
        body = await request.body()
        status, result = await run_in_threadpool(_deliver, body, form, charset, first_row, source, ports)
        wake()
        return _json(status, answer(result))

    async def rejected(request: Request) -> Response:
        _authorize(request, key)
        rows = min(_whole(request, "limit", None) or 1000, _MOST_LISTED)
        return _json(200, {"rejected": await run_in_threadpool(handlers.rejected_rows, rows, ports)})

    async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        refused = HTTPException(STATUS[refusal], REASONS[refusal])
        if refusal in ("too-large", "cross-site"):
            # The key first: a request without it learns nothing else, and every cross-site request is without it.
            refused = HTTPException(413, f"got more than {limit} bytes, expected a delivery in smaller parts")
            try:
                _authorize(Request(scope, receive), key)
            except HTTPException as unauthorized:
                refused = unauthorized
        await _error(refused)(scope, receive, send)

    return Starlette(
        routes=[
            Route("/upstream/registrations", deliver, methods=["POST"]),
            Route("/api/v1/rejected", rejected, methods=["GET"]),
            *office,
            Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        ],
        middleware=[Middleware(Guard, refuse=refuse, most_bytes=limit, access=access)],
        exception_handlers={
            HTTPException: _on_http_error,
            **dict.fromkeys(UNAVAILABLE, _on_database_error),
            **dict.fromkeys(UNSTORABLE, _on_unstorable),
            Exception: _on_bug,
        },
    )


def answer(result: DeliveryResult) -> dict[str, Any]:
    """The answer to a delivery, as JSON."""
    return {
        "accepted": result.accepted,
        "unchanged": result.unchanged,
        "not_applied": [
            {"row": each.row, "registration_id": each.registration_id, "fields": each.fields}
            for each in result.not_applied
        ],
        "rejected": [rejected_as_json(each) for each in result.rejected],
        "look_alikes": [
            {
                "row": row,
                "registration_id": id,
                "field": each.field,
                "got": described(each.found),
                "expected": described(each.meant) if each.meant else None,
            }
            for row, id, each in result.look_alikes
        ],
    }


def _deliver(
    body: bytes, form: Form, charset: Charset | None, first_row: int | None, source: str, ports: Ports
) -> tuple[int, DeliveryResult]:
    try:
        delivery = read_delivery(body, form, ports.rules, first_row=first_row, charset=charset)
    except UnreadableDeliveryError as error:
        return 400, handlers.accept(Delivery((), (error.rejected,)), source, ports)
    return 200, handlers.accept(delivery, source, ports)


def _authorize(request: Request, key: bytes) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key):
        raise HTTPException(401, "expected Authorization: Bearer <the API key of upstream>")


def _form(request: Request) -> tuple[Form, Charset | None]:
    """The form of a delivery, and the encoding that is declared for it."""
    content_type = Message()
    content_type["Content-Type"] = request.headers.get("content-type", "")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = FORMS.get(media_type)
    if form is None:
        raise HTTPException(415, f"got Content-Type {media_type!r}, expected one of {', '.join(FORMS)}")
    label = content_type.get_param("charset")
    if not isinstance(label, str) or not label:
        return form, None
    charset = charset_named(label)
    if charset is None or (form != "csv" and charset != "utf-8"):
        expected = " or ".join(LABELS.values()) if form == "csv" else "utf-8: JSON has no other"
        raise HTTPException(415, f"got charset {label[:40]!r}, expected {expected}")
    return form, charset


def _whole(request: Request, name: str, default: int | None) -> int | None:
    raw = request.query_params.get(name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and int(raw) > 0):
        raise HTTPException(400, f"got {name}={raw[:20]!r}, expected a whole number from 1")
    return int(raw)


def _json(status: int, content: object) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def _error(error: HTTPException) -> Response:
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(_RETRY_AFTER)}}.get(error.status_code)
    return Response(
        msgspec.json.encode({"error": error.detail}), error.status_code, headers, media_type="application/json"
    )


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error)


async def _on_database_error(_: Request, error: Exception) -> Response:
    # Nothing of the request is committed, so nothing but "again" can be said of it.
    if not is_unavailable(error):
        raise error
    logger("web").warning("waiting", cause=type(error).__name__)
    return _error(HTTPException(503, "the database is not available: send it again; known rows change nothing"))


async def _on_unstorable(_: Request, error: Exception) -> Response:
    logger("web").warning("refused", cause=type(error).__name__)
    return _error(HTTPException(422, "a text or number that can't be stored: no NUL, no half characters"))


async def _on_bug(request: Request, _: Exception) -> Response:
    # Answered outside the guard, which therefore can't set the headers. The server logs the exception.
    response = PlainTextResponse("Internal Server Error", 500)
    harden(MutableHeaders(raw=response.raw_headers), https=request.url.scheme == "https")
    return response
