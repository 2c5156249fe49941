"""Whether a statement of the count is right: read it, ask the sources, judge. For the pages and `akashi`."""

from __future__ import annotations

from collections.abc import Callable

from services.verifier.check.count import CountVerdict, count_verdict, no_count, unread_count
from services.verifier.check.count_evidence import read_stated
from services.verifier.files.read import MAX_COUNT_BYTES, read_json
from services.verifier.sources.chains import AnchorSource
from services.verifier.sources.count import gather_count
from services.verifier.sources.issuer_site import IssuerSite
from shared.clock import Clock
from shared.credentials.content import Document
from shared.credentials.count import is_count
from shared.credentials.did import did_of
from shared.errors import NotFound, TryLater, Unreadable


def count_in(content: bytes) -> Document | None:
    """The statement of the count that a file says it is, right or wrong; None for every other file."""
    try:
        document = read_json(content, MAX_COUNT_BYTES)
    except Unreadable:
        return None
    return document if is_count(document) else None


def check_count(
    load: Callable[[], Document],
    site: IssuerSite,
    chain: AnchorSource,
    *,
    public_url: str,
    now: Clock,
    cohort: str | None = None,
) -> CountVerdict:
    """The verdict on the statement that `load` gives, one of `cohort` if given. Errors of `load` are part of it."""
    try:
        stated = read_stated(load())
    except (NotFound, TryLater) as error:
        return no_count(str(error), now())
    except Unreadable as error:
        return unread_count(error, now())
    evidence = gather_count(stated, site, chain, public_url=public_url)
    return count_verdict(stated, evidence, did=did_of(public_url), now=now(), cohort=cohort)
