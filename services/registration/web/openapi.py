"""The OpenAPI 3.1 document of upstream's API, made from the types of its answers.

Source: OpenAPI Specification 3.1.1, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any

import msgspec

from services.registration.domain.delivery import FORMS
from services.registration.domain.upstream_schema import upstream_schema
from services.registration.office.outlook import MOST_ASKED, Outlook
from services.registration.store import RejectedRow

_ROW = {"type": ["integer", "null"], "description": "as Excel or an editor numbers it"}
_TEXT = {"type": "string"}
_PERHAPS = {"type": ["string", "null"]}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_REJECTED = _object(row=_ROW, field=_TEXT, got=_PERHAPS, expected=_TEXT)
_CHANGE = _object(field=_TEXT, got=_PERHAPS, kept=_PERHAPS)
_NOT_APPLIED = _object(
    row=_ROW,
    registration_id=_TEXT,
    fields={"type": "array", "items": _TEXT},
    changes={"type": "array", "items": _CHANGE},
)
_LOOK_ALIKE = _object(row=_ROW, registration_id=_TEXT, field=_TEXT, got=_TEXT, expected=_PERHAPS)
_HELD = _object(row=_ROW, registration_id=_TEXT, reason=_TEXT, first_registration_id=_PERHAPS)
_ERASED = _object(row=_ROW, registration_id=_TEXT)
_NUMBER = {"type": "integer", "minimum": 0}
_COUNTS = dict.fromkeys(("rows", "accepted", "unchanged", "not_applied", "rejected", "erased", "held"), _NUMBER)
_SUMMARY = _object(
    accepted=_NUMBER,
    unchanged=_NUMBER,
    not_applied={"type": "array", "items": _NOT_APPLIED},
    rejected={"type": "array", "items": _REJECTED},
    erased={"type": "array", "items": _ERASED},
    look_alikes={"type": "array", "items": _LOOK_ALIKE},
    held={"type": "array", "items": _HELD},
    counts=_object(**_COUNTS),
)
_ERROR = _object(error=_TEXT)


def _line(outcome: str, of: dict[str, Any]) -> dict[str, Any]:
    return _object(outcome={"const": outcome}, **of["properties"])


_LINES = {
    "description": "One of these a line; the summary is the last, or the error after which the rest was not taken.",
    "oneOf": [
        _line("rejected", _REJECTED),
        _line("not-applied", _NOT_APPLIED),
        _line("erased", _ERASED),
        _line("look-alikes", _LOOK_ALIKE),
        _line("held", _HELD),
        _line("summary", _object(**_COUNTS)),
        _object(error=_TEXT, status={"const": 503}, send_again_from_row={"type": "integer"}),
    ],
}


def description(limit: int) -> dict[str, Any]:
    """The document, as served at /api/v1/openapi.json. `limit`: bytes of a delivery that is not streamed."""
    (rejected, outlook), components = msgspec.json.schema_components(
        [RejectedRow, Outlook], ref_template="#/components/schemas/{name}"
    )
    record = {"$ref": "#/components/schemas/UpstreamRecord"}
    key = {"401": _refusal("The API key is missing or wrong")}
    away = {"503": _refusal("The database is away: send it again after the seconds of Retry-After")}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Registrations from upstream",
            "version": "1",
            "description": "The same record may be sent any number of times: it is one registration."
            " Fields may be added to answers; their meanings never change.",
        },
        "security": [{"key": []}],
        "paths": {
            "/upstream/registrations": {
                "post": {
                    "operationId": "deliver",
                    "summary": "Deliver registrations: whatever becomes of one row, the others are taken",
                    "parameters": [
                        _parameter("source", {"type": "string", "maxLength": 200}, "names the delivery"),
                        _parameter(
                            "first_row",
                            {"type": "integer", "minimum": 1},
                            "the number of the first record, of a part of a longer file",
                        ),
                    ],
                    "requestBody": {"required": True, "content": _bodies(record)},
                    "responses": {
                        "200": {
                            "description": "What became of each row, in the form that Accept asks for",
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Summary"}},
                                "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/AnswerLine"}},
                                "text/csv": {"schema": {"type": "string", "description": "The result file"}},
                            },
                        },
                        "400": {
                            "description": "Nothing can be read: encoding, headers, JSON; or a bad parameter",
                            "content": {
                                "application/json": {
                                    "schema": {"anyOf": [{"$ref": "#/components/schemas/Summary"}, _ERROR]}
                                }
                            },
                        },
                        **key,
                        "413": _refusal(
                            f"More than {limit} bytes of JSON or CSV; NDJSON has no limit but that of a line"
                        ),
                        "415": _refusal("Another media type or encoding"),
                        "422": _refusal("A text that can't be stored"),
                        **away,
                    },
                }
            },
            "/api/v1/rejected": {
                "get": {
                    "operationId": "listRejected",
                    "summary": "Rows that were rejected, newest first, without personal content",
                    "parameters": [
                        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": 10_000}, "most fields named")
                    ],
                    "responses": {
                        "200": _answer(_object(rejected={"type": "array", "items": rejected})),
                        "400": _refusal("A bad parameter"),
                        **key,
                        **away,
                    },
                }
            },
            "/api/v1/cohort": {
                "get": {
                    "operationId": "dryRun",
                    "summary": "Dry run: who gets a badge, when the notice leaves, and why somebody gets none",
                    "responses": {
                        "200": {
                            "description": "A registration a line, by id",
                            "content": {"application/x-ndjson": {"schema": outlook}},
                        },
                        **key,
                        **away,
                    },
                }
            },
            "/api/v1/outlook": {
                "post": {
                    "operationId": "outlook",
                    "summary": "The same of some registrations",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": {"type": "array", "items": _TEXT, "maxItems": MOST_ASKED}}
                        },
                    },
                    "responses": {
                        "200": _answer(_object(registrations={"type": "array", "items": outlook})),
                        "400": _refusal("No array of registration_ids"),
                        "422": _refusal("A text that no database holds"),
                        **key,
                        **away,
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **components,
                "UpstreamRecord": upstream_schema(),
                "Summary": _SUMMARY,
                "AnswerLine": _LINES,
            },
        },
    }


def _bodies(record: dict[str, Any]) -> dict[str, Any]:
    schemas = {
        "json": {"oneOf": [record, {"type": "array", "items": record}]},
        "jsonl": {**record, "description": "A record a line"},
        "csv": {
            "type": "string",
            "description": "UTF-8, CP932 or UTF-16; headers in Japanese or English, in any order",
        },
    }
    return {media_type: {"schema": schemas[form]} for media_type, form in FORMS.items()}


def _parameter(name: str, schema: dict[str, Any], about: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": about}


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "The answer", "content": {"application/json": {"schema": schema}}}


def _refusal(why: str) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": _ERROR}}}
