"""Verifying what is handed in: the form for visitors, and version 1 of the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.verifier import verification
from services.verifier.check.explanation import REFUSALS
from services.verifier.config import Config
from services.verifier.ports import Ports
from services.verifier.sources.public_address import Refused
from services.verifier.verification import VerificationResult
from services.verifier.web.answers import Problem, answer_of
from services.verifier.web.documents import OPEN, assertion_id_in
from services.verifier.web.openapi import description
from services.verifier.web.pages import unknown_page, verdict_page
from services.verifier.web.rate_limit import Limit, TooManyRequests
from shared import object_keys
from shared.errors import NotFound
from shared.programme import Bilingual
from shared.runtime.web import Pages

_OWN_PATH = re.compile(r"/(?:[Vv]|credentials|assertions)/([A-Za-z2-7]{26})(?:\.json|\.png|\.svg)?/?\Z")


@dataclass(frozen=True)
class _Limits:
    """`verify` counts what is handed in, `fetch` the URLs of others."""

    verify: Limit
    fetch: Limit


def add_verify(app: FastAPI, templates: Pages, ports: Ports, config: Config) -> None:
    set_to = config.limits
    limits = _Limits(
        Limit("verify", set_to.verify, set_to.trusted_proxies), Limit("fetch", set_to.fetch, set_to.trusted_proxies)
    )
    _add_form(app, templates, ports, config, limits)
    _add_api(app, ports, config, limits)
    _add_refusals(app, templates)


def _add_form(app: FastAPI, templates: Pages, ports: Ports, config: Config, limits: _Limits) -> None:
    @app.get("/verify")
    def back(request: Request) -> Response:
        """The address of the form's answer. The file isn't kept, so it has to be handed in again."""
        return RedirectResponse(str(request.url.replace(path="/")), 303)

    @app.post("/verify")
    async def handed_in(request: Request) -> Response:
        limits.verify.count(request)
        content, url = await _form(request)
        if url:
            try:
                result = await _verify_url(url, request, ports, limits)
            except Refused as error:
                return templates.page(
                    request, "front.html", status=422, url=url[:300], problem=REFUSALS[error.why], raw=str(error)
                )
        elif content:
            try:
                result = await run_in_threadpool(verification.check, content, ports)
            except NotFound:
                return unknown_page(templates, request)
        else:
            return templates.page(request, "front.html", status=422, url="", problem="nothing", raw="")
        return verdict_page(templates, request, result, ports, config, handed_in=True)


def _add_api(app: FastAPI, ports: Ports, config: Config, limits: _Limits) -> None:
    document = msgspec.json.encode(description(config.public_url))

    @app.api_route("/api/v1/openapi.json", methods=["GET", "HEAD"])
    def openapi() -> Response:
        return Response(document, media_type="application/json", headers=OPEN)

    @app.api_route("/api/v1/verify", methods=["GET", "HEAD"])
    def verify_by_id(id: str) -> Response:
        result = verification.show(assertion_id_in(id.upper()), ports)
        return _answer(result, with_number=result.record.details_public)

    @app.post("/api/v1/verify")
    async def verify_document(request: Request) -> Response:
        """The document as body, or as the field `file` of a form; or the parameter or field `url`."""
        limits.verify.count(request)
        content, url = b"", request.query_params.get("url", "")
        if not url:
            content, url = await _form(request) if _is_form(request) else (await request.body(), "")
        if not url:
            result = await run_in_threadpool(verification.check, content, ports)
            return _answer(result, with_number=not result.printed or result.record.details_public)
        result = await _verify_url(url, request, ports, limits)
        return _answer(result, with_number=_own_id(url, ports) is None or result.record.details_public)

    def _answer(result: VerificationResult, *, with_number: bool) -> Response:
        society = config.runtime.programme.society.name
        answer = answer_of(
            result.verdict,
            society,
            record=result.record,
            public_url=ports.public_url,
            with_number=with_number,
            printed=result.printed,
        )
        return Response(msgspec.json.encode(answer), media_type="application/json", headers=OPEN)


def _add_refusals(app: FastAPI, templates: Pages) -> None:
    def too_many(request: Request, error: Exception) -> Response:
        assert isinstance(error, TooManyRequests)
        headers = {"retry-after": str(error.seconds)}
        if request.url.path.startswith("/api/"):
            text = Bilingual(
                f"短い間に何度も確認がありました。{error.seconds}秒ほどたってから、もう一度お試しください。",
                f"There were too many requests from your address. Try again in {error.seconds} seconds.",
            )
            return _problem(429, "too-many-requests", text, headers)
        return templates.page(request, "too_many.html", status=429, headers=headers, seconds=error.seconds)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        why = REFUSALS[error.why]
        text = Bilingual(
            f"このURLは確認できません。{why.ja}（{error}）", f"This URL can't be checked. {why.en} ({error})"
        )
        return _problem(422, "url-refused", text)

    app.add_exception_handler(TooManyRequests, too_many)
    app.add_exception_handler(Refused, refused)


async def _verify_url(url: str, request: Request, ports: Ports, limits: _Limits) -> VerificationResult:
    """A URL of our own site is shown by its id, without the network; another one is fetched."""
    assertion_id = _own_id(url, ports)
    if assertion_id is not None:
        return await run_in_threadpool(verification.show, assertion_id, ports)
    limits.fetch.count(request)
    return await run_in_threadpool(verification.check_at, url, ports)


def _own_id(url: str, ports: Ports) -> str | None:
    """The assertion that a URL of our own site names."""
    try:
        parts = urlsplit(url)
        same = f"{parts.scheme}://{parts.netloc}".lower() == ports.public_url.lower()
    except ValueError:
        return None
    found = _OWN_PATH.match(parts.path) if same else None
    return found[1].upper() if found and object_keys.is_assertion_id(found[1].upper()) else None


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded"))


async def _form(request: Request) -> tuple[bytes, str]:
    """The fields `file` and `url`; either may be missing."""
    async with request.form(max_files=1, max_fields=4) as form:
        file, url = form.get("file"), form.get("url")
        content = await file.read() if isinstance(file, UploadFile) else (file or "").encode()
    return content, url.strip() if isinstance(url, str) else ""


def _problem(status: int, detail: str, text: Bilingual, headers: dict[str, str] | None = None) -> Response:
    body = msgspec.json.encode(Problem(status, detail, text))
    return Response(body, status, {**OPEN, **(headers or {})}, media_type="application/json")
