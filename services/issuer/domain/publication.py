"""What the issuer publishes beside credentials: its own documents, badge classes, status lists. Pure.

A document is called `issuer`, `image`, `badges/<qualification>/<edition>` or `status/<n>`; it is one or more objects.
An edition of a badge class is drawn once and kept: what would look or read otherwise in the same year is a new edition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from services.issuer.art.badge_art import art_version, badge_png, badge_svg, society_png
from services.issuer.domain.issuance import (
    ISSUER_IMAGE_KEY,
    Issuer,
    badge_document,
    badge_key,
    profile_document,
    status_key,
)
from services.issuer.domain.status import status_document
from services.issuer.signing.signer import SigningKey, did_document
from shared.clock import japan_date
from shared.programme import Programme

AGAIN = timedelta(days=1)
"""How often every document is published again: lists before they expire, the rest in case an object got lost."""

ISSUER = "issuer"
IMAGE = "image"
DID_KEY = "issuer/did.json"
JSON = "application/json"


@dataclass(frozen=True)
class Published:
    """One object: where, what, of which type."""

    key: str
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Facts:
    """What the documents are made from."""

    issuer: Issuer
    key: SigningKey
    font_folder: Path
    chain_key: Mapping[str, str] | None = None  # a JWK

    @property
    def fingerprint(self) -> str:
        """Equal for equal facts: when it changes, everything is published again."""
        return _digest(
            self.issuer.programme,
            self.issuer.public_url,
            self.key.public,
            self.chain_key,
            art_version(self.font_folder),
        )

    def class_made_from(self, qualification: str, year: str) -> str:
        """Equal when drawing the class would give the same. ValueError: the programme has no such qualification."""
        society, named = self.issuer.programme.society, self.issuer.programme.qualification(qualification)
        document = badge_document(self.issuer, qualification, year)
        return _digest(qualification, year, document, society, named, art_version(self.font_folder))

    def image_made_from(self) -> str:
        """Equal when drawing the issuer's picture would give the same."""
        return _digest(self.issuer.programme.society, art_version(self.font_folder))


@dataclass(frozen=True)
class BadgeClass:
    """One edition of a badge class: its document and its pictures, as they are published."""

    qualification: str
    edition: str
    document: bytes
    png: bytes
    svg: bytes

    @property
    def year(self) -> str:
        return self.edition.partition("-")[0]


def badge_name(qualification: str, edition: str) -> str:
    return f"badges/{qualification}/{edition}"


def status_name(number: int) -> str:
    return f"status/{number}"


def always_expected() -> list[str]:
    """Published though nobody was awarded anything, beside the current badge classes."""
    return [ISSUER, IMAGE, status_name(1)]


def current_year(programme: Programme, now: datetime) -> str:
    """The 年度 at `now`: of the latest cohort that has begun."""
    today = japan_date(now)
    begun = today >= programme.cohort_begins_on(str(today.year))
    return str(today.year if begun else today.year - 1)


def status_number(name: str) -> int | None:
    """The number of a status list's name; None for the other documents."""
    kind, _, rest = name.partition("/")
    return int(rest) if kind == "status" else None


def issuer_objects(facts: Facts, public_keys: Sequence[str]) -> list[Published]:
    """did.json with every key that ever signed, and the issuer profile."""
    issuer = facts.issuer
    profile_url = f"{issuer.public_url}/issuer.json"
    did = did_document(issuer.did, public_keys, profile_url=profile_url, chain_key=facts.chain_key)
    return [_json(DID_KEY, did), _json("issuer/profile.json", profile_document(issuer))]


def image_object(png: bytes) -> Published:
    """The issuer's picture."""
    return Published(ISSUER_IMAGE_KEY, png, "image/png")


def draw_image(facts: Facts) -> bytes:
    return society_png(facts.issuer.programme, facts.font_folder)


def draw_class(facts: Facts, qualification: str, edition: str) -> BadgeClass:
    """A badge class with its pictures; takes 0.3 s. ValueError for a qualification that the programme doesn't have."""
    drawn = (qualification, edition.partition("-")[0], facts.issuer.programme, facts.font_folder)
    document = msgspec.json.encode(badge_document(facts.issuer, qualification, edition))
    return BadgeClass(qualification, edition, document, badge_png(*drawn), badge_svg(*drawn))


def digest_of(first_edition: BadgeClass) -> str:
    """Of what is published, drawn as the year's first edition: equal for two that differ in the edition only."""
    return _digest(first_edition.document.decode(), first_edition.png, first_edition.svg)


def in_edition(facts: Facts, it: BadgeClass, edition: str) -> BadgeClass:
    """The same class and pictures in another edition of its year."""
    document = msgspec.json.encode(badge_document(facts.issuer, it.qualification, edition))
    return replace(it, edition=edition, document=document)


def next_edition(year: str, editions: Collection[str]) -> str:
    """2026, 2026-2, 2026-3 …: the first that isn't among `editions`, those of the year."""
    return year if not editions else f"{year}-{len(editions) + 1}"


def class_objects(it: BadgeClass) -> list[Published]:
    """A badge class and its pictures, where its URLs say."""
    return [
        Published(badge_key(it.qualification, it.edition, "json"), it.document, JSON),
        Published(badge_key(it.qualification, it.edition, "png"), it.png, "image/png"),
        Published(badge_key(it.qualification, it.edition, "svg"), it.svg, "image/svg+xml"),
    ]


def status_objects(facts: Facts, number: int, revoked: Sequence[int], now: datetime) -> list[Published]:
    """A status list, signed now."""
    return [_json(status_key(number), facts.key.sign(status_document(facts.issuer, number, revoked, now), now))]


def _json(key: str, document: Mapping[str, Any]) -> Published:
    return Published(key, msgspec.json.encode(document), JSON)


def _digest(*parts: Any) -> str:
    return sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
