"""Asking the sources about a credential: the issuer's site or object storage, and the chain. Decides nothing.

Every source may be away: its answer is then `Away` with the cause, and the others are still asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
import msgspec

from services.verifier.check.credential import Badge, read_badge, read_json
from services.verifier.check.evidence import Away, Evidence, Noted, Revocation
from services.verifier.sources.cache import DID_DOCUMENT, Site, look
from services.verifier.sources.chains import AnchorSource
from shared.credentials.credential import Document
from shared.credentials.did import did_document_url, did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.programme import Bilingual

T = TypeVar("T")

_MOST_BYTES = 4 * 1024 * 1024


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

    A document of another issuer makes us ask nobody: its check 2 has failed already, whatever they would say.
    """
    try:
        badge = read_badge(document)
    except Unreadable:
        nothing = Away("not asked: the document is no credential")
        return Evidence(nothing, nothing, nothing)
    if badge.issuer != did_of(public_url):
        nothing = Away("not asked: a document of another issuer, see check 2")
        return Evidence(nothing, nothing, nothing)
    key = _status_key(badge, public_url)
    keys, keys_copied = _document(site, DID_DOCUMENT)
    listed, listed_copied = (
        _document(site, key) if key else (Away("the list that it names is not on the issuer's site"), None)
    )
    return Evidence(
        did_document=keys,
        status_list=listed,
        chain=_ask(lambda: chain.answers(badge)) if badge.anchorings else Away("not asked: no proof of anchoring yet"),
        revocation=revocation,
        did_document_copied=keys_copied,
        status_list_copied=listed_copied,
    )


def _document(site: Site, key: str) -> tuple[Document | Away, timedelta | None]:
    found = _ask(lambda: look(site, key))
    if isinstance(found, Away):
        return found, None
    return _ask(lambda: read_json(found.content)), found.copied


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
