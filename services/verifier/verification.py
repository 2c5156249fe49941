"""Whether a badge is valid: read it once, ask the sources, judge. For the pages, the API and `akashi verify`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from services.verifier.check.credential import Badge, Credential, read_credential
from services.verifier.check.evidence import UNTOLD, IssuerRecord
from services.verifier.check.verdict import Verdict, gone, no_document, not_readable, verdict_on
from services.verifier.files.halves import contradiction
from services.verifier.files.pdf import LeadsElsewhere
from services.verifier.files.read import read_file, read_json
from services.verifier.metrics import SOURCES_AWAY, VERDICTS
from services.verifier.sources.chains import AnchorSource
from services.verifier.sources.gather import gather
from services.verifier.sources.issuer_site import IssuerSite
from shared import object_keys
from shared.clock import Clock
from shared.credentials.did import did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.runtime.log import logger

if TYPE_CHECKING:
    from services.verifier.ports import Ports  # the command has no database, and doesn't load its driver

_log = logger("verifier")


@dataclass(frozen=True)
class VerificationResult:
    """A verdict, with what the issuer says of the badge besides.

    `printed`: it is on the page that a printed certificate (PDF) names, and nothing in that file was checked.
    """

    verdict: Verdict
    record: IssuerRecord
    printed: bool = False


@dataclass(frozen=True)
class Sources:
    """What a verification asks. `record_of`: what the issuer says of its badge of an id; None: `untold` holds."""

    site: IssuerSite
    chain: AnchorSource
    record_of: Callable[[str], IssuerRecord | None]
    public_url: str
    now: Clock
    untold: IssuerRecord = UNTOLD


def show(assertion_id: str, ports: Ports) -> VerificationResult:
    """Any time. Whether one of our badges is valid now. NotFound when there is none of this id."""
    return _counted(_of_page(assertion_id, _sources(ports)))


def check(content: bytes, ports: Ports) -> VerificationResult:
    """Any time. Whether a file that somebody has is a valid badge: JSON, or a PNG, SVG or PDF with it inside."""
    return _counted(verify(lambda: content, _sources(ports)))


def check_at(url: str, ports: Ports) -> VerificationResult:
    """Any time. Whether a valid badge is at a URL of others. Refused for a URL that we don't ask."""
    return _counted(verify(partial(ports.fetch, url), _sources(ports)))


def verify(load: Callable[[], bytes], sources: Sources) -> VerificationResult:
    """The verdict on the file that `load` gives. NotFound and TryLater of `load` are part of it, other errors go on.

    Of a PDF without a credential that names the page of one of the issuer's badges: the verdict of that page. NotFound
    when there is no such badge.
    """
    try:
        content = load()
    except (NotFound, TryLater) as error:
        return VerificationResult(no_document(str(error), sources.now()), UNTOLD)
    try:
        file = read_file(content)
        credential = read_credential(file.document)
        record = _record_of_issuer(credential.badge, sources)
    except LeadsElsewhere as error:
        id = _named_page(error.addresses, sources.public_url)
        if id is None:
            return VerificationResult(not_readable(error, sources.now()), UNTOLD)
        return replace(_of_page(id, sources), printed=True)
    except Unreadable as error:
        return VerificationResult(not_readable(error, sources.now()), UNTOLD)
    except TryLater as error:
        return VerificationResult(no_document(str(error), sources.now()), UNTOLD)
    contradicted = None if file.unbaked is None else contradiction(file.document, file.unbaked)
    return _judged(credential, record, sources, contradicted=contradicted)


def without_document(assertion_id: str, sources: Sources) -> VerificationResult | None:
    """Of a badge whose credential the issuer's site doesn't have: erased or lost. None if it was never issued."""
    record = sources.record_of(assertion_id)
    if record is None:
        return None
    verdict = gone(record, sources.now()) or no_document("not in storage, though it was issued", sources.now())
    return VerificationResult(verdict, record)


def _of_page(assertion_id: str, sources: Sources) -> VerificationResult:
    """The verdict of the page of one of the issuer's badges. NotFound when there is none of this id."""
    key = object_keys.credential(assertion_id)
    record = sources.record_of(assertion_id)
    if verdict := gone(record, sources.now()):
        return VerificationResult(verdict, verdict.record)
    try:
        credential = read_credential(read_json(sources.site.get(key)))
    except NotFound:
        if (result := without_document(assertion_id, sources)) is None:  # asked again: it may have been erased since
            raise
        return result
    except TryLater as error:
        return VerificationResult(no_document(str(error), sources.now()), record or sources.untold)
    except Unreadable as error:
        return VerificationResult(not_readable(error, sources.now()), record or sources.untold)
    return _judged(credential, record, sources, expected_id=f"{sources.public_url}/{key}")


def _named_page(addresses: Sequence[str], public_url: str) -> str | None:
    """The one badge whose page at our own address these name. None if there is none, or more than one.

    Scheme and host may be in capitals, as in the QR code.
    """
    pattern = re.compile(f"(?i:{re.escape(public_url)}/V)/({object_keys.ASSERTION_ID})")
    ids = {found[1] for address in addresses if (found := pattern.fullmatch(address))}
    return ids.pop() if len(ids) == 1 else None


def _judged(
    credential: Credential,
    record: IssuerRecord | None,
    sources: Sources,
    expected_id: str | None = None,
    contradicted: str | None = None,
) -> VerificationResult:
    record = record or sources.untold
    url = sources.public_url
    evidence = gather(credential, sources.site, sources.chain, public_url=url, record=record)
    verdict = verdict_on(
        credential, evidence, did=did_of(url), now=sources.now(), expected_id=expected_id, contradicted=contradicted
    )
    # What it renews is signed, so it is known before any event.
    renews = None if record.former_is_erased else record.renews or credential.badge.renews
    return VerificationResult(verdict, replace(record, renews=renews))


def _sources(ports: Ports) -> Sources:
    untold = IssuerRecord(details_public=ports.page.shows_numbers)  # while no event has named the badge
    return Sources(ports.site, ports.chain, partial(_record_of, ports), ports.public_url, ports.now, untold)


def _record_of_issuer(badge: Badge, sources: Sources) -> IssuerRecord | None:
    if badge.assertion_id is None or badge.issuer != did_of(sources.public_url):
        return None
    return sources.record_of(badge.assertion_id)


def _record_of(ports: Ports, assertion_id: str) -> IssuerRecord | None:
    with ports.store.transaction() as tx:
        return tx.issuer_record(assertion_id, ports.page)


def _counted(result: VerificationResult) -> VerificationResult:
    verdict = result.verdict
    VERDICTS.labels(verdict.kind).inc()
    for unknown in verdict.unknown:
        SOURCES_AWAY.labels(unknown.number).inc()
    assertion_id = verdict.badge.assertion_id if verdict.badge else None
    _log.info("verified", assertion_id=assertion_id, verdict=verdict.kind)
    return result
