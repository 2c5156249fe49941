"""The issuer's documents and its records of assertions, by HTTP from its public site. Decides nothing."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

import httpx
import msgspec

from services.verifier.check.evidence import IssuerRecord, Revocation
from shared import object_keys
from shared.credentials.did import did_document_url
from shared.errors import NotFound, TryLater
from shared.programme import Bilingual

_MAX_BYTES = 4 * 1024 * 1024
_MAX_LIST_BYTES = (
    64 * 1024 * 1024
)  # 67 bytes a leaf: a batch has up to 100 000, a first statement of a cohort lists all
_LIST = re.compile(rf"{object_keys.BATCHES}.*|{object_keys.STATEMENTS}.*\.leaves\.json")
_PAGE = re.compile(rf"/V/({object_keys.ASSERTION_ID})\Z")


class IssuerSite(Protocol):
    """Where the issuer's documents are, by their keys in object storage: the site itself, or the storage behind it."""

    def get(self, key: str) -> bytes:
        """NotFound when there is no such document, TryLater while it can't be had."""


class HttpSite:
    """The issuer's public site over HTTP."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def get(self, key: str) -> bytes:
        url = did_document_url(self._public_url) if key == object_keys.DID_DOCUMENT else f"{self._public_url}/{key}"
        return download(url, most=_MAX_LIST_BYTES if _LIST.fullmatch(key) else _MAX_BYTES)


def download(url: str, *, seconds: float = 10.0, most: int = _MAX_BYTES) -> bytes:
    """The body at a URL, at most 4 MB unless told otherwise. NotFound for 404 and 410, TryLater for all else but 200.

    Any address is reached: only for URLs of the command's own user. For others see `fetch.py`.
    """
    try:
        with httpx.stream("GET", url, timeout=seconds, follow_redirects=True, headers={"accept": "*/*"}) as answer:
            if answer.status_code in (404, 410):
                raise NotFound(f"{url}: answered {answer.status_code}")
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > most:
                    raise TryLater(f"{url}: more than {most} bytes, expected fewer")
            if answer.status_code != 200:
                raise TryLater(f"{url}: answered {answer.status_code}{_error_text(body)}, expected 200")
            return body
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TryLater(f"{url}: {type(error).__name__}: {error}"[:300]) from error


class _Problem(msgspec.Struct):
    text: Bilingual


def _error_text(body: bytes) -> str:
    """The English text for people in an error of our site."""
    try:
        return f" ({msgspec.json.decode(body, type=_Problem).text.en[:200]})"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _RevocationAnswer(msgspec.Struct):
    revoked_at: datetime
    reason: str


class _Answer(msgspec.Struct):
    """Of `web/answers.py`, the part that no signed document holds."""

    revocation: _RevocationAnswer | None = None
    replaced_by: str | None = None
    renewed_as: str | None = None
    renews: str | None = None
    received: bool | None = None
    registration_counts: bool = False
    erased_at: datetime | None = None


def published_record(public_url: str, assertion_id: str) -> IssuerRecord | None:
    """What the issuer's API says of one of its badges outside its signed documents; None while it gives no answer.

    It can only make a verdict worse (a revocation that is not in the list yet), or say for what an unfinished badge
    waits; never better.
    """
    try:
        body = download(f"{public_url}/api/v1/verify?id={assertion_id}", seconds=5.0)
        answer = msgspec.json.decode(body, type=_Answer)
    except (NotFound, TryLater, msgspec.DecodeError, UnicodeDecodeError):
        return None
    announced = answer.revocation
    return IssuerRecord(
        revocation=Revocation(announced.revoked_at, announced.reason, _assertion_id(answer.replaced_by))
        if announced
        else None,
        renewed_as=_assertion_id(answer.renewed_as),
        renews=_assertion_id(answer.renews),
        received=answer.received,
        registration_counts=answer.registration_counts,
        erased_at=answer.erased_at,
    )


def _assertion_id(page_url: str | None) -> str | None:
    found = _PAGE.search(page_url or "")
    return found[1] if found else None
