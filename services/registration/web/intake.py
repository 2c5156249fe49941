"""The HTTP API: upstream delivers records, the office reads the rejected rows. One API key for both."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from email.message import Message
from functools import partial
from itertools import chain, islice
from typing import Any, Literal

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.registration import handlers
from services.registration.domain.delivery import FORMS, Form, rows_of
from services.registration.domain.encoding import LABELS, Charset, charset_named
from services.registration.domain.rows import UnreadableDeliveryError
from services.registration.handlers import Ports
from services.registration.intake.receiving import Receiving, Summary
from services.registration.intake.results import RowResults, result_file
from services.registration.office.outlook import MOST_ASKED, cohort_outlook, outlook_of
from services.registration.web.foreground import InForeground
from services.registration.web.ndjson import MEDIA_TYPE, StreamedAnswer, take_all
from services.registration.web.openapi import description
from shared.runtime.access import Access
from shared.runtime.db import UNAVAILABLE, UNSTORABLE, is_unavailable
from shared.runtime.log import logger
from shared.runtime.web.guard import REASONS, STATUS, Guard, Refusal, harden

_UTF_16 = ("utf-16", "utf-16le", "utf-16be")
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
    """The routes of upstream, and /healthz. `limit`: most bytes of a delivery. `access`: as of `Pages.install`.

    `wake` is called when records have been accepted. `office`: the routes of `office/office_api.py`, if it has a key.
    """

    async def deliver(request: Request) -> Response:
        _authorize(request, key)
        form, charset = _form(request)
        first_row = _whole(request, "first_row", None)
        source = request.query_params.get("source", "http")[:200]

        def refuse_unreadable(error: UnreadableDeliveryError) -> Response:
            return _json(400, answer(_refused(error, source, ports)))

        answered = _answered(request, form)
        try:
            if form == "jsonl" and answered == "ndjson":
                return StreamedAnswer(request, first_row, source, ports, wake, refuse_unreadable)
            if form == "jsonl":
                summary = await take_all(request, first_row, source, ports)
            else:
                body = await request.body()
                take = partial(_take, body, form, charset, first_row, source, ports)
                summary, results = await run_in_threadpool(take)
                if answered == "csv":
                    wake()
                    rows = rows_of(body, form, first_row=first_row, charset=charset)
                    return StreamingResponse(result_file(rows, results), media_type="text/csv; charset=utf-8")
        except UnreadableDeliveryError as error:
            return await run_in_threadpool(refuse_unreadable, error)
        wake()
        return _json(200, answer(summary))

    async def cohort(request: Request) -> Response:
        _authorize(request, key)
        lines = (msgspec.json.encode(each) + b"\n" for each in cohort_outlook(ports))
        first = await run_in_threadpool(
            lambda: list(islice(lines, 1))
        )  # an error is a status only before the first line
        return StreamingResponse(chain(first, lines), media_type=MEDIA_TYPE)

    async def outlook(request: Request) -> Response:
        _authorize(request, key)
        try:
            ids = msgspec.json.decode(await request.body(), type=list[str])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise HTTPException(400, f"expected a JSON array of registration_ids ({error})") from error
        if len(ids) > MOST_ASKED:
            raise HTTPException(400, f"got {len(ids)} registration_ids, expected at most {MOST_ASKED}")
        found = await run_in_threadpool(outlook_of, ids, ports)
        return _json(200, {"registrations": [found[id] for id in dict.fromkeys(ids) if id in found]})

    async def rejected(request: Request) -> Response:
        _authorize(request, key)
        rows = min(_whole(request, "limit", None) or 1000, _MOST_LISTED)
        return _json(200, {"rejected": await run_in_threadpool(handlers.rejected_rows, rows, ports)})

    async def refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        refused = HTTPException(STATUS[refusal], REASONS[refusal])
        if refusal in ("too-large", "cross-site"):
            # The key first: a request without it learns nothing else, and every cross-site request is without it.
            refused = HTTPException(
                413,
                f"got more than {limit} bytes ({limit // 2**20} MB), expected a delivery in smaller parts (akashi feed"
                f" makes them), or {MEDIA_TYPE}, which is read as a stream of any length",
            )
            try:
                _authorize(Request(scope, receive), key)
            except HTTPException as unauthorized:
                refused = unauthorized
        await _error(refused)(scope, receive, send)

    return Starlette(
        routes=[
            Route("/upstream/registrations", deliver, methods=["POST"]),
            Route("/api/v1/rejected", rejected, methods=["GET"]),
            Route("/api/v1/cohort", cohort, methods=["GET"]),
            Route("/api/v1/outlook", outlook, methods=["POST"]),
            Route("/api/v1/openapi.json", lambda _: _json(200, description(limit))),
            *office,
            Route("/healthz", lambda _: PlainTextResponse("ok\n")),
        ],
        middleware=[
            Middleware(Guard, refuse=refuse, most_bytes=limit, access=access, is_stream=_is_stream),
            Middleware(InForeground, foreground=ports.foreground),
        ],
        exception_handlers={
            HTTPException: _on_http_error,
            **dict.fromkeys(UNAVAILABLE, _on_database_error),
            **dict.fromkeys(UNSTORABLE, _on_unstorable),
            Exception: _on_bug,
        },
    )


def answer(summary: Summary) -> dict[str, Any]:
    """The answer to a delivery, as JSON."""
    return vars(summary)


def _take(
    body: bytes, form: Form, charset: Charset | None, first_row: int | None, source: str, ports: Ports
) -> tuple[Summary, RowResults]:
    """The summary, and what became of each row that is not simply accepted."""
    results = RowResults()
    receiving = Receiving(source, ports, results.note)
    receiving.take(rows_of(body, form, first_row=first_row, charset=charset))
    return receiving.finish(), results


def _refused(error: UnreadableDeliveryError, source: str, ports: Ports) -> Summary:
    """Nothing of it can be read: that is kept as one rejection."""
    receiving = Receiving(source, ports)
    receiving.take([error.rejected])
    return receiving.finish()


def _is_stream(scope: Scope) -> bool:
    """NDJSON deliveries have no limit but that of a line: the body is streamed, never held in memory."""
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    return bool(scope["path"] == "/upstream/registrations" and FORMS.get(media_type) == "jsonl")


def _answered(request: Request, form: Form) -> Literal["json", "ndjson", "csv"]:
    """The form of the answer: JSON, unless the sender asks for another one of those that there are."""
    accepted = {each.partition(";")[0].strip().lower() for each in request.headers.get("accept", "").split(",")}
    if form == "jsonl":
        return "ndjson" if any(FORMS.get(each) == "jsonl" for each in accepted) else "json"
    return "csv" if "text/csv" in accepted else "json"


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
    if form == "csv" and isinstance(label, str) and label.lower() in _UTF_16:
        return form, None  # told by its first bytes
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
