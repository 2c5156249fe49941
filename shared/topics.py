"""The topics of the pipeline and the services that read and write them. `akashi topics` creates the topics."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

RETENTION = timedelta(days=30)
"""How long a topic keeps a message, unless the setting TOPIC_RETENTION_DAYS says otherwise."""
LONGEST_RETENTION = timedelta(days=60)
INBOX_MEMORY = timedelta(days=90)
"""How long a service remembers which events it handled: longer than a message can lie on a topic."""
SERVICES = ("registration", "issuer", "anchor", "renderer", "mailer", "wallet", "verifier", "ops")
"""Each names a package in `services/`, a consumer group, a database role and schema, and the `source` of events."""


PARTITIONS = 4
"""Of each topic, unless the setting TOPIC_PARTITIONS says otherwise: so many replicas of one service share the work."""
MOST_PARTITIONS = 200


class Topic(NamedTuple):
    """A Kafka topic. `partitions` is the least that it has."""

    name: str
    partitions: int = PARTITIONS

    @property
    def dead(self) -> Topic:
        """Where messages go that could not be handled, each with its cause; a dead topic's own is itself."""
        return self if self.name.endswith(".dead") else Topic(f"{self.name}.dead", 1)


UPSTREAM_REGISTRATIONS = Topic("upstream.registrations")
REGISTRATION_RENEWED = Topic("registration.renewed")
REGISTRATION_HELD = Topic("registration.held")
ASSERTION_ISSUED = Topic("assertion.issued")
LETTER_UPDATED = Topic("letter.updated")
BADGE_RECEIVED = Topic("badge.received")
ASSERTION_ANCHORED = Topic("assertion.anchored")
CERTIFICATE_RENDERED = Topic("certificate.rendered")
ASSERTION_REVOKED = Topic("assertion.revoked")
OFFICE_DECISIONS = Topic("office.decisions")
DESK_LETTERS = Topic("desk.letters")
ACCOUNT_LETTERS = Topic("account.letters")
PAPER_ORDERS = Topic("paper.orders")
STATEMENT_PUBLISHED = Topic("statement.published", 1)

TOPICS: tuple[Topic, ...] = (
    UPSTREAM_REGISTRATIONS,
    REGISTRATION_RENEWED,
    REGISTRATION_HELD,
    ASSERTION_ISSUED,
    LETTER_UPDATED,
    BADGE_RECEIVED,
    ASSERTION_ANCHORED,
    CERTIFICATE_RENDERED,
    ASSERTION_REVOKED,
    OFFICE_DECISIONS,
    DESK_LETTERS,
    ACCOUNT_LETTERS,
    PAPER_ORDERS,
    STATEMENT_PUBLISHED,
)

ASKED_FOR: tuple[Topic, ...] = (DESK_LETTERS, ACCOUNT_LETTERS)
"""Letters that services ask for: they say names, addresses, links, what people wrote. Who asks forgets it after
`INBOX_MEMORY`, as the mailer does in its time."""

PERSONAL: tuple[Topic, ...] = (
    UPSTREAM_REGISTRATIONS,
    REGISTRATION_RENEWED,
    REGISTRATION_HELD,
    ASSERTION_ISSUED,
    OFFICE_DECISIONS,
    *ASKED_FOR,
)
"""Topics whose messages may name a person, or say an address or a number of theirs (docs/security.md)."""

ALL_TOPICS: tuple[Topic, ...] = tuple(topic for each in TOPICS for topic in (each, each.dead))
"""Each topic, followed by its topic of dead letters: what there is in Kafka."""

READ_BY: dict[str, tuple[Topic, ...]] = {
    "registration": (UPSTREAM_REGISTRATIONS, ASSERTION_ISSUED, OFFICE_DECISIONS),
    "issuer": (REGISTRATION_RENEWED, ASSERTION_ANCHORED, OFFICE_DECISIONS),
    "anchor": (ASSERTION_ISSUED, BADGE_RECEIVED, ASSERTION_REVOKED, STATEMENT_PUBLISHED),
    "renderer": (ASSERTION_ANCHORED, ASSERTION_REVOKED, PAPER_ORDERS),
    "mailer": (
        REGISTRATION_RENEWED,
        ASSERTION_ISSUED,
        BADGE_RECEIVED,
        CERTIFICATE_RENDERED,
        ASSERTION_REVOKED,
        OFFICE_DECISIONS,
        DESK_LETTERS,
        ACCOUNT_LETTERS,
    ),
    "wallet": (
        REGISTRATION_RENEWED,
        ASSERTION_ISSUED,
        ASSERTION_ANCHORED,
        CERTIFICATE_RENDERED,
        ASSERTION_REVOKED,
        OFFICE_DECISIONS,
    ),
    "verifier": (ASSERTION_ISSUED, BADGE_RECEIVED, ASSERTION_ANCHORED, ASSERTION_REVOKED, STATEMENT_PUBLISHED),
    "ops": tuple(t for t in TOPICS if t not in (UPSTREAM_REGISTRATIONS, DESK_LETTERS, ACCOUNT_LETTERS)),
}
"""Service → the topics from which it learns what it knows. Besides, every service reads the orders to rebuild."""

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
    DESK_LETTERS: "registration",
    ACCOUNT_LETTERS: "wallet",
    PAPER_ORDERS: "wallet",
    STATEMENT_PUBLISHED: "issuer",
}
"""Topic → the service whose facts are on it. Outcomes of orders, which every service announces, aren't counted."""
