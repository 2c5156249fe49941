"""The order of what the verifier does: note what the events tell, and answer whether a badge counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from services.verifier.check.checks import Check, check_status
from services.verifier.check.credential import Badge, read_badge, read_document, read_json
from services.verifier.check.disclosure import Withheld, why_no_credential, why_no_picture
from services.verifier.check.evidence import Noted
from services.verifier.check.verdict import Verdict, no_document, not_readable, verdict_on
from services.verifier.files.baking import bake_png, bake_svg
from services.verifier.files.open_badges_2 import (
    Assertion,
    BadgeClass,
    Profile,
    RevokedAssertion,
    assertion_of,
    badge_class_of,
    profile_of,
    revoked_assertion,
)
from services.verifier.files.pdf import without_pdf
from services.verifier.sources.cache import Site
from services.verifier.sources.chains import AnchorSource, NoChain
from services.verifier.sources.gather import gather
from services.verifier.store import Store
from shared.clock import Clock
from shared.credentials.credential import Document
from shared.credentials.did import did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.log import logger
from shared.runtime.metrics import counter

VERDICTS = counter("verdicts", "Badges that were checked, by verdict", ("verdict",))
SOURCES_AWAY = counter("verifier_sources_away", "Checks that a source did not answer, by number", ("check",))

_log = logger("verifier")


Fetch = Callable[[str], bytes]
"""The body at a URL. Refused, NotFound, TryLater; see `fetching.py`."""


@dataclass(frozen=True)
class Ports:
    """`site` is where the issuer's documents lie: in the service object storage. `fetch` asks a stranger's URL."""

    store: Store
    site: Site
    chain: AnchorSource
    public_url: str
    now: Clock
    fetch: Fetch


@dataclass(frozen=True)
class Shown:
    """A verdict, with what is known besides."""

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


# ── whether a badge counts ─────────────────────────────────────────────────────────────────────────────


def show(assertion_id: str, ports: Ports) -> Shown:
    """Any time. Whether one of our badges counts now. NotFound when there is none of this id."""
    with ports.store.transaction() as tx:
        noted = tx.noted(assertion_id)
    try:
        document = read_json(ports.site.get(_credential_key(assertion_id)))
    except NotFound:
        if noted is None:
            raise
        return Shown(_counted(no_document("not in storage, though it was issued", ports.now())), noted)
    except TryLater as error:
        return Shown(_counted(no_document(str(error), ports.now())), noted or Noted())
    except Unreadable as error:
        return Shown(_counted(not_readable(error, ports.now())), noted or Noted())
    expected_id = f"{ports.public_url}/{_credential_key(assertion_id)}"
    return _shown(_verdict(document, ports, noted, expected_id), noted)


def check(content: bytes, ports: Ports) -> Shown:
    """Any time. Whether a file that somebody has counts: JSON, or a PNG, SVG or PDF with it inside."""
    try:
        document = read_document(without_pdf(content))
        noted = _noted_of(read_badge(document), ports)
    except Unreadable as error:
        return Shown(_counted(not_readable(error, ports.now())), Noted())
    except TryLater as error:
        return Shown(_counted(no_document(str(error), ports.now())), Noted())
    return _shown(_verdict(document, ports, noted, None), noted)


def check_at(url: str, ports: Ports) -> Shown:
    """Any time. Whether what lies at a URL of others counts. Refused for a URL that we don't ask."""
    try:
        content = ports.fetch(url)
    except (NotFound, TryLater) as error:
        return Shown(_counted(no_document(str(error), ports.now())), Noted())
    return check(content, ports)


def _shown(verdict: Verdict, noted: Noted | None) -> Shown:
    """What is signed is known even if its event has not come yet."""
    noted = noted or Noted()
    renews = noted.renews or (verdict.badge.renews if verdict.badge else None)
    return Shown(verdict, replace(noted, renews=renews))


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


# ── what is given out ──────────────────────────────────────────────────────────────────────────────────


def credential(assertion_id: str, ports: Ports) -> bytes | Withheld:
    """Any time. The signed credential, as stored."""
    return why_no_credential(_noted(assertion_id, ports)) or ports.site.get(_credential_key(assertion_id))


def assertion(assertion_id: str, ports: Ports) -> Assertion | RevokedAssertion:
    """Any time. Its Open Badges 2.0 assertion, which for hosted badges is the answer to whether it counts.

    TryLater when that isn't known: "not revoked" is never said without a list that says so.
    """
    noted, document = _noted(assertion_id, ports), read_json(ports.site.get(_credential_key(assertion_id)))
    if _status(document, noted, ports).finding == "revoked":
        reason = noted.revocation.reason if noted.revocation else None
        return revoked_assertion(assertion_id, public_url=ports.public_url, reason=reason)
    return assertion_of(document, public_url=ports.public_url, details_public=noted.details_public)


def picture(assertion_id: str, form: Literal["png", "svg"], ports: Ports) -> bytes | Withheld:
    """Any time. The picture of its badge class and edition, with credential and assertion baked in.

    TryLater when it isn't known whether the badge was revoked.
    """
    noted, content = _noted(assertion_id, ports), ports.site.get(_credential_key(assertion_id))
    document = read_json(content)
    badge = read_badge(document)
    withheld = why_no_picture(badge, noted, _status(document, noted, ports))
    if withheld is not None:
        return withheld
    if badge.art is None:
        raise NotFound(f"credential {assertion_id}: got no picture of ours, expected one")
    told = msgspec.json.encode(assertion_of(document, public_url=ports.public_url))
    bake = bake_png if form == "png" else bake_svg
    return bake(ports.site.get(f"{badge.art}.{form}"), credential=content, assertion=told)


def badge_class(key: str, ports: Ports) -> BadgeClass:
    """Any time. The Open Badges 2.0 badge class of the achievement at `key`."""
    return badge_class_of(read_json(ports.site.get(key)), public_url=ports.public_url)


def profile(ports: Ports) -> Profile:
    """Any time. The Open Badges 2.0 profile of the issuer."""
    return profile_of(read_json(ports.site.get("issuer/profile.json")), public_url=ports.public_url)


def _credential_key(assertion_id: str) -> str:
    return f"credentials/{assertion_id}.json"


def _noted(assertion_id: str, ports: Ports) -> Noted:
    with ports.store.transaction() as tx:
        return tx.noted(assertion_id) or Noted()


def _status(document: Document, noted: Noted, ports: Ports) -> Check:
    """Whether it was revoked, by the issuer's word or its list. TryLater when neither could be asked."""
    evidence = gather(
        document, ports.site, NoChain("not asked"), public_url=ports.public_url, revocation=noted.revocation
    )
    check = check_status(
        read_badge(document), evidence.status_list, evidence.did_document, evidence.revocation, ports.now()
    )
    if check.outcome == "unknown":
        raise TryLater(check.got)
    return check
