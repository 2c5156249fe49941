"""The published documents: credentials, status lists, badge classes, the issuer, in both standards, and baked badges.

All may be read from any site. Each has an ETag, so that a repeated request is answered 304 while it is unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.verifier import publication
from services.verifier.check.disclosure import Withheld
from services.verifier.files.preview import preview_png
from services.verifier.ports import Ports
from services.verifier.web.answers import Problem
from shared import object_keys
from shared.credentials.open_badges_2 import ISSUER_PATH, RevokedAssertion
from shared.errors import NotFound
from shared.file_names import attachment
from shared.programme import Programme

FRESH = {"cache-control": "no-cache"}  # what a revocation or the holder's choice changes
_SHORT = {"cache-control": "public, max-age=60"}
LONG = {"cache-control": "public, max-age=86400"}
_TYPES = {"json": "application/json", "png": "image/png", "svg": "image/svg+xml"}
READ = ["GET", "HEAD"]


def add_documents(app: FastAPI, ports: Ports, programme: Programme) -> None:
    _add_issuer(app, ports)
    _add_badges(app, ports)
    _add_previews(app, ports, programme)
    _add_assertions(app, ports)


def _add_issuer(app: FastAPI, ports: Ports) -> None:
    @app.api_route("/.well-known/did.json", methods=READ)
    def did(request: Request) -> Response:
        return _stored(request, object_keys.DID_DOCUMENT, ports, _SHORT)

    @app.api_route("/issuer.json", methods=READ)
    def issuer(request: Request) -> Response:
        return _stored(request, object_keys.PROFILE, ports, _SHORT)

    @app.api_route("/issuer/image.png", methods=READ)
    def image(request: Request) -> Response:
        return _stored(request, object_keys.ISSUER_IMAGE, ports, LONG)

    @app.api_route(ISSUER_PATH, methods=READ)
    def profile(request: Request) -> Response:
        return _linked(request, publication.profile(ports), _SHORT)

    @app.api_route("/status/{number}.json", methods=READ)
    def status(request: Request, number: int) -> Response:
        return _stored(request, object_keys.status_list(number), ports, _SHORT)


def _add_badges(app: FastAPI, ports: Ports) -> None:
    @app.api_route("/badges/{qualification}/{edition}.{form}", methods=READ)
    def badge(request: Request, qualification: str, edition: str, form: str) -> Response:
        """A published edition never changes."""
        return _stored(request, f"{_class_key(qualification, edition)}.{_form(form)}", ports, LONG)

    @app.api_route("/ob2/badges/{qualification}/{edition}.json", methods=READ)
    def badge_class(request: Request, qualification: str, edition: str) -> Response:
        return _linked(request, publication.badge_class(f"{_class_key(qualification, edition)}.json", ports), LONG)


def _add_previews(app: FastAPI, ports: Ports, programme: Programme) -> None:
    @app.api_route("/preview/{qualification}/{edition}.png", methods=READ)
    def preview(request: Request, qualification: str, edition: str) -> Response:
        """What a social network shows beside a link to a badge of this class."""
        badge = ports.site.get(f"{_class_key(qualification, edition)}.png")
        known = programme.qualifications.get(qualification)
        return answer(request, preview_png(badge, known.colour if known else None), _TYPES["png"], LONG)


def _add_assertions(app: FastAPI, ports: Ports) -> None:
    @app.api_route("/credentials/{name}.{form}", methods=READ)
    def credential(request: Request, name: str, form: str) -> Response:
        assertion_id = _assertion_id(name)
        match _form(form):
            case "png":
                given = publication.picture(assertion_id, "png", ports)
            case "svg":
                given = publication.picture(assertion_id, "svg", ports)
            case _:
                given = publication.credential(assertion_id, ports)
        if isinstance(given, Withheld):
            return _withheld(given)
        headers = dict(FRESH)
        if _is_download(request):
            title = publication.title_of_files(assertion_id, ports)
            headers["content-disposition"] = attachment(f"{assertion_id}.{form}", f"{title}.{form}")
        return answer(request, given, _TYPES[form], headers)

    @app.api_route("/assertions/{name}.json", methods=READ)
    def assertion(request: Request, name: str) -> Response:
        """IMS Open Badges 2.0, HostedBadge Verification: 410 and `revoked` for one that was revoked."""
        found = publication.assertion(_assertion_id(name), ports)
        return _linked(request, found, FRESH, 410 if isinstance(found, RevokedAssertion) else 200)


def _assertion_id(text: str) -> str:
    """An assertion id. NotFound for what can't be one, before any object key is made of it."""
    if not object_keys.is_assertion_id(text):
        raise NotFound("no such assertion")
    return text


def _class_key(qualification: str, edition: str) -> str:
    if not object_keys.is_badge_class(qualification, edition):
        raise NotFound("no such badge")
    return object_keys.badge_class(qualification, edition)


def _is_download(request: Request) -> bool:
    """`?download`: a browser saves it. From another site, the link's own `download` means nothing."""
    return "download" in request.query_params


def _form(text: str) -> str:
    if text not in _TYPES:
        raise NotFound("no such form")
    return text


def _stored(request: Request, key: str, ports: Ports, headers: Mapping[str, str]) -> Response:
    return answer(request, ports.site.get(key), _TYPES[key.rpartition(".")[2]], headers)


def _linked(request: Request, document: msgspec.Struct, headers: Mapping[str, str], status: int = 200) -> Response:
    """A document of Open Badges 2.0, whose section "Setting Content-Type" wants JSON-LD's type by default."""
    accept = request.headers.get("accept", "*/*")
    plain = "ld+json" not in accept and ("json" in accept or "html" in accept)
    kind = "application/json" if plain else "application/ld+json"
    return answer(request, msgspec.json.encode(document), kind, {**headers, "vary": "accept"}, status)


def answer(request: Request, body: bytes, kind: str, headers: Mapping[str, str], status: int = 200) -> Response:
    """With a weak ETag, because the body may be compressed on its way. 304 when the client has it."""
    tag = f'W/"{sha256(body).hexdigest()[:32]}"'
    asked = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    if status == 200 and tag in asked:
        return Response(status_code=304, headers={**headers, "etag": tag})
    return Response(body, status, {**headers, "etag": tag}, media_type=kind)


def _withheld(given: Withheld) -> Response:
    problem = Problem(given.status, given.reason, given.text)
    return Response(msgspec.json.encode(problem), given.status, FRESH, media_type="application/json")
