"""Status lists: how bits are drawn, and the credential of a list. Pure.

Source: W3C Bitstring Status List 1.0, sections 2.2 (the credential of a list) and 4.1 (how an entry is chosen).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from services.issuer.domain.issuance import Issuer
from shared.clock import japan_time
from shared.credentials.content import VC_CONTEXT
from shared.credentials.status_list import LENGTH, encoded, with_bits

ROOM = LENGTH // 2
"""Used entries of a list after which a new list begins: a drawn bit is free with probability 1/2 at least."""

VALID_FOR = timedelta(days=7)
"""After this time without a new signature, verifiers report a list as "could not check"."""


def draw_indexes(random: Random, count: int) -> list[int]:
    """`count` different bits of one list, in ascending order. The table decides which of them are free."""
    return sorted(random.sample(range(LENGTH), min(count, LENGTH)))


def status_document(issuer: Issuer, number: int, revoked: Iterable[int], now: datetime) -> dict[str, Any]:
    """`status/<number>.json` without its proof, valid from `now` for `VALID_FOR`."""
    url = issuer.status_url(number)
    return {
        "@context": [VC_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": japan_time(now),
        "validUntil": japan_time(now + VALID_FOR),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encoded(with_bits(revoked)),
        },
    }
