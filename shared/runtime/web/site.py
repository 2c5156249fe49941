"""The pages of one service: its templates on the shared ones, in two languages, and answers for all that goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from shared.clock import japan_date
from shared.errors import NotFound
from shared.password_strength import PASSWORD_SENTENCES
from shared.plain_text import shown
from shared.programme import Bilingual, Programme
from shared.runtime.access import Access
from shared.runtime.db import UNSTORABLE
from shared.runtime.log import logger
from shared.runtime.web import language as words
from shared.runtime.web.assets import Assets
from shared.runtime.web.copied_links import CopiedLinks
from shared.runtime.web.cross_origin import CrossOrigin, open_to_all
from shared.runtime.web.fields import HIDDEN
from shared.runtime.web.guard import AWAY, REASONS, STATUS, Guard, Refusal, harden
from shared.runtime.web.language import LANGUAGES, Language, language_of
from shared.runtime.web.templates_by_language import FixedTexts

_HERE = Path(__file__).parent
_COOKIE = "lang"
_YEAR = 365 * 86400


def pages(folder: Path, programme: Programme) -> Pages:
    """The pages of the service whose templates lie in `folder`; its scripts and pictures lie in `folder`/../static."""
    return Pages(folder, programme)


class Pages:
    def __init__(self, folder: Path, programme: Programme) -> None:
        self._programme = programme
        self._is_open = False
        self._assets = Assets((_HERE / "static", folder.parent / "static"), programme.society.colour)
        self._templates: Mapping[Language, Environment] = {
            language: self._environment(folder, language) for language in LANGUAGES
        }

    def _environment(self, folder: Path, language: Language) -> Environment:
        templates = FixedTexts(
            fixed_functions={"t": _t(language), "say": _say(language), "asset": self._assets.url},
            fixed_values={"lang": language, "programme": self._programme, "society": self._programme.society},
            loader=ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(_HERE / "templates")]),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_plain,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        templates.globals.update(password_sentences=PASSWORD_SENTENCES)
        templates.filters.update(
            phrases=words.phrases,
            day=partial(words.day_element, language=language),
            japan_day=japan_date,
            moment=partial(words.moment_element, language=language),
            day_text=partial(words.day_text, language=language),
            moment_text=partial(words.moment_text, language=language),
            number=_number,
        )
        return templates

    def know(self, **values: Any) -> None:
        """What all templates may name without being given it: also those that are imported without context."""
        for templates in self._templates.values():
            templates.globals.update(values)

    def install(
        self,
        app: FastAPI,
        *,
        access: Access | None = None,
        most_bytes: int = 64 * 1024,
        cross_site: Collection[str] | None = None,
    ) -> None:
        """Give `app` the guard, /static, /healthz and the error pages. A body of more than `most_bytes` is refused.

        Without `access` it answers under loopback names only, and believes no proxy. `cross_site`, for a site without
        logins: scripts of every other site may read it, and send to these paths.
        """
        app.add_middleware(CopiedLinks)
        app.add_middleware(
            Guard, refuse=self._refuse, most_bytes=most_bytes, access=access, cross_site=cross_site or ()
        )
        if cross_site is not None:
            self._is_open = True
            app.add_middleware(CrossOrigin)
        app.add_api_route("/static/{name}", self._static, methods=["GET"], include_in_schema=False)
        app.add_api_route("/healthz", _healthz, methods=["GET"], include_in_schema=False)
        app.add_exception_handler(HTTPException, self._on_http_error)
        app.add_exception_handler(RequestValidationError, self._on_invalid)
        app.add_exception_handler(NotFound, self._on_not_found)
        for away in AWAY:
            app.add_exception_handler(away, self._on_away)
        for unstorable in UNSTORABLE:
            app.add_exception_handler(unstorable, self._on_unstorable)
        app.add_exception_handler(Exception, self._on_bug)

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response:
        """A template as an answer, in the visitor's language. A name that it uses and `context` lacks is an error."""
        language = self.language(request)
        context.setdefault("user", getattr(request.state, "office_user", None))  # who has passed the office's gate
        text = self.text(template, language, _other(request, language), request.url.path, **context)
        response = HTMLResponse(text, status, {"vary": "accept-language, cookie", **(headers or {})})
        if request.query_params.get("lang") == language:
            https = request.url.scheme == "https"
            response.set_cookie(_COOKIE, language, max_age=_YEAR, httponly=True, samesite="lax", secure=https)
        return response

    def text(self, template: str, lang: Language, other_url: str, path: str, **context: Any) -> str:
        return self._templates[lang].get_template(template).render(other_url=other_url, path=path, **context)

    def language(self, request: Request) -> Language:
        return language_of(
            request.query_params.get("lang"), request.cookies.get(_COOKIE), request.headers.get("accept-language")
        )

    def error(
        self, request: Request, status: int, *, headers: Mapping[str, str] | None = None, detail: str = ""
    ) -> Response:
        """What went wrong and what to do next: a page, or JSON if asked for. `detail` is for the JSON only."""
        if _wants_json(request):
            return JSONResponse(
                {"error": status, "detail": detail or _ERRORS.get(status, "failed")}, status, dict(headers or {})
            )
        return self.page(request, "error.html", status=status, headers=headers, code=status)

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.error(Request(scope, receive), STATUS[refusal], detail=f"{refusal}: {REASONS[refusal]}")
        await answer(scope, receive, send)

    def _static(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            return self.error(request, 404)
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(asset.body, media_type=asset.media_type, headers=headers)
        return Response(asset.zipped, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"})

    def _on_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.error(request, error.status_code, headers=error.headers, detail=error.detail)

    def _on_invalid(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        # Only which field: what was typed into it may be a password.
        problems = error.errors()
        fields = sorted({".".join(str(part) for part in problem["loc"]) for problem in problems})
        why = sorted({f": {problem['msg']}" for problem in problems if problem["type"] == HIDDEN})
        return self.error(request, 422, detail=shown(f"expected valid {', '.join(fields)}{''.join(why)}"))

    def _on_unstorable(self, request: Request, error: Exception) -> Response:
        # What was sent has characters or numbers that no column holds. Logged: it could be a fault of ours, too.
        logger("web").warning("refused", cause=type(error).__name__)
        return self.error(request, 422, detail="a text or number that can't be stored: no NUL, no half characters")

    def _on_not_found(self, request: Request, error: Exception) -> Response:
        return self.error(request, 404)

    def _on_away(self, request: Request, error: Exception) -> Response:
        logger("web").warning("waiting", cause=type(error).__name__)
        return self.error(request, 503, headers={"retry-after": "10"})

    def _on_bug(self, request: Request, error: Exception) -> Response:
        # Answered outside the guard, which therefore can't set the headers. The server logs the exception.
        response = self.error(request, 500)
        headers = MutableHeaders(raw=response.raw_headers)
        harden(headers, https=request.url.scheme == "https")
        if self._is_open:
            open_to_all(headers)
        return response


_ERRORS = {
    400: "the request can't be read",
    403: "this request came from another site",
    404: "not found",
    405: "method not allowed",
    413: "the body is too large",
    421: "this service does not answer under that host",
    422: "a field is missing or not valid",
    429: "too many requests",
    500: "a bug of ours",
    503: "a part of the service is away; try again",
}


_FOR_PROGRAMS = ("/api/", "/upstream/", "/oid4vci/", "/.well-known/")
"""Paths for programs, not all of which send Accept. Browsers don't open them."""


async def _healthz() -> Response:
    """In the event loop, so that it needs no thread: it answers while all of them work."""
    return PlainTextResponse("ok\n")


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "json" in accept or (request.url.path.startswith(_FOR_PROGRAMS) and "text/html" not in accept)


def _other(request: Request, language: Language) -> str:
    """This page in the other language."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*query, ("lang", "en" if language == "ja" else "ja")])


def _plain(value: Any) -> Any:
    """What a template prints: a text that was stored before such characters were refused can't turn the page around."""
    return shown(value) if type(value) is str else value


def _t(language: Language) -> Callable[[str, str], str]:
    """Chooses the text in this language."""
    return (lambda ja, en: ja) if language == "ja" else (lambda ja, en: en)


def _say(language: Language) -> Callable[[Bilingual], str]:
    """Chooses the text of the programme file in this language."""
    return (lambda text: text.ja) if language == "ja" else (lambda text: text.en)


def _number(value: int) -> str:
    """1,240 in both languages."""
    return f"{value:,}"
