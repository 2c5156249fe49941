"""A verdict as the public page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.verifier.check.explanation import explanation
from services.verifier.check.wording import (
    LOOK_AGAIN,
    NOT_FOUND,
    NOT_ISSUED,
    address_note,
    heading,
    next_step,
    sentence,
    shape,
)
from services.verifier.config import Config
from services.verifier.ports import Ports
from services.verifier.verification import VerificationResult
from shared.clock import japan_date
from shared.runtime.web import Pages


def verdict_page(
    templates: Pages,
    request: Request,
    result: VerificationResult,
    ports: Ports,
    config: Config,
    *,
    handed_in: bool = False,
) -> Response:
    """The verdict in one sentence, what to do next, the facts, the checks.

    `handed_in`: the visitor has the file, and sees all that is in it; otherwise it is a badge at our own address. Of a
    printed certificate it is as on the badge's own page.
    """
    verdict = result.verdict
    badge = verdict.badge if verdict.is_genuine else None
    sees_file = handed_in and not result.printed
    with_number = sees_file or result.record.details_public
    ours = {network.id: network for network in config.networks}
    return templates.page(
        request,
        "verdict.html",
        status=503 if not handed_in and not verdict.is_erased and verdict.outcome(1) == "unknown" else 200,
        assertion_id=badge.assertion_id if badge else None,
        handed_in=handed_in,
        printed=result.printed,
        record=result.record,
        verdict=verdict,
        badge=badge,
        with_number=with_number,
        networks=[ours[id].name for id in verdict.networks if id in ours],
        heading=heading(verdict),
        sentence=sentence(verdict, config.runtime.programme.society.name),
        next=next_step(verdict, with_number=with_number),
        official=address_note(ports.public_url),
        explanation=explanation,
        shape=shape(verdict),
        url=f"{ports.public_url}/V/{badge.assertion_id}" if badge and badge.assertion_id else ports.public_url,
        public_url=ports.public_url,
        japan_date=japan_date,
    )


def unknown_page(templates: Pages, request: Request, *, misspelt: bool = False) -> Response:
    """Of an id under which nothing was issued, or (`misspelt`) of what is no id."""
    return templates.page(
        request,
        "unknown.html",
        status=404,
        misspelt=misspelt,
        heading=NOT_FOUND,
        sentence=NOT_ISSUED,
        next=LOOK_AGAIN,
    )
