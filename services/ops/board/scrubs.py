"""Which services compare their tables with object storage, and what they found. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.office_events import ScrubCount, ScrubFault

ALL = "all"
SCRUBBERS = ("issuer", "anchor", "renderer")
"""The services that write objects, in the order in which they repair: each needs what those before it make."""

AT_FAULT = "at-fault"
"""The outcome of an order after which some objects are not as they should be."""

_PUT_RIGHT = ("repaired", "adopted")


class ScrubLine(msgspec.Struct, frozen=True, kw_only=True):
    """The last that a service told of one pass: at its end (`finished`), or on the way.

    `named` has the first objects at fault, at most 20, those that were not put right first.
    """

    scrub_id: str
    service: str
    repair: bool
    started_at: datetime
    at: datetime
    finished: bool
    counts: list[ScrubCount]
    named: list[ScrubFault]

    @property
    def checked(self) -> int:
        return sum(count.checked for count in self.counts)

    @property
    def at_fault(self) -> int:
        """Objects that are still missing or broken. What is only in storage does no harm."""
        return sum(max(0, count.missing + count.different - count.repaired) for count in self.counts)

    @property
    def only_stored(self) -> int:
        return sum(max(0, count.only_stored - count.adopted) for count in self.counts)

    @property
    def left(self) -> list[ScrubFault]:
        """Those of `named` that were not put right."""
        return [fault for fault in self.named if fault.outcome not in _PUT_RIGHT]


def scrubbers_of(subject: str) -> tuple[str, ...]:
    """The services that answer an order about `subject`, a service or all. ValueError for one without objects."""
    if subject == ALL:
        return SCRUBBERS
    if subject not in SCRUBBERS:
        raise ValueError(f"got service {subject!r}, expected one that has objects: {', '.join(SCRUBBERS)}")
    return (subject,)


def scrub_name(subject: str, *, repair: bool) -> str:
    """The id of such an order, unless it was given before: then it is numbered."""
    return "/".join(["scrub", subject, *(["repair"] if repair else [])])


def in_order(lines: Sequence[ScrubLine]) -> list[ScrubLine]:
    """In the order of the services."""
    return sorted(lines, key=lambda line: SCRUBBERS.index(line.service) if line.service in SCRUBBERS else 9)
