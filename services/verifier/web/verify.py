"""Verifying what is handed in: the form for visitors, and version 1 of the API."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import msgspec
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.verifier import verification
from services.verifier.check.count import CountVerdict
from services.verifier.check.explanation import REFUSALS
from services.verifier.config import Config
from services.verifier.counting import count_in
from services.verifier.files.pdf import is_pdf
from services.verifier.ports import Ports
from services.verifier.sources.named import Misspelt, named_badge
from services.verifier.sources.public_address import Refused
from services.verifier.verification import VerificationResult
from services.verifier.web import count
from services.verifier.web.answers import Problem, answer_of
from services.verifier.web.count_answers import count_answer_of
from services.verifier.web.openapi import description
from services.verifier.web.pages import unknown_page, verdict_page
from services.verifier.web.places import NoPlace, Places
from services.verifier.web.rate_limit import Limit, TooManyRequests
from shared.copied_text import url_in
from shared.credentials.content import Document
from shared.errors import NotFound
from shared.programme import Bilingual
from shared.runtime.web import Pages

VERIFY_PATH = "/api/v1/verify"


@dataclass(frozen=True)
class _Limits:
    """`verify` counts what is handed in, `fetch` the URLs of others. The places: what is done of it at once."""

    verify: Limit
    fetch: Limit
    files: Places
    pdfs: Places  # each may take seconds of CPU
    fetches: Places  # each may take seconds of waiting


def add_verify(app: FastAPI, templates: Pages, ports: Ports, config: Config) -> None:
    set_to = config.limits
    limits = _Limits(
        verify=Limit("verify", set_to.verify, set_to.trusted_proxies),
        fetch=Limit("fetch", set_to.fetch, set_to.trusted_proxies),
        files=Places("files", 16, each=8),
        pdfs=Places("pdfs", 4),
        fetches=Places("fetches", 8),
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
                problem = "misspelt" if isinstance(error, Misspelt) else REFUSALS[error.why]
                return templates.page(request, "front.html", status=422, url=url[:300], problem=problem, raw=str(error))
        elif (statement := count_in(content)) is not None:
            verdict = await _verify_count(statement, request, ports, limits)
            return count.verdict_page(templates, request, statement, verdict, ports, config)
        elif content:
            try:
                result = await _verify_file(content, request, ports, limits)
            except NotFound:
                return unknown_page(templates, request)
        else:
            return templates.page(request, "front.html", status=422, url="", problem="nothing", raw="")
        return verdict_page(templates, request, result, ports, config, handed_in=True)


def _add_api(app: FastAPI, ports: Ports, config: Config, limits: _Limits) -> None:
    document = msgspec.json.encode(description(config.public_url))

    @app.api_route("/api/v1/openapi.json", methods=["GET", "HEAD"])
    def openapi() -> Response:
        return Response(document, media_type="application/json")

    @app.api_route(VERIFY_PATH, methods=["GET", "HEAD"])
    def verify_by_id(id: str) -> Response:
        result = verification.show(_id_in(id, ports), ports)
        return _answer(result, with_number=result.record.details_public)

    @app.post(VERIFY_PATH)
    async def verify_document(request: Request) -> Response:
        """The document as body, or as the field `file` of a form; or the parameter or field `url`."""
        limits.verify.count(request)
        content, url = b"", request.query_params.get("url", "")
        if not url:
            content, url = await _form(request) if _is_form(request) else (await request.body(), "")
        if not url and (statement := count_in(content)) is not None:
            counted = await _verify_count(statement, request, ports, limits)
            answer = count_answer_of(counted, config.runtime.programme.society.name)
            return Response(msgspec.json.encode(answer), media_type="application/json")
        if not url:
            result = await _verify_file(content, request, ports, limits)
            return _answer(result, with_number=not result.printed or result.record.details_public)
        result = await _verify_url(url, request, ports, limits)
        return _answer(result, with_number=named_badge(url, ports.public_url) is None or result.record.details_public)

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
        return Response(msgspec.json.encode(answer), media_type="application/json")


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

    def no_place(request: Request, error: Exception) -> Response:
        assert isinstance(error, NoPlace)
        headers = {"retry-after": str(error.seconds)}
        if request.url.path.startswith("/api/"):
            text = Bilingual(
                "ただいま、ほかの確認をしています。少したってから、もう一度お試しください。",
                "Another check is going on. Try again a little later.",
            )
            return _problem(error.status, "one-at-a-time" if error.status == 429 else "busy", text, headers)
        return templates.page(request, "too_many.html", status=error.status, headers=headers, seconds=error.seconds)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        if isinstance(error, Misspelt):
            text = Bilingual(
                f"証明書の番号が正しくありません。（{error}）", f"Not the number of a certificate: {error}"
            )
            return _problem(422, "misspelt", text)
        why = REFUSALS[error.why]
        text = Bilingual(
            f"このURLは確認できません。{why.ja}（{error}）", f"This URL can't be checked. {why.en} ({error})"
        )
        return _problem(422, "url-refused", text)

    app.add_exception_handler(TooManyRequests, too_many)
    app.add_exception_handler(NoPlace, no_place)
    app.add_exception_handler(Refused, refused)


async def _verify_url(url: str, request: Request, ports: Ports, limits: _Limits) -> VerificationResult:
    """A badge of ours is shown by its id, without the network; a URL of others is fetched."""
    assertion_id = named_badge(url, ports.public_url)
    if assertion_id is not None:
        return await run_in_threadpool(verification.show, assertion_id, ports)
    limits.fetch.count(request)
    check = partial(verification.check_at, url_in(url) or url, ports)
    return await limits.fetches.run(limits.fetch.client(request), check)


async def _verify_file(content: bytes, request: Request, ports: Ports, limits: _Limits) -> VerificationResult:
    places = limits.pdfs if is_pdf(content) else limits.files
    return await places.run(limits.verify.client(request), partial(verification.check, content, ports))


async def _verify_count(statement: Document, request: Request, ports: Ports, limits: _Limits) -> CountVerdict:
    check = partial(count.check_handed_in, statement, ports)
    return await limits.files.run(limits.verify.client(request), check)


def _id_in(text: str, ports: Ports) -> str:
    """Misspelt when no badge of ours is named."""
    assertion_id = named_badge(text, ports.public_url)
    if assertion_id is None:
        raise Misspelt("got a URL of another site, expected the number of a certificate")
    return assertion_id


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
    return Response(body, status, headers, media_type="application/json")
