"""Asking the sources about a credential: the issuer's site or object storage, and the chain. Decides nothing.

A source without an answer is `Unavailable` with the cause, and the others are still asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from services.verifier.check.credential import Badge, Credential, Invalid
from services.verifier.check.evidence import UNTOLD, ChainAnswers, Evidence, IssuerRecord, Unavailable
from services.verifier.check.status_list import StatusList, read_status_list
from services.verifier.files.read import read_json
from services.verifier.sources.cache import Found, read
from services.verifier.sources.chains import AnchorSource
from services.verifier.sources.issuer_site import IssuerSite
from shared import object_keys
from shared.credentials.content import Document
from shared.credentials.did import did_of
from shared.errors import NotFound, TryLater, Unreadable

T = TypeVar("T")


def gather(
    credential: Credential,
    site: IssuerSite,
    chain: AnchorSource,
    *,
    public_url: str,
    record: IssuerRecord = UNTOLD,
) -> Evidence:
    """The sources' answers about a credential. Raises nothing that a source can cause.

    Nobody is asked about a document of another issuer: its check 2 has failed already.
    """
    badge = credential.badge
    if badge.issuer != did_of(public_url):
        nothing = Unavailable("not asked: a document of another issuer, see check 2")
        return Evidence(nothing, nothing, nothing)
    keys = _ask(lambda: read(site, object_keys.DID_DOCUMENT, read_json))
    listed = _status_list(badge, keys, site, public_url)
    return Evidence(
        did_document=keys if isinstance(keys, Unavailable) else keys.value,
        status_list=listed if isinstance(listed, Unavailable) else listed.value,
        chain=_chain(credential, chain),
        record=record,
        did_document_copied=None if isinstance(keys, Unavailable) else keys.copied,
        status_list_copied=None if isinstance(listed, Unavailable) else listed.copied,
    )


def _status_list(
    badge: Badge, keys: Found[Document] | Unavailable, site: IssuerSite, public_url: str
) -> Found[StatusList | Invalid] | Unavailable:
    """The list that the badge names; Unavailable also without the issuer's keys, which its signature needs."""
    key = None if badge.status is None else status_key(badge.status.url, public_url)
    if key is None:
        return Unavailable("the list that it names is not on the issuer's site")
    if isinstance(keys, Unavailable):
        listed = _ask(lambda: read(site, key, read_json))
        return listed if isinstance(listed, Unavailable) else keys
    return _ask(lambda: read(site, key, signed_list, keys.value))


def signed_list(content: bytes, did_document: Document) -> StatusList | Invalid:
    """See `read_status_list`. Unreadable when it is no JSON object."""
    return read_status_list(read_json(content), did_document)


def status_key(url: str, public_url: str) -> str | None:
    """The key of a status list on the issuer's site; None for any other URL."""
    found = re.fullmatch(re.escape(public_url) + r"/(status/[0-9]{1,6}\.json)", url, re.ASCII)
    return found[1] if found else None


def _chain(credential: Credential, chain: AnchorSource) -> ChainAnswers | Unavailable:
    proofs = credential.anchor_proofs
    if isinstance(proofs, Invalid):
        return Unavailable(proofs.why)
    return _ask(lambda: chain.answers(proofs)) if proofs else Unavailable("not asked: no proof of anchoring yet")


def _ask(question: Callable[[], T]) -> T | Unavailable:
    try:
        return question()
    except (TryLater, NotFound, Unreadable) as error:
        return Unavailable(str(error))
