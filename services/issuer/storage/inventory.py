"""What the issuer's tables say of object storage: credentials with the first proof, and the published documents.

Compared, made again and adopted by `shared/runtime/scrub.py`. A credential never loses the proof of an anchoring, and
a status list never a bit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.issuer.domain.adoption import DoNotReplace, adopted, published_list, whole_credential
from services.issuer.domain.issuance import Assertion, StatusPlace
from services.issuer.domain.publication import (
    IMAGE,
    ISSUER,
    JSON,
    REPUBLISH_AFTER,
    DocumentSources,
    badge_name,
    status_name,
    status_number,
    status_objects,
)
from services.issuer.signing.signer import Signer
from services.issuer.storage.editions import published_edition
from services.issuer.storage.published import bits_to_publish, own_keys, read_list
from services.issuer.store import IssuerTransaction, Store
from services.issuer.store.inventory import KeptObject, StoredCredential
from shared import object_keys
from shared.clock import Clock
from shared.credentials.credential import DoNotSign
from shared.errors import Unreadable
from shared.events import AssertionIssued
from shared.retry import is_due
from shared.runtime.objects import LATEST_PUT, ReadableObjects
from shared.runtime.scrub import CannotMake, Expected

_CREDENTIAL = re.compile(rf"{object_keys.CREDENTIALS}({object_keys.ASSERTION_ID})\.json")
_LIST = re.compile(r"status/([1-9][0-9]{0,8})\.json")
_BADGE = re.compile(rf"badges/({object_keys.QUALIFICATION})/({object_keys.EDITION})\.(?:json|png|svg)")
_OF_OTHERS = (
    object_keys.CREDENTIALS,
    object_keys.BATCHES,
    object_keys.CERTIFICATES,
    object_keys.SCRUBBED,
    object_keys.STATEMENTS,
)


@dataclass(frozen=True)
class Credentials:
    """`credentials/<id>.json`. Anchor answers for the proofs after the first."""

    store: Store
    sources: DocumentSources
    signer: Signer
    kind: str = "credentials"
    folder: str | None = object_keys.CREDENTIALS

    def page(self, tx: IssuerTransaction, after: str, limit: int) -> Sequence[Expected]:
        keys = own_keys(tx, self.sources)
        return [self._expected(row, tx, keys) for row in tx.stored_credentials(after, limit)]

    def prepare(self, expected: Expected) -> None:
        """Nothing: a put that takes effect late can only take a proof off, which anchor's next pass adds again."""

    def lock(self, tx: IssuerTransaction, expected: Expected) -> Expected | None:
        row = tx.lock_stored(expected.place)
        return None if row is None else self._expected(row, tx, own_keys(tx, self.sources))

    def _expected(self, row: StoredCredential, tx: IssuerTransaction, keys: Sequence[str]) -> Expected:
        def is_intact(stored: bytes) -> bool:
            if row.credential is not None:
                return whole_credential(row.credential, row.leaf, stored) == stored
            return _bytes_in(stored, row, keys) is not None

        def make(stored: bytes | None) -> bytes:
            credential = row.credential or self._sign_again(row)
            tx.keep_bytes(row.assertion_id, credential)
            return whole_credential(credential, row.leaf, stored)

        return Expected(row.assertion_id, object_keys.credential(row.assertion_id), JSON, is_intact, make)

    def _sign_again(self, row: StoredCredential) -> bytes:
        """The credential made from its announcement: it is the same one if its leaf is the announced one.

        Releases that signed no Latin name made it without.
        """
        told = row.announcement
        without = msgspec.structs.replace(told.holder, family_name_latin=None, given_name_latin=None)
        for holder in (told.holder, without):
            try:
                sealed = self.signer.sign(_assertion_of(msgspec.structs.replace(told, holder=holder)), told.issued_at)
            except (DoNotSign, ValueError) as error:
                raise CannotMake("lost") from error
            if sealed.leaf == row.leaf:
                return sealed.body
        raise CannotMake("lost")

    def unknown(self, tx: IssuerTransaction, keys: Sequence[str]) -> Sequence[str]:
        ids = {key: found[1] for key in keys if (found := _CREDENTIAL.fullmatch(key))}
        known = tx.with_bytes(list(ids.values()))
        return [key for key in keys if ids.get(key) not in known]

    def adopt(self, tx: IssuerTransaction, key: str, stored: bytes) -> bool:
        """Take the bytes of one that we announced before a restore.

        One of which the tables know nothing can't be announced, since it doesn't say whose it is; it is adopted by
        `store` as soon as its registration arrives again.
        """
        found = _CREDENTIAL.fullmatch(key)
        row = tx.lock_stored(found[1]) if found else None
        credential = None if row is None else _bytes_in(stored, row, own_keys(tx, self.sources))
        if row is None or credential is None:
            return False
        tx.keep_bytes(row.assertion_id, credential)
        return True


@dataclass(frozen=True)
class Documents:
    """did.json, profile, badge classes, pictures, status lists: byte for byte as they were published last."""

    store: Store
    objects: ReadableObjects
    sources: DocumentSources
    now: Clock
    kind: str = "documents"
    folder: str | None = ""  # the whole bucket: what is in nobody's folder is named as well

    def page(self, tx: IssuerTransaction, after: str, limit: int) -> Sequence[Expected]:
        keys, now = own_keys(tx, self.sources), self.now()
        return [self._expected(row, tx, keys, now) for row in tx.kept_objects(after, limit)]

    def prepare(self, expected: Expected) -> None:
        """As before any publication: a put of ours that takes effect late is followed by another publication."""
        with self.store.transaction() as tx:
            row = tx.kept_object(expected.key)
            if row is not None:
                tx.begin_publishing(row.name, self.now() + LATEST_PUT)

    def lock(self, tx: IssuerTransaction, expected: Expected) -> Expected | None:
        """Locked against publication; None when the document is due: then it is published by itself."""
        name = _document_of(expected.key)
        due = None if name is None else tx.lock_document(name)
        row, now = tx.kept_object(expected.key), self.now()
        if row is None or due is None or is_due(due.next_try_at, now, REPUBLISH_AFTER):
            return None
        return self._expected(row, tx, own_keys(tx, self.sources), now)

    def _expected(self, row: KeptObject, tx: IssuerTransaction, keys: Sequence[str], now: datetime) -> Expected:
        def is_intact(stored: bytes) -> bool:
            return stored == row.body or _is_newer_list(row, stored, keys)

        def make(stored: bytes | None) -> bytes:
            number = status_number(row.name)
            if number is None:
                return row.body
            bits = bits_to_publish(number, tx, self.objects, keys)
            if set(bits) == published_list(row.body, number, keys).bits:
                return row.body
            objects = status_objects(self.sources, number, bits, now)  # more was revoked since
            tx.keep_published(row.name, objects, now)
            return objects[0].body

        return Expected(row.key, row.key, row.content_type, is_intact, make)

    def unknown(self, tx: IssuerTransaction, keys: Sequence[str]) -> Sequence[str]:
        ours = [key for key in keys if not key.startswith(_OF_OTHERS)]
        kept, names = tx.kept_keys(ours), set(tx.document_names())
        return [key for key in ours if key not in kept and _document_of(key) not in names]

    def adopt(self, tx: IssuerTransaction, key: str, stored: bytes) -> bool:
        """Take a status list or an edition of ours that the tables don't know; it is published again."""
        name, now = _document_of(key), self.now()
        if name is None:
            return False
        if (number := status_number(name)) is not None:
            published = read_list(number, self.objects, own_keys(tx, self.sources))
            if published is None:
                return False
            tx.reserve_bits((number, index) for index in published.bits)
        elif (badge := _BADGE.fullmatch(key)) is not None:
            tx.lock_editions()
            if tx.badge_class(badge[1], badge[2]) is None:
                try:
                    if published_edition(badge[1], badge[2], tx, self.objects, now) is None:
                        return False
                except ValueError:  # the content of an edition that we have
                    return False
        tx.add_documents([name], self.sources.fingerprint, now)
        return True


def _bytes_in(stored: bytes, row: StoredCredential, keys: Sequence[str]) -> bytes | None:
    """The credential with its first proof, if `stored` is the one that was announced."""
    try:
        found = adopted(stored, row.announcement, keys)
    except (Unreadable, DoNotReplace):
        return None
    return found.credential if found.announcement.leaf == row.leaf else None


def _is_newer_list(row: KeptObject, stored: bytes, keys: Sequence[str]) -> bool:
    """Whether it is a later list of ours with every bit: the process died between the put and its commit."""
    number = status_number(row.name)
    if number is None:
        return False
    try:
        there, kept = published_list(stored, number, keys), published_list(row.body, number, keys)
    except Unreadable:
        return False
    return there.valid_from >= kept.valid_from and there.bits >= kept.bits


def _assertion_of(told: AssertionIssued) -> Assertion:
    return Assertion(
        assertion_id=told.assertion_id,
        award=told.award,
        holder=told.holder,
        issued_at=told.issued_at,
        notify_from=told.notify_from,
        status=StatusPlace(told.status_list, told.status_index),
        edition=told.edition or str(told.award.valid_from.year),
        version=told.version,
        replaces=told.replaces,
        corrects=told.corrects,
    )


def _document_of(key: str) -> str | None:
    """The name of the document to which an object belongs; None for what is no document of ours."""
    if key in (object_keys.DID_DOCUMENT, object_keys.PROFILE):
        return ISSUER
    if key == object_keys.ISSUER_IMAGE:
        return IMAGE
    if (found := _LIST.fullmatch(key)) is not None:
        return status_name(int(found[1]))
    badge = _BADGE.fullmatch(key)
    return None if badge is None else badge_name(badge[1], badge[2])
