"""Requests to each route of an app: with a character that no database holds in each place, and as it is described."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from starlette.applications import Starlette
from starlette.routing import Route

# fmt: off
FIELDS = (
    "act", "by", "why", "subject", "id", "ids", "email", "password", "full_name", "next", "details", "url", "file",
    "registration_id", "version", "correction", "cohort", "digest", "reader", "producer", "qualification", "left",
    "about", "state", "after", "limit", "kind", "received", "source", "first_row", "lang", "edition", "valid_until",
    "issued_after",
)
# fmt: on
EVIL = {
    "NUL": "\0",
    "a bidi override": "\u202ea",
    "a noncharacter": "\uffff",
    "a large number": "9" * 30,
    "a late day": "9999-12-31T23:59:59-14:00",
}
HALVES = {"a lone surrogate": "\\ud800", "two in the wrong order": "\\udc00\\ud800", "NUL by its number": "\\u0000"}


@dataclass(frozen=True)
class Sent:
    what: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


def requests_of(app: Starlette) -> Iterator[Sent]:
    """All that is sent, for each route and method."""
    for route in app.routes:
        assert isinstance(route, Route)
        for method in sorted(route.methods or ()):
            yield from _requests(method, route.path)


def statuses(app: Starlette, browser: httpx.Client, **headers: str) -> dict[str, int]:
    """The status of each request, by what was sent."""
    found = {}
    for sent in requests_of(app):
        given = {**headers, **sent.headers}
        answer = browser.request(sent.method, sent.path, headers=given, content=sent.content, follow_redirects=False)
        found[f"{sent.method} {sent.path[:100]}: {sent.what}"] = answer.status_code
    return found


def _requests(method: str, pattern: str) -> Iterator[Sent]:
    plain = re.sub(r"\{[^}]*\}", "x", pattern)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for what, evil in EVIL.items():
        if "{" in pattern:
            yield Sent(f"{what} in the path", method, re.sub(r"\{[^}]*\}", quote(evil, safe=""), pattern))
        query = urlencode(dict.fromkeys(FIELDS, evil))
        yield Sent(f"{what} in the query", method, f"{plain}?{query}")
        for name in ("cookie", "user-agent", "accept", "accept-language", "if-none-match", "authorization"):
            if what == "NUL":  # no header may hold one, and no client sends it: in a cookie it is written \000
                yield Sent(f"{what} in {name}", method, plain, {name: 'wallet="\\000"; lang="\\000"'})
        if method == "POST":
            likely: dict[str, object] = {name: evil for name in FIELDS if name != "correction"}
            likely |= {"act": "revoke", "ids": [evil], "version": evil if evil.isdigit() else 1}
            for absent in ("issued_after", "limit", "dry_run"):
                likely.pop(absent, None)
            content = json.dumps(likely).encode()
            yield Sent(f"{what} in JSON", method, plain, {"content-type": "application/json"}, content)
            likely_form = urlencode(likely, doseq=True)
            yield Sent(f"{what} in a form", method, plain, form, likely_form.encode())
            part = f'--B\r\ncontent-disposition: form-data; name="email"\r\n\r\n{evil}\r\n--B--\r\n'
            kind = {"content-type": "multipart/form-data; boundary=B"}
            yield Sent(f"{what} in a part", method, plain, kind, part.encode())
    if method == "POST":
        for what, evil in HALVES.items():
            words = ("by", "why", "subject", "id", "registration_id", "cohort", "digest", "reader", evil)
            members = ", ".join(f'"{word}": "a{evil}"' for word in words)
            content = f'{{{members}, "ids": ["{evil}"], "version": 1, "correction": {{"{evil}": "{evil}"}}}}'.encode()
            yield Sent(f"{what} in JSON", method, plain, {"content-type": "application/json"}, content)
    yield Sent("an encoded half character in the query", method, f"{plain}?a=%ED%A0%80&next=%ff&id=%c0%80&lang=%fe")
    yield Sent("an encoded half character in the path", method, f"{plain}%ED%A0%80%ff")


def as_described(app: FastAPI, base: str, **headers: str) -> dict[str, int]:
    """The status of requests that the app's own OpenAPI description allows, made by Schemathesis, by what was sent."""
    found: dict[str, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the verifier's routes for GET and HEAD share their ids
        schema = schemathesis.openapi.from_dict(app.openapi())
    for described in schema.get_all_operations():
        assert isinstance(described, Ok)
        operation = described.ok()

        @settings(
            max_examples=4,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            answer = case.call(base_url=base, headers=headers, allow_redirects=False)
            found[f"{case.method} {case.path}: described {len(found)}"] = answer.status_code

        if (operation.method.upper(), operation.path) != ("POST", "/logout"):  # it would end the session
            send()
    return found
