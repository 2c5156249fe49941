"""The issuer's status list: what makes a document one, and what its bits say at a moment; pure.

The conditions, of Python and of the browser alike (`services/verifier/browser/status_list.js`), for one credential and
for the public count. Source: W3C Bitstring Status List 1.0, sections 2.2 and 3.2 (validate algorithm), and Verifiable
Credentials 2.0, sections 4.5 and 4.9.

1. Its first proof is a signature by a key that the DID document lets sign assertions, and `issuer` is that DID.
2. Its types are VerifiableCredential and BitstringStatusListCredential, its subject's is BitstringStatusList.
3. Its `statusPurpose` is revocation, or has it among others.
4. `encodedList` is multibase base64url of whole GZIP: 131 072 bits or more, with nothing after it.
5. Its id is the URL where it was looked up: see `bits_of`.
6. The moment is between `validFrom`, if it has one, and `validUntil`, but for the difference between the clocks of two
   machines: a list that was signed just now is no list of the future. See `bits_of`.

1 to 4 are found out once for its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.verifier.check.credential import Invalid, StatusEntry
from shared.credentials.content import Document
from shared.credentials.credential import DoNotTrust, key_of, verify_proof
from shared.credentials.moments import read_moment
from shared.credentials.status_list import decoded, is_set
from shared.errors import Unreadable
from shared.retry import SKEW

_TYPES = ("VerifiableCredential", "BitstringStatusListCredential")


@dataclass(frozen=True)
class StatusList:
    """A status list that the issuer signed, for revocation. Whether it is current depends on the moment."""

    id: str
    bits: bytes
    valid_from: datetime | None
    valid_until: datetime


class _Subject(msgspec.Struct, frozen=True, rename="camel"):
    type: str | tuple[str, ...]
    status_purpose: str | tuple[str, ...]
    encoded_list: str


class _List(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    type: tuple[str, ...]
    valid_until: Any
    credential_subject: _Subject
    valid_from: Any = msgspec.UNSET


def read_status_list(document: Document, did_document: Document) -> StatusList | Invalid:
    """The list in a document that should be signed by a key of `did_document`. Depends on nothing else, not on time."""
    try:
        verify_proof(document, key_of(document, did_document))
        read = msgspec.convert(document, _List)
        subject = read.credential_subject
        for each in _TYPES:
            _expect("type", read.type, each)
        _expect("credentialSubject.type", subject.type, "BitstringStatusList")
        _expect("credentialSubject.statusPurpose", subject.status_purpose, "revocation")
        valid_from = None if read.valid_from is msgspec.UNSET else read_moment(read.valid_from, "validFrom")
        until = read_moment(read.valid_until, "validUntil")
        return StatusList(read.id, decoded(subject.encoded_list), valid_from, until)
    except (DoNotTrust, Unreadable) as error:
        return Invalid(str(error))
    except msgspec.ValidationError as error:
        return Invalid(f"expected a BitstringStatusListCredential: {error}")


def bits_of(status_list: StatusList, url: str, now: datetime) -> bytes:
    """Its bits. Unreadable when it isn't the list at `url`, or not in force at `now`."""
    if status_list.id != url:
        raise Unreadable(f"got {status_list.id[:200]}, expected the status list {url}")
    if now > status_list.valid_until:
        raise Unreadable(f"got a list that was valid until {status_list.valid_until.isoformat()}, expected one now")
    if status_list.valid_from is not None and now + SKEW < status_list.valid_from:
        raise Unreadable(f"got a list that is valid from {status_list.valid_from.isoformat()}, expected one now")
    return status_list.bits


def is_revoked(status_list: StatusList, entry: StatusEntry, now: datetime) -> bool:
    """The bit of `entry`. Unreadable as `bits_of`, and for a bit outside of the list."""
    return is_set(bits_of(status_list, entry.url, now), entry.index)


def _expect(field: str, got: str | tuple[str, ...], expected: str) -> None:
    if expected not in ((got,) if isinstance(got, str) else got):
        raise Unreadable(f"{field}: got {str(got)[:100]}, expected {expected}")
