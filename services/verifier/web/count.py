"""The public count: statements, lists and manifests as documents, and pages of the figures.

The newest statement of a cohort is the one with the highest number that was announced; there is no second copy of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from services.verifier.check.count import CountVerdict
from services.verifier.check.count_evidence import read_stated
from services.verifier.check.count_words import (
    COUNT_NAMES,
    COUNT_NEXT,
    COUNT_SHAPES,
    count_explanation,
    count_heading,
    count_sentence,
)
from services.verifier.config import Config
from services.verifier.counting import check_count
from services.verifier.ports import Ports
from services.verifier.sources.count import newest_of, statement_of
from services.verifier.sources.issuer_site import IssuerSite
from services.verifier.store import Store
from services.verifier.web.documents import FRESH, LONG, READ, answer
from shared import object_keys
from shared.credentials.content import Document
from shared.credentials.count import CountStatement
from shared.errors import NotFound
from shared.programme import Programme
from shared.runtime.web import Pages

_JSON = "application/json"
_NEWEST = re.compile(rf"{object_keys.STATEMENTS}({object_keys.COHORT})\.json")


@dataclass(frozen=True)
class CountSite:
    """The issuer's documents as the public site gives them out: with the newest statements, and the list of them."""

    site: IssuerSite
    store: Store

    def get(self, key: str) -> bytes:
        if key == object_keys.STATEMENT_INDEX:
            return msgspec.json.encode({"cohorts": self.newest()})
        if (found := _NEWEST.fullmatch(key)) and (number := self.newest().get(found[1])):
            key = object_keys.statement(found[1], number)
        return self.site.get(key)

    def newest(self) -> dict[str, int]:
        with self.store.transaction() as tx:
            return tx.newest_statements()


def _site(ports: Ports) -> CountSite:
    return CountSite(ports.site, ports.store)


def add_count(app: FastAPI, templates: Pages, ports: Ports, config: Config) -> None:
    site = _site(ports)
    _add_documents(app, site)
    _add_pages(app, templates, site, ports, config)


def _add_documents(app: FastAPI, site: CountSite) -> None:
    @app.api_route(f"/{object_keys.STATEMENT_INDEX}", methods=READ)
    def index(request: Request) -> Response:
        return answer(request, site.get(object_keys.STATEMENT_INDEX), _JSON, FRESH)

    @app.api_route("/statements/{cohort}.json", methods=READ)
    def newest(request: Request, cohort: str) -> Response:
        _refuse_other(object_keys.is_cohort(cohort))
        return answer(request, site.get(object_keys.newest_statement(cohort)), _JSON, FRESH)

    @app.api_route("/statements/{cohort}/{number}.leaves.json", methods=READ)
    def leaves(request: Request, cohort: str, number: str) -> Response:
        """Never changes."""
        return answer(request, site.get(object_keys.stated_leaves(cohort, _number(cohort, number))), _JSON, LONG)

    @app.api_route("/statements/{cohort}/{number}.json", methods=READ)
    def statement(request: Request, cohort: str, number: str) -> Response:
        """Gets a proof once it is recorded, and is the same for ever from then on."""
        return answer(request, site.get(object_keys.statement(cohort, _number(cohort, number))), _JSON, FRESH)

    @app.api_route("/batches/{root}.json", methods=READ)
    def manifest(request: Request, root: str) -> Response:
        """The leaves of a batch, and where its root stands."""
        _refuse_other(object_keys.is_merkle_root(root))
        return answer(request, site.get(object_keys.batch_manifest(bytes.fromhex(root))), _JSON, FRESH)


def _add_pages(app: FastAPI, templates: Pages, site: CountSite, ports: Ports, config: Config) -> None:
    @app.api_route("/statements", methods=READ)
    def cohorts(request: Request) -> Response:
        return templates.page(request, "statements.html", cohorts=site.newest())

    @app.api_route("/statements/{cohort}", methods=READ)
    def newest_page(request: Request, cohort: str) -> Response:
        _refuse_other(object_keys.is_cohort(cohort))
        document = newest_of(cohort, site)
        return _page(templates, request, document, ports, config)

    @app.api_route("/statements/{cohort}/{number}", methods=READ)
    def page(request: Request, cohort: str, number: str) -> Response:
        document = statement_of(cohort, _number(cohort, number), site)
        return _page(templates, request, document, ports, config)


def check_handed_in(document: Document, ports: Ports) -> CountVerdict:
    """The verdict on a statement that a visitor handed in."""
    return check_count(lambda: document, _site(ports), ports.chain, public_url=ports.public_url, now=ports.now)


def verdict_page(
    templates: Pages, request: Request, document: Document, verdict: CountVerdict, ports: Ports, config: Config
) -> Response:
    """What became of the nine checks, and the figures if the society signed them."""
    return _page(
        templates,
        request,
        document if verdict.is_genuine else None,
        ports,
        config,
        verdict,
        heading=count_heading(verdict),
        sentence=count_sentence(verdict, config.runtime.programme.society.name),
        next=COUNT_NEXT[verdict.kind],
        shape=COUNT_SHAPES[verdict.kind],
        explanation=count_explanation,
        check_names=COUNT_NAMES,
    )


def _page(
    templates: Pages,
    request: Request,
    document: Document | None,
    ports: Ports,
    config: Config,
    verdict: CountVerdict | None = None,
    **told: Any,
) -> Response:
    """The figures of a statement. `told`: what the page says of the verdict on it, if there is one."""
    site = _site(ports)
    statement = None if document is None else read_stated(document).statement
    return templates.page(
        request,
        "statement.html",
        statement=statement,
        divided=_divided(statement, site),
        newest=None if statement is None else site.newest().get(statement.cohort),
        names=_names(config.runtime.programme),
        is_recorded=document is not None and len(document.get("proof", ())) > 1,
        verdict=verdict,
        **told,
    )


def _divided(statement: CountStatement | None, site: CountSite) -> CountStatement | None:
    """The statement whose figures the groups divide: another one where little has changed since."""
    if statement is None or statement.divided_in == statement.number:
        return statement
    return read_stated(statement_of(statement.cohort, statement.divided_in, site)).statement


def _names(programme: Programme) -> dict[str, object]:
    return {id: each.name for id, each in programme.qualifications.items()}


def _number(cohort: str, number: str) -> int:
    _refuse_other(object_keys.is_statement_id(f"{cohort}/{number}"))
    return int(number)


def _refuse_other(is_ours: bool) -> None:
    """NotFound before any object key is made of what can't be one."""
    if not is_ours:
        raise NotFound("no such document")
