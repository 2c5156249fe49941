"""What the issuer publishes beside credentials: its own documents, badge classes, status lists. Pure.

A document is called `issuer`, `badges/<qualification>/<edition>` or `status/<n>`; it is one or more objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from services.issuer.badge_art import badge_png, badge_svg
from services.issuer.issuance import Issuer, badge_document, badge_key, profile_document, status_key
from services.issuer.signing import SigningKey, did_document
from services.issuer.status import status_document
from shared.clock import japan_date
from shared.programme import Programme

AGAIN = timedelta(days=1)
"""How often every document is published again: lists before they expire, the rest in case an object got lost."""

ISSUER = "issuer"
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
        facts = (self.issuer.programme, self.issuer.public_url, self.key.public, self.chain_key)
        return sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


def badge_name(qualification: str, edition: str) -> str:
    return f"badges/{qualification}/{edition}"


def status_name(number: int) -> str:
    return f"status/{number}"


def always_expected(programme: Programme, now: datetime) -> list[str]:
    """Published though nobody was awarded anything: the issuer, the first list, each qualification's current badge."""
    edition = current_edition(programme, now)
    return [ISSUER, status_name(1), *(badge_name(id, edition) for id in programme.qualifications)]


def current_edition(programme: Programme, now: datetime) -> str:
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
    return [_json("issuer/did.json", did), _json("issuer/profile.json", profile_document(issuer))]


def badge_objects(facts: Facts, name: str) -> list[Published]:
    """A badge class and its pictures. ValueError for a qualification that the programme doesn't have."""
    _, qualification, edition = name.split("/")
    drawn = (qualification, edition, facts.issuer.programme, facts.font_folder)
    return [
        _json(badge_key(qualification, edition, "json"), badge_document(facts.issuer, qualification, edition)),
        Published(badge_key(qualification, edition, "png"), badge_png(*drawn), "image/png"),
        Published(badge_key(qualification, edition, "svg"), badge_svg(*drawn), "image/svg+xml"),
    ]


def status_objects(facts: Facts, number: int, revoked: Sequence[int], now: datetime) -> list[Published]:
    """A status list, signed now."""
    return [_json(status_key(number), facts.key.sign(status_document(facts.issuer, number, revoked, now), now))]


def _json(key: str, document: Mapping[str, Any]) -> Published:
    return Published(key, msgspec.json.encode(document), JSON)
