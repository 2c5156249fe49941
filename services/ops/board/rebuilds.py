"""Which services announce again when one is rebuilt. Pure."""

from __future__ import annotations

from shared.topics import (
    ASSERTION_ANCHORED,
    ASSERTION_ISSUED,
    ASSERTION_REVOKED,
    BADGE_RECEIVED,
    CERTIFICATE_RENDERED,
    LETTER_UPDATED,
    OFFICE_DECISIONS,
    READ_BY,
    REGISTRATION_HELD,
    REGISTRATION_RENEWED,
    SERVICES,
    Topic,
)

DRY_RUN = "dry-run"
"""The outcome of an order that only counts."""

WRITTEN_BY: dict[Topic, str] = {
    REGISTRATION_RENEWED: "registration",
    REGISTRATION_HELD: "registration",
    ASSERTION_ISSUED: "issuer",
    LETTER_UPDATED: "mailer",
    BADGE_RECEIVED: "wallet",
    ASSERTION_ANCHORED: "anchor",
    CERTIFICATE_RENDERED: "renderer",
    ASSERTION_REVOKED: "issuer",
    OFFICE_DECISIONS: "ops",
}
"""Topic → the service whose facts are on it. Not counted: outcomes and restores, which every service tells."""


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
