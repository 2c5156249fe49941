"""What the issuer publishes besides credentials: its own documents, badge classes, status lists. Pure.

A document is named `issuer`, `image`, `badges/<qualification>/<edition>` or `status/<n>`; it is one or more objects.
An edition of a badge class is drawn once and saved: other text or art in the same year makes a new edition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from services.issuer.art.badge_art import art_version, badge_png, badge_svg, society_png
from services.issuer.domain.credential import badge_document, profile_document
from services.issuer.domain.issuance import Issuer
from services.issuer.domain.status import status_document
from services.issuer.signing.keys import SigningKey, did_document, issuing_addresses
from shared import object_keys
from shared.credentials.chain_key import ChainKey

REPUBLISH_AFTER = timedelta(days=1)
"""Every document is published again so often: lists before they expire, the others in case an object was lost."""

_FORM = 2  # of did.json and the profile: another form is published at the next start
ISSUER = "issuer"
IMAGE = "image"
JSON = "application/json"


@dataclass(frozen=True)
class PublishedObject:
    key: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class DocumentSources:
    """What the documents are made from."""

    issuer: Issuer
    key: SigningKey
    font_folder: Path
    chain_keys: tuple[ChainKey, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for equal sources: when it changes, every document is published again."""
        return _digest(
            self.issuer.programme,
            self.issuer.public_url,
            self.key.public,
            self.chain_keys,
            _FORM,
            art_version(self.font_folder),
        )

    def class_made_from(self, qualification: str, year: str) -> str:
        """A fingerprint, equal when drawing the class gives the same result.

        ValueError for a qualification that the programme doesn't have.
        """
        society, named = self.issuer.programme.society, self.issuer.programme.qualification(qualification)
        document = badge_document(self.issuer, qualification, year)
        return _digest(qualification, year, document, society, named, art_version(self.font_folder))

    def image_made_from(self) -> str:
        """A fingerprint, equal when drawing the issuer's picture gives the same result."""
        return _digest(self.issuer.programme.society, art_version(self.font_folder))


# ── names of documents ─────────────────────────────────────────────────────────────────────────────────


def badge_name(qualification: str, edition: str) -> str:
    return f"badges/{qualification}/{edition}"


def status_name(number: int) -> str:
    return f"status/{number}"


def status_number(name: str) -> int | None:
    """The number of the status list with this name; None for other documents."""
    kind, _, rest = name.partition("/")
    return int(rest) if kind == "status" else None


# ── badge classes ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class BadgeClassEdition:
    """One edition of a badge class: its document and its pictures, as they are published."""

    qualification: str
    edition: str
    document: bytes
    png: bytes
    svg: bytes

    @property
    def year(self) -> str:
        return self.edition.partition("-")[0]


def draw_class(sources: DocumentSources, qualification: str, edition: str) -> BadgeClassEdition:
    """A badge class with its pictures; takes 0.3 s. ValueError for a qualification that the programme doesn't have."""
    drawn = (qualification, edition.partition("-")[0], sources.issuer.programme, sources.font_folder)
    document = msgspec.json.encode(badge_document(sources.issuer, qualification, edition))
    return BadgeClassEdition(qualification, edition, document, badge_png(*drawn), badge_svg(*drawn))


def digest_of(first_edition: BadgeClassEdition) -> str:
    """A digest of what is published, drawn as the year's first edition: equal if only the edition would differ."""
    return _digest(first_edition.document.decode(), first_edition.png, first_edition.svg)


def in_edition(sources: DocumentSources, drawn: BadgeClassEdition, edition: str) -> BadgeClassEdition:
    """The same class and pictures in another edition of its year."""
    document = msgspec.json.encode(badge_document(sources.issuer, drawn.qualification, edition))
    return replace(drawn, edition=edition, document=document)


def as_first_edition(published: BadgeClassEdition) -> BadgeClassEdition:
    """The same class and pictures as the first edition of its year, whatever programme it was made from."""
    here, first = (
        object_keys.badge_class(published.qualification, each) for each in (published.edition, published.year)
    )
    document = published.document.replace(f"/{here}.".encode(), f"/{first}.".encode())
    return replace(published, edition=published.year, document=document)


def draw_image(sources: DocumentSources) -> bytes:
    """The issuer's picture, a PNG."""
    return society_png(sources.issuer.programme, sources.font_folder)


# ── objects of documents ───────────────────────────────────────────────────────────────────────────────


def issuer_objects(sources: DocumentSources, public_keys: Sequence[str]) -> list[PublishedObject]:
    """did.json with every key that ever signed, and the issuer profile with the addresses that ever sent."""
    issuer = sources.issuer
    profile_url = f"{issuer.public_url}/issuer.json"
    did = did_document(issuer.did, public_keys, profile_url=profile_url, chain_keys=sources.chain_keys)
    profile = profile_document(issuer)
    if sources.chain_keys:
        profile["publicKey"] = issuing_addresses(sources.chain_keys)
    return [_json(object_keys.DID_DOCUMENT, did), _json(object_keys.PROFILE, profile)]


def image_object(png: bytes) -> PublishedObject:
    return PublishedObject(object_keys.ISSUER_IMAGE, png, "image/png")


def class_objects(badge_class: BadgeClassEdition) -> list[PublishedObject]:
    """A badge class and its pictures, under the keys that its URLs name."""
    qualification, edition = badge_class.qualification, badge_class.edition
    return [
        PublishedObject(object_keys.badge_file(qualification, edition, "json"), badge_class.document, JSON),
        PublishedObject(object_keys.badge_file(qualification, edition, "png"), badge_class.png, "image/png"),
        PublishedObject(object_keys.badge_file(qualification, edition, "svg"), badge_class.svg, "image/svg+xml"),
    ]


def status_objects(
    sources: DocumentSources, number: int, revoked: Sequence[int], now: datetime
) -> list[PublishedObject]:
    """A status list, signed at `now`."""
    signed = sources.key.sign(status_document(sources.issuer, number, revoked, now), now)
    return [_json(object_keys.status_list(number), signed)]


def _json(key: str, document: Mapping[str, Any]) -> PublishedObject:
    return PublishedObject(key, msgspec.json.encode(document), JSON)


def _digest(*parts: Any) -> str:
    return sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
