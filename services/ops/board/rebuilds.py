"""Which services announce again when one is rebuilt. Pure."""

from __future__ import annotations

from shared.topics import READ_BY, SERVICES, WRITTEN_BY

DRY_RUN = "dry-run"
"""The outcome of an order that only counts."""


def producers_of(reader: str, producer: str | None = None) -> tuple[str, ...]:
    """The services whose events `reader` reads, or `producer` alone, in the order of the flow.

    ValueError for an unknown reader, or when `reader` reads nothing of `producer`.
    """
    if reader not in READ_BY:
        raise ValueError(f"got service {reader!r}, expected one of {', '.join(READ_BY)}")
    writers = {WRITTEN_BY[topic] for topic in READ_BY[reader] if topic in WRITTEN_BY} - {reader}
    producers = tuple(service for service in SERVICES if service in writers)
    if producer is None:
        return producers
    if producer not in producers:
        raise ValueError(f"got producer {producer!r}, expected one that {reader} reads: {', '.join(producers)}")
    return (producer,)


def rebuild_name(reader: str, producer: str | None, *, is_dry_run: bool) -> str:
    """The id of such an order, unless it was given before: then it is numbered."""
    words = ["rebuild", reader, producer or "all", *([DRY_RUN] if is_dry_run else [])]
    return "/".join(words)
