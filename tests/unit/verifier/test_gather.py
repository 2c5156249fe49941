"""The evidence about a credential: what was verified is kept with the bytes, and no longer than they are the same."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.keys import SigningKey, did_document
from services.verifier.check.checks import check_status
from services.verifier.check.credential import Invalid, read_credential
from services.verifier.check.evidence import Evidence, Unavailable
from services.verifier.check.status_list import StatusList
from services.verifier.sources.cache import CachedSite
from services.verifier.sources.chains import NoChain
from services.verifier.sources.gather import gather
from shared import object_keys
from shared.errors import NotFound, TryLater
from tests.worlds.credentials import DID, ISSUER, NOW, credential, status_list

CREDENTIAL = read_credential(credential(1))
INDEX = int(credential(1)["credentialStatus"]["statusListIndex"])
LIST = object_keys.status_list(1)


class World:
    """The issuer's documents, a clock, and a site with copies over both."""

    def __init__(self) -> None:
        self.now = NOW
        self.away = False
        self.documents: dict[str, Any] = {object_keys.DID_DOCUMENT: DID, LIST: status_list(now=NOW)}
        self.site = CachedSite(self, lambda: self.now)

    def get(self, key: str) -> bytes:
        if self.away:
            raise TryLater("site away")
        if key not in self.documents:
            raise NotFound(key)
        return json.dumps(self.documents[key]).encode()

    def evidence(self) -> Evidence:
        return gather(CREDENTIAL, self.site, NoChain("not asked"), public_url=ISSUER.public_url)

    def revoked(self, now: datetime | None = None) -> str:
        """The outcome and finding of check 5."""
        check = check_status(CREDENTIAL.badge, self.evidence().status_list, None, now or self.now)
        return check.finding or check.outcome


def test_a_status_list_is_verified_once_for_its_bytes() -> None:
    world = World()
    first = world.evidence().status_list
    assert isinstance(first, StatusList)
    world.now += timedelta(minutes=5)
    assert world.evidence().status_list is first  # fetched again, and the same


def test_a_changed_status_list_is_verified_again() -> None:
    world = World()
    assert world.revoked() == "ok"
    world.documents[LIST] = status_list(INDEX, now=NOW)
    world.now += timedelta(seconds=16)
    assert world.revoked() == "revoked"


def test_a_status_list_is_verified_again_with_changed_keys() -> None:
    world = World()
    assert world.revoked() == "ok"
    other = SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), ISSUER.did)
    world.documents[object_keys.DID_DOCUMENT] = did_document(
        ISSUER.did, [other.public], profile_url="https://a.example"
    )
    world.now += timedelta(seconds=61)
    assert isinstance(world.evidence().status_list, Invalid)
    assert world.revoked() == "unknown"


def test_a_verified_status_list_is_still_judged_by_its_date() -> None:
    world = World()
    assert world.revoked() == "ok"
    until = datetime.fromisoformat(world.documents[LIST]["validUntil"])
    assert world.revoked(until) == "ok"
    assert world.revoked(until + timedelta(seconds=1)) == "unknown"


def test_a_verified_status_list_of_a_site_that_is_away_says_its_age() -> None:
    world = World()
    world.evidence()
    world.away = True
    world.now += timedelta(hours=1)
    found = world.evidence()
    assert isinstance(found.status_list, StatusList)
    assert found.status_list_copied == found.did_document_copied == timedelta(hours=1)
    world.now += timedelta(hours=23)
    assert world.evidence().status_list == world.evidence().did_document == Unavailable("site away")
