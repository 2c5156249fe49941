"""Documents that are no status list of the issuer in force, and some that are one. For Python and browser alike.

The society itself may be at fault: each is signed with its true key, unless it says otherwise.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey
from shared import object_keys
from shared.clock import japan_time
from shared.credentials.multibase import base58, base64url
from shared.credentials.status_list import LENGTH, encoded, with_bits
from tests.worlds.counts import CountWorld

Document = dict[str, Any]
Forge = Callable[[Document, SigningKey, datetime], Document]
"""From the true list without its proof, the issuer's key and the moment of the check: what is served instead."""

_BITS = bytes(LENGTH // 8)


def _signed(change: Callable[[Document], object]) -> Forge:
    """Changed, then signed."""

    def forge(document: Document, key: SigningKey, now: datetime) -> Document:
        change(document)
        return key.sign(document, now)

    return forge


def _subject(**members: Any) -> Forge:
    return _signed(lambda document: document["credentialSubject"].update(members))


def _lacks_in_subject(name: str) -> Forge:
    return _signed(lambda document: document["credentialSubject"].pop(name))


def _at(name: str, offset: timedelta) -> Forge:
    return lambda document, key, now: key.sign({**document, name: japan_time(now + offset)}, now)


def _afterwards(change: Callable[[Document], object]) -> Forge:
    """Signed, then changed."""

    def forge(document: Document, key: SigningKey, now: datetime) -> Document:
        signed = key.sign(document, now)
        change(signed)
        return signed

    return forge


def _by(make: Callable[[SigningKey], SigningKey]) -> Forge:
    return lambda document, key, now: make(key).sign(document, now)


def _padded() -> str:
    lists = (encoded(with_bits(range(bit))) for bit in range(1, 100))
    text = next(text for text in lists if len(text) % 4 != 1)  # of a length that base64 pads
    return text + "=" * (-(len(text) - 1) % 4)


def _in_standard_alphabet() -> str:
    return encoded(with_bits(range(0, LENGTH, 7))).replace("-", "+").replace("_", "/")


STATUS_FORGERIES: Mapping[str, Forge] = {
    # no status list credential
    "no status list": _signed(lambda d: d.update(type=["VerifiableCredential"])),
    "no credential": _afterwards(lambda d: d.update(type=["BitstringStatusListCredential"])),
    "the type as text": _afterwards(lambda d: d.update(type="BitstringStatusListCredential")),
    "no subject": _signed(lambda d: d.pop("credentialSubject")),
    "a subject of another type": _signed(
        lambda d: d.update(credentialSubject={"id": d["credentialSubject"]["id"], "type": "BitstringStatusListEntry"})
    ),
    "two subjects": _signed(lambda d: d.update(credentialSubject=[d["credentialSubject"]])),
    # of another purpose
    "for suspension": _subject(statusPurpose="suspension"),
    "for two other purposes": _subject(statusPurpose=["suspension", "message"]),
    "a purpose that only begins so": _subject(statusPurpose="revocations"),
    "no purpose": _lacks_in_subject("statusPurpose"),
    # of another list, issuer or key
    "another list": _signed(lambda d: d.update(id=d["id"].replace("/status/", "/status/9"))),
    "an id that only begins so": _signed(lambda d: d.update(id=d["id"] + "#list")),
    "another issuer": _signed(lambda d: d.update(issuer="did:web:forger.example")),
    "another issuer as an object": _signed(lambda d: d.update(issuer={"id": "did:web:forger.example"})),
    "no issuer": _signed(lambda d: d.pop("issuer")),
    "another's key": _by(lambda key: SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), key.did)),
    "another's key under his name": _by(
        lambda key: SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), "did:web:forger.example")
    ),
    "no proof": _afterwards(lambda d: d.pop("proof")),
    "changed afterwards": _afterwards(lambda d: d["credentialSubject"].update(encodedList=encoded(with_bits([9])))),
    "prolonged afterwards": _afterwards(lambda d: d.update(validUntil="2099-01-01T00:00:00+09:00")),
    # a list that can't be read
    "no list": _lacks_in_subject("encodedList"),
    "an empty list": _subject(encodedList=""),
    "nothing behind the alphabet's letter": _subject(encodedList="u"),
    "without the alphabet's letter": _subject(encodedList=encoded(_BITS)[1:]),
    "base58": _subject(encodedList=base58(gzip.compress(_BITS, mtime=0))),
    "standard base64": _subject(encodedList=_in_standard_alphabet()),
    "padded": _subject(encodedList=_padded()),
    "not packed": _subject(encodedList=base64url(_BITS[:600])),
    "packed as zlib": _subject(encodedList=base64url(zlib.compress(_BITS))),
    "cut off": _subject(encodedList=base64url(gzip.compress(_BITS, mtime=0)[:-6])),
    "more after its end": _subject(encodedList=base64url(gzip.compress(_BITS, mtime=0) + b"more")),
    "two in one": _subject(encodedList=base64url(gzip.compress(_BITS, mtime=0) * 2)),
    "a byte too short": _subject(encodedList=encoded(_BITS[1:])),
    "no bits": _subject(encodedList=encoded(b"")),
    "a bomb": _subject(encodedList=encoded(bytes(17 * 1024 * 1024))),
    # not in force
    "out of date": _at("validUntil", timedelta(seconds=-1)),
    "of the future": _at("validFrom", timedelta(hours=1)),
    "without an end": _signed(lambda d: d.pop("validUntil")),
    "a day for its end": _signed(lambda d: d.update(validUntil="2099-04-08")),
    "an end without offset": _signed(lambda d: d.update(validUntil="2099-04-08T09:00:12")),
    "an end with a space": _signed(lambda d: d.update(validUntil="2099-04-08 09:00:12+09:00")),
    "an end beyond the calendar": _signed(lambda d: d.update(validUntil="9999-12-31T23:59:59Z")),
    "a beginning without offset": _signed(lambda d: d.update(validFrom="2020-04-08T09:00:12")),
}
"""With each of these it isn't known whether a badge was revoked."""

STATUS_LISTS: Mapping[str, Forge] = {
    "as issued": _signed(lambda d: None),
    "one of several purposes": _subject(statusPurpose=["suspension", "revocation"]),
    "the issuer as an object": _signed(lambda d: d.update(issuer={"id": d["issuer"]})),
    "twice as long": _subject(encodedList=encoded(_BITS * 2)),
    "signed by a clock that is ahead": _at("validFrom", timedelta(minutes=4)),
    "its last second": _at("validUntil", timedelta()),
    "without a beginning": _signed(lambda d: d.pop("validFrom")),
}
"""Each of these is in force for a badge. The count needs to know when it was signed as well."""


def serve_list(world: CountWorld, name: str, now: datetime | None = None) -> None:
    """The status list of a public count, with its true bits, as the document of this name has it."""
    now = now or world.now
    indexes = [each.index for each in world.badges if each.state != "valid"]
    forge = STATUS_FORGERIES.get(name) or STATUS_LISTS[name]
    world.put(object_keys.status_list(1), forge(status_document(world.issuer, 1, indexes, now), world.key, now))
