"""Which letter tells a holder that a badge was corrected; pure.

A badge that corrects another has either `award` and later `completion`, like any badge, where `award` says that it is
a correction; or `correction` alone. So exactly one letter tells of the correction, in whatever order events come.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.addresses import same_address_key

CorrectionLetter = Literal["award", "correction"]

RECEIPT_WAIT = timedelta(seconds=10)
"""How long the award letter of a correction waits for the event that the holder has received the badge."""


REVOCATION_WAIT = timedelta(hours=2)
"""How long the letter about a revocation waits: a badge that is issued again by then is told of by its own letter."""


@dataclass(frozen=True)
class CorrectedBadge:
    """A badge that corrects another, as known when its award letter is due."""

    assertion_id: str
    email: str
    is_received: bool
    received_at_addresses: Collection[str]  # the addresses at which earlier versions of its registration were received


def correction_letter(badge: CorrectedBadge) -> CorrectionLetter:
    """The letter that tells of the correction.

    A holder who received an earlier version at the same address has the new one without doing anything (the wallet
    carries it over): `correction`, when it is finished. Any other holder is asked to receive it: `award`.
    If the event of the receipt comes later than RECEIPT_WAIT, the award letter is sent although it is not needed: its
    link then leads to a badge that is received already.
    """
    address = same_address_key(badge.email)
    had_earlier = any(same_address_key(other) == address for other in badge.received_at_addresses)
    return "correction" if badge.is_received or had_earlier else "award"
