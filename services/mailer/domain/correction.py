"""How the holder of a corrected badge is told; pure.

A badge that corrects another has either `award` and later `completion`, as any badge, the first of them saying that it
is a correction; or `correction` alone. So exactly one letter speaks of the correction, whatever is learnt afterwards.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from shared.addresses import same_address_key

CorrectionLetter = Literal["award", "correction"]

RECEIPT_WAIT = timedelta(seconds=10)
"""So long the award letter of a correction waits for the wallet's word that the holder has the badge already."""


@dataclass(frozen=True)
class CorrectedBadge:
    """What is known of a badge that corrects another when its award letter may go."""

    assertion_id: str
    email: str
    is_received: bool
    received_at_addresses: Collection[str]  # of the earlier versions of its registration


def correction_letter(corrected: CorrectedBadge) -> CorrectionLetter:
    """The letter that tells of the correction.

    Who had received an earlier version at the same address has the new one without doing anything (the wallet carries
    it over) and is told when it is finished. Everybody else is asked to receive it.
    A receipt of which we hear later than HEARD_WITHIN costs a letter too many: the link of that award letter then
    leads to a badge that is received already.
    """
    address = same_address_key(corrected.email)
    had_it = any(same_address_key(other) == address for other in corrected.received_at_addresses)
    return "correction" if corrected.is_received or had_it else "award"
