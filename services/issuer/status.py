"""Status lists: one bit an assertion, set when it no longer counts. Pure.

Source: W3C Bitstring Status List 1.0: bit 0 is the left-most; at least 131 072 bits, so that one entry tells nothing about its
holder; GZIP; multibase base64url.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from services.issuer.issuance import Issuer
from shared.clock import JST
from shared.credential import VC_CONTEXT
from shared.errors import Unreadable
from shared.multibase import base64url, from_base64url

LENGTH = 131_072  # bits
ROOM = LENGTH // 2  # entries of a list before the next is begun: a drawn bit is free at least every second time
VALID_FOR = timedelta(days=7)  # a list that could not be renewed for so long reads as "could not check"


def draw_indexes(random: Random, count: int) -> list[int]:
    """`count` different bits of one list, in ascending order. Which of them are free, the table decides."""
    return sorted(random.sample(range(LENGTH), min(count, LENGTH)))


def with_bits(indexes: Iterable[int]) -> bytes:
    """The list with just these bits set. ValueError for one outside of it."""
    bits = bytearray(LENGTH // 8)
    for index in indexes:
        if not 0 <= index < LENGTH:
            raise ValueError(f"got bit {index}, expected 0 to {LENGTH - 1}")
        bits[index // 8] |= 0x80 >> index % 8
    return bytes(bits)


def is_set(bits: bytes, index: int) -> bool:
    """Whether the assertion with this bit no longer counts."""
    return bool(bits[index // 8] & 0x80 >> index % 8)


def encoded(bits: bytes) -> str:
    """The list as `encodedList`; the same bits give the same text."""
    return base64url(gzip.compress(bits, mtime=0))


def decoded(text: object) -> bytes:
    """The bits of an `encodedList`. Unreadable for anything else."""
    try:
        return gzip.decompress(from_base64url(text))
    except (OSError, EOFError) as error:
        raise Unreadable(f"encodedList: {error}, expected GZIP") from error


def status_document(issuer: Issuer, number: int, revoked: Iterable[int], now: datetime) -> dict[str, Any]:
    """`status/<number>.json` without its proof, valid from `now` for `VALID_FOR`."""
    url = issuer.status_url(number)
    return {
        "@context": [VC_CONTEXT],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": _japan_time(now),
        "validUntil": _japan_time(now + VALID_FOR),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encoded(with_bits(revoked)),
        },
    }


def _japan_time(moment: datetime) -> str:
    return moment.astimezone(JST).isoformat(timespec="seconds")
