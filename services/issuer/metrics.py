"""The issuer's metrics."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

ISSUED = counter("assertions_issued", "Credentials signed", ("qualification",))
NOT_ISSUED = counter("assertions_not_issued", "Events of renewed registrations that needed no credential", ("reason",))
REFUSED = counter("assertions_refused", "Registrations that must not be signed, by the field at fault", ("field",))
STORED = counter("credentials_stored", "Credentials put into object storage and announced")
ADOPTED = counter("credentials_adopted", "Credentials that object storage had already, after a restore of the database")
NOT_STORED = counter("credentials_not_stored", "Attempts to store a credential that failed")
REVOKED = counter("assertions_revoked", "Assertions revoked, by the office, a correction or an erasure", ("by",))
NOT_REVOKED = counter("assertions_not_revoked", "Orders to revoke that changed nothing", ("reason",))
ERASED = counter("assertions_erased", "Assertions of people who were erased: no credential in storage any more")
DOCUMENTS = counter("documents_published", "Documents of the issuer published, by kind", ("kind",))
NOT_PUBLISHED = counter("documents_not_published", "Attempts to publish a document that failed", ("kind",))
STATED = counter("statements_published", "Statements of the count put into storage and announced")
NOT_STATED = counter("statements_not_published", "What kept a count from being stated, by kind", ("reason",))
BITS_ONLY_PUBLISHED = gauge(
    "issuer_bits_only_published",
    "Bits set in a published status list only, not in the tables; they stay",
    ("list",),
)
