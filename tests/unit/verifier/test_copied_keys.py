"""A key that the DID document lacks: false, unless only a copy lacks it, which may be older than the key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.signing.keys import SigningKey
from services.verifier.check.checks import Check, check_issuer, check_signature
from services.verifier.check.count import count_verdict
from services.verifier.check.count_evidence import read_stated
from services.verifier.check.credential import read_credential
from services.verifier.sources.cache import CachedSite
from services.verifier.sources.count import gather_count
from shared import object_keys
from tests.worlds.count_forgeries import publish_under, told
from tests.worlds.counts import sound_world
from tests.worlds.credentials import DID, ISSUER, NOW, credential, unsigned

NEWER = SigningKey(Ed25519PrivateKey.from_private_bytes(b"\7" * 32), ISSUER.did)
HOUR = timedelta(hours=1)


def signature(document: dict[str, Any], copied: timedelta | None) -> Check:
    read = read_credential(document)
    return check_signature(read, check_issuer(read.badge, ISSUER.did, DID, copied), DID, copied)


@pytest.mark.parametrize(("copied", "outcome"), [(None, "failed"), (HOUR, "unknown"), (timedelta(), "unknown")])
def test_a_badge_by_a_key_that_only_a_copy_lacks_is_not_known_to_be_false(
    copied: timedelta | None, outcome: str
) -> None:
    assert signature(NEWER.sign(unsigned(1), NOW), copied).outcome == outcome


@pytest.mark.parametrize("copied", [None, HOUR])
def test_a_changed_badge_is_false_by_any_copy(copied: timedelta | None) -> None:
    assert signature(credential(1), copied).outcome == "ok"
    assert signature({**credential(1), "name": "偽"}, copied).outcome == "failed"


def test_a_count_by_a_key_that_only_a_copy_lacks_and_by_an_old_status_list_is_left_unchecked() -> None:
    world = sound_world()
    moment = world.now
    site = CachedSite(world, lambda: moment)
    assert [site.get(key) for key in (object_keys.DID_DOCUMENT, object_keys.status_list(1))]
    publish_under(world, 3, told(world, 3), NEWER)
    world.away |= {object_keys.DID_DOCUMENT, object_keys.status_list(1)}
    moment += HOUR  # both are copies now
    stated = read_stated(world.document("2026", 3))
    by_copy = count_verdict(
        stated, gather_count(stated, site, world, public_url=world.url), did=world.issuer.did, now=moment
    )
    assert (by_copy.checks[2].outcome, by_copy.checks[6].outcome) == ("unknown", "unknown")
    world.away.clear()
    live = count_verdict(
        stated, gather_count(stated, world, world, public_url=world.url), did=world.issuer.did, now=moment
    )
    assert (live.checks[2].outcome, live.checks[6].outcome) == ("failed", "ok")
