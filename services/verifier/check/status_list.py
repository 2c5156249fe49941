"""The issuer's status list: its signature and form are verified once for its bytes, its date at each check; pure.

Source: W3C Bitstring Status List 1.0, section 3.2 (validate algorithm).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from services.verifier.check.credential import Invalid, StatusEntry
from shared.credentials.content import Document
from shared.credentials.credential import DoNotTrust, key_of, verify_proof
from shared.credentials.status_list import decoded, is_set
from shared.errors import Unreadable


@dataclass(frozen=True)
class StatusList:
    """A list that the issuer signed. `bits` are Invalid when they can't be decoded."""

    id: str
    types: tuple[str, ...]
    valid_until: datetime
    purpose: str | tuple[str, ...]
    bits: bytes | Invalid
    valid_from: datetime | None = None


class _Subject(msgspec.Struct, frozen=True, rename="camel"):
    type: str | tuple[str, ...]
    status_purpose: str | tuple[str, ...]
    encoded_list: str


class _List(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    issuer: Any
    type: tuple[str, ...]
    valid_until: datetime
    credential_subject: _Subject
    valid_from: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


def read_status_list(document: Document, did_document: Document) -> StatusList | Invalid:
    """The list in a document that should be signed by a key of `did_document`. Depends on nothing else, not on time."""
    try:
        verify_proof(document, key_of(document, did_document))
        read = msgspec.convert(document, _List)
    except (DoNotTrust, Unreadable) as error:
        return Invalid(str(error))
    except msgspec.ValidationError as error:
        return Invalid(f"expected a BitstringStatusListCredential: {error}")
    subject = read.credential_subject
    bits = _bits(subject.encoded_list)
    return StatusList(read.id, read.type, read.valid_until, subject.status_purpose, bits, read.valid_from)


def is_revoked(status_list: StatusList, entry: StatusEntry, now: datetime) -> bool:
    """The bit of `entry`. Unreadable when this isn't the list that it names, or the list is out of date at `now`."""
    if "BitstringStatusListCredential" not in status_list.types or status_list.id != entry.url:
        raise Unreadable(f"got {status_list.id[:200]}, expected the status list {entry.url}")
    until, purpose = status_list.valid_until, status_list.purpose
    if until.tzinfo is None or now > until:
        raise Unreadable(f"got a list that was valid until {until.isoformat()}, expected a current one")
    if "revocation" not in ((purpose,) if isinstance(purpose, str) else purpose):
        raise Unreadable(f"got a list of purpose {purpose}, expected revocation")
    if isinstance(status_list.bits, Invalid):
        raise Unreadable(status_list.bits.why)
    return is_set(status_list.bits, entry.index)


def _bits(encoded: str) -> bytes | Invalid:
    try:
        return decoded(encoded)
    except Unreadable as error:
        return Invalid(str(error))
