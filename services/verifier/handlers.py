"""The order of what the verifier does: note what the events tell, and answer whether a badge counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.verifier.reading import Badge, read_badge, read_document
from services.verifier.sources import AnchorSource, Site, gather
from services.verifier.store import Noted, Store
from services.verifier.verdict import Verdict, no_document, not_readable, verdict_on
from shared.clock import Clock
from shared.credential import Document
from shared.did import did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.log import logger
from shared.runtime.metrics import counter

VERDICTS = counter("verdicts", "Badges that were checked, by verdict", ("verdict",))
SOURCES_AWAY = counter("verifier_sources_away", "Checks that a source did not answer, by number", ("check",))

_log = logger("verifier")


@dataclass(frozen=True)
class Ports:
    """`site` is where the issuer's documents lie; in the service that is object storage."""

    store: Store
    site: Site
    chain: AnchorSource
    public_url: str
    now: Clock


@dataclass(frozen=True)
class Shown:
    """A verdict on one of our badges, with what is known besides."""

    assertion_id: str
    verdict: Verdict
    noted: Noted


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 3. A badge exists; perhaps it renews another."""
    with ports.store.transaction() as tx:
        tx.note_issued(tx.claim(events))


def note_received(events: Sequence[BadgeReceived], ports: Ports) -> None:
    """Step 5. Its holder has it."""
    with ports.store.transaction() as tx:
        tx.note_received(tx.claim(events))


def note_visibility(events: Sequence[BadgeVisibilityChanged], ports: Ports) -> None:
    """Any time. The holder decides whether the page shows the numbers."""
    with ports.store.transaction() as tx:
        tx.note_visibility(tx.claim(events))


def note_anchored(events: Sequence[AssertionAnchored], ports: Ports) -> None:
    """Step 7. Its root is final."""
    with ports.store.transaction() as tx:
        tx.note_anchored(tx.claim(events))


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. It no longer counts, from now on, whatever the published list still says."""
    with ports.store.transaction() as tx:
        tx.note_revoked(tx.claim(events))


def show(assertion_id: str, ports: Ports) -> Shown:
    """Any time. Whether one of our badges counts now. NotFound when there is none of this id."""
    with ports.store.transaction() as tx:
        noted = tx.noted(assertion_id)
    try:
        document = read_document(ports.site.get(f"credentials/{assertion_id}.json"))
    except NotFound:
        if noted is None:
            raise
        return Shown(assertion_id, _counted(no_document("not in storage, though it was issued", ports.now())), noted)
    except TryLater as error:
        return Shown(assertion_id, _counted(no_document(str(error), ports.now())), noted or Noted())
    except Unreadable as error:
        return Shown(assertion_id, _counted(not_readable(error, ports.now())), noted or Noted())
    expected_id = f"{ports.public_url}/credentials/{assertion_id}.json"
    return Shown(assertion_id, _verdict(document, ports, noted, expected_id), noted or Noted())


def check(content: bytes, ports: Ports) -> Verdict:
    """Any time. Whether a document that somebody has counts."""
    try:
        document = read_document(content)
        noted = _noted_of(read_badge(document), ports)
    except Unreadable as error:
        return _counted(not_readable(error, ports.now()))
    return _verdict(document, ports, noted, None)


def _noted_of(badge: Badge, ports: Ports) -> Noted | None:
    if badge.assertion_id is None or badge.issuer != did_of(ports.public_url):
        return None
    with ports.store.transaction() as tx:
        return tx.noted(badge.assertion_id)


def _verdict(document: Document, ports: Ports, noted: Noted | None, expected_id: str | None) -> Verdict:
    revocation = noted.revocation if noted else None
    evidence = gather(document, ports.site, ports.chain, public_url=ports.public_url, revocation=revocation)
    did = did_of(ports.public_url)
    return _counted(verdict_on(document, evidence, did=did, now=ports.now(), expected_id=expected_id))


def _counted(verdict: Verdict) -> Verdict:
    VERDICTS.labels(verdict.kind).inc()
    for unknown in verdict.unknown:
        SOURCES_AWAY.labels(unknown.number).inc()
    assertion_id = verdict.badge.assertion_id if verdict.badge else None
    _log.info("verified", assertion_id=assertion_id, verdict=verdict.kind)
    return verdict
