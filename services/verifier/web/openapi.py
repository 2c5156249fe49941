"""The OpenAPI 3.1 document of the API, made from the types of its answers; pure.

Source: OpenAPI Specification 3.1.1, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from services.verifier.web.answers import Answer, Problem
from services.verifier.web.count_answers import CountAnswer
from shared.credentials.baking import MAX_FILE_BYTES

_TITLE = "Is this certificate valid?"
_ABOUT = (
    "Checks a certificate (Open Badges 3.0) of the issuer of this site. The verdict `could-not-check` says that a"
    " source gave no answer: it is neither valid nor invalid. Fields may be added to answers;"
    " their meanings never change."
)


def description(public_url: str) -> dict[str, Any]:
    """The document, as served at /api/v1/openapi.json."""
    (answer, count, problem), components = msgspec.json.schema_components(
        [Answer, CountAnswer, Problem], ref_template="#/components/schemas/{name}"
    )
    verdict = {"description": "The verdict", "content": {"application/json": {"schema": answer}}}
    either = {"description": "The verdict", "content": {"application/json": {"schema": {"anyOf": [answer, count]}}}}
    refusals = {
        status: {"description": why, "content": {"application/json": {"schema": schema}}}
        for status, why, schema in (
            ("413", f"More than {MAX_FILE_BYTES} bytes", _ERROR),
            ("422", "A field, number or URL that is not taken; the text says why", _ERROR),
            (
                "429",
                "Too many from this address, or one of its checks is going on: again after the seconds of Retry-After",
                problem,
            ),
            ("503", "A part of this service is away, or all its places are taken: try again", _ERROR),
        )
    }
    return {
        "openapi": "3.1.1",
        "info": {"title": _TITLE, "version": "1", "description": _ABOUT},
        "servers": [{"url": public_url}],
        "paths": {
            "/api/v1/verify": {
                "get": {
                    "operationId": "verifyById",
                    "summary": "A certificate that was issued here, by its number",
                    "parameters": [_parameter("id", {"type": "string", "pattern": "^[A-Za-z2-7]{26}$"}, required=True)],
                    "responses": {
                        "200": verdict,
                        "404": {
                            "description": "None was issued under this number",
                            "content": {"application/json": {"schema": _ERROR}},
                        },
                        **{status: refusals[status] for status in ("422", "503")},
                    },
                },
                "post": {
                    "operationId": "verifyDocument",
                    "summary": "A certificate as JSON, baked PNG or SVG, or PDF, or its URL; or a statement of a count",
                    "parameters": [_parameter("url", {"type": "string", "maxLength": 2000}, required=False)],
                    "requestBody": {"required": False, "content": _bodies()},
                    "responses": {"200": either, "400": _bad_form(), **refusals},
                },
            }
        },
        "components": {"schemas": components},
    }


_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "integer"}, "detail": {"type": "string"}},
    "required": ["error", "detail"],
}


def _parameter(name: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _bodies() -> dict[str, Any]:
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {
        "type": "object",
        "properties": {"file": binary, "url": {"type": "string", "maxLength": 2000}},
    }
    files: dict[str, Any] = {
        kind: {"schema": {}} for kind in ("application/json", "image/png", "image/svg+xml", "application/pdf")
    }
    return cast(dict[str, Any], {**files, "multipart/form-data": {"schema": form}})


def _bad_form() -> dict[str, Any]:
    return {"description": "A form that is broken", "content": {"application/json": {"schema": _ERROR}}}
