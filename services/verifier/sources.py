"""Asking the sources about a credential: the issuer's site or object storage, and the chain. Decides nothing.

Every source may be away: its answer is then `Away` with the cause, and the others are still asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

import httpx
import msgspec

from services.verifier.evidence import Away, ChainAnswers, Evidence, Noted, Revocation
from services.verifier.reading import Badge, anchorings_of, read_badge, read_json
from shared.chain_facts import Anchoring, TransactionFacts
from shared.credential import Document
from shared.did import did_document_url, did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.programme import Bilingual

T = TypeVar("T")

DID_DOCUMENT = "issuer/did.json"
_MOST_BYTES = 4 * 1024 * 1024


class Site(Protocol):
    """Where the issuer publishes. `key` is an object key: `issuer/did.json`, `status/1.json`, `credentials/A….json`."""

    def get(self, key: str) -> bytes:
        """NotFound when there is no such document, TryLater while the site is away."""


class ChainReader(Protocol):
    """`shared.runtime.registry.Registry`, as far as it is asked here. All raise TryLater while the node is away."""

    def anchored_at(self, root: bytes) -> Anchoring | None: ...

    def transaction(self, hash: str) -> TransactionFacts | None: ...

    def finalized_block(self) -> int: ...


class AnchorSource(Protocol):
    """Where roots are looked up."""

    def answers(self, badge: Badge) -> ChainAnswers:
        """What is known of the roots and transactions that the credential names. TryLater, Unreadable."""


class Chain:
    """One registry on one network."""

    def __init__(self, network: str, chain_id: int, registry: str, reader: ChainReader) -> None:
        self._network = network
        self._chain_id = chain_id
        self._registry = registry.lower()
        self._reader = reader

    def answers(self, badge: Badge) -> ChainAnswers:
        proofs = anchorings_of(badge)
        named = {a.transaction for proof in proofs for a in proof.anchors if a.chain_id == self._chain_id}
        finalized = self._reader.finalized_block()  # first: what is final now can't be less final a moment later
        return ChainAnswers(
            network=self._network,
            chain_id=self._chain_id,
            registry=self._registry,
            finalized_block=finalized,
            anchorings={proof.merkle_root: self._reader.anchored_at(proof.merkle_root) for proof in proofs},
            transactions={hash: self._reader.transaction(hash) for hash in named},
        )


class NoChain:
    """Stands for a chain that can't even be asked, and says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def answers(self, badge: Badge) -> ChainAnswers:
        raise TryLater(self._why)


class HttpSite:
    """The issuer's public site over HTTP."""

    def __init__(self, public_url: str, *, seconds: float = 10.0) -> None:
        self._public_url = public_url
        self._seconds = seconds

    def get(self, key: str) -> bytes:
        url = did_document_url(self._public_url) if key == DID_DOCUMENT else f"{self._public_url}/{key}"
        return fetch(url, seconds=self._seconds)


def fetch(url: str, *, seconds: float = 10.0) -> bytes:
    """The body at a URL, at most 4 MB. NotFound for 404 and 410, TryLater for everything else that isn't 200."""
    try:
        with httpx.stream("GET", url, timeout=seconds, follow_redirects=True, headers={"accept": "*/*"}) as answer:
            if answer.status_code in (404, 410):
                raise NotFound(f"{url}: answered {answer.status_code}")
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _MOST_BYTES:
                    raise TryLater(f"{url}: more than {_MOST_BYTES} bytes, expected fewer")
            if answer.status_code != 200:
                raise TryLater(f"{url}: answered {answer.status_code}{_said(body)}, expected 200")
            return body
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TryLater(f"{url}: {type(error).__name__}: {error}"[:300]) from error


class _Problem(msgspec.Struct):
    text: Bilingual


def _said(body: bytes) -> str:
    """What our site says of an error, for people."""
    try:
        return f" ({msgspec.json.decode(body, type=_Problem).text.en[:200]})"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _ToldRevocation(msgspec.Struct):
    revoked_at: datetime
    reason: str


class _Told(msgspec.Struct):
    revocation: _ToldRevocation | None = None
    replaced_by: str | None = None
    renewed_as: str | None = None
    renews: str | None = None


def told_by(public_url: str, badge: Badge) -> Noted:
    """What the issuer's site tells of one of its badges beside its signed documents; nothing while it is away.

    It can take trust away (a revocation that is not in the list yet), never give any.
    """
    if badge.assertion_id is None or badge.issuer != did_of(public_url):
        return Noted()
    try:
        body = fetch(f"{public_url}/api/v1/verify?id={badge.assertion_id}", seconds=5.0)
        told = msgspec.json.decode(body, type=_Told)
    except (NotFound, TryLater, msgspec.DecodeError, UnicodeDecodeError):
        return Noted(renews=badge.renews)
    revocation = told.revocation
    return Noted(
        revocation=Revocation(revocation.revoked_at, revocation.reason, _page_id(told.replaced_by))
        if revocation
        else None,
        renewed_as=_page_id(told.renewed_as),
        renews=_page_id(told.renews) or badge.renews,
    )


def _page_id(url: str | None) -> str | None:
    found = re.search(r"/V/([A-Z2-7]{26})\Z", url or "")
    return found[1] if found else None


def gather(
    document: Document, site: Site, chain: AnchorSource, *, public_url: str, revocation: Revocation | None = None
) -> Evidence:
    """The sources' answers about a document, whatever it is. Raises nothing that a source can cause.

    Only documents of the issuer's own site are fetched: a stranger's credential makes us ask nobody else.
    """
    nothing = Away("not asked: the document is no credential")
    try:
        badge = read_badge(document)
    except Unreadable:
        return Evidence(nothing, nothing, nothing)
    key = _status_key(badge, public_url)
    return Evidence(
        did_document=_ask(lambda: read_json(site.get(DID_DOCUMENT))),
        status_list=_ask(lambda: read_json(site.get(key))) if key else Away("the list is not on the issuer's site"),
        chain=_ask(lambda: chain.answers(badge)) if badge.anchorings else Away("not asked: no proof of anchoring yet"),
        revocation=revocation,
    )


def _status_key(badge: Badge, public_url: str) -> str | None:
    if badge.status is None:
        return None
    found = re.fullmatch(re.escape(public_url) + r"/(status/[0-9]{1,6}\.json)", badge.status.url, re.ASCII)
    return found[1] if found else None


def _ask(question: Callable[[], T]) -> T | Away:
    try:
        return question()
    except (TryLater, NotFound, Unreadable) as error:
        return Away(str(error))
