"""The schema `verifier`: beside each credential, what only the events tell (revoked why, renewed as what)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.verifier.check.evidence import Noted, Revocation
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.runtime.db import Database, Transaction

_NOTED = """
with this as (
    select * from assertions where assertion_id = %(id)s
), versions as (
    select other.* from this join assertions as other using (registration_id)
    union select * from this
)
select coalesce(this.details_public,
        (select details_public from versions where version < this.version and details_public is not null
         order by version desc limit 1)),
    this.revoked_at, this.revoked_reason,
    coalesce((select assertion_id from versions where version > this.version and revoked_at is null
              order by version desc limit 1), this.replaced_by),
    (select next.assertion_id from assertions as next
     where next.replaces in (select assertion_id from versions) and next.revoked_at is null
     order by next.version desc nulls last, next.assertion_id desc limit 1),
    coalesce((select newest.assertion_id from assertions as former join assertions as newest using (registration_id)
              where former.assertion_id = this.replaces and newest.revoked_at is null
              order by newest.version desc limit 1), this.replaces)
from this
"""


class VerifierTransaction(Transaction):
    """Every `note_` locks its rows in the order of assertion_id; doing it again changes nothing."""

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        self._write(
            "insert into assertions (assertion_id, issued_at, replaces, registration_id, version)"
            " select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::integer[])"
            " on conflict (assertion_id) do update set issued_at = excluded.issued_at, replaces = excluded.replaces,"
            " registration_id = excluded.registration_id, version = excluded.version",
            [(e.assertion_id, e.issued_at, e.replaces, e.award.registration_id, e.version) for e in events],
        )

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        self._write(
            "insert into assertions (assertion_id, received_at) select * from unnest(%s::text[], %s::timestamptz[])"
            " on conflict (assertion_id) do update set received_at = excluded.received_at",
            [(e.assertion_id, e.received_at) for e in events],
        )

    def note_visibility(self, events: Sequence[BadgeVisibilityChanged]) -> None:
        """The highest revision wins, whichever comes last."""
        newest = {e.assertion_id: e for e in sorted(events, key=lambda e: e.revision)}
        self._write(
            "insert into assertions (assertion_id, details_public, visibility_revision)"
            " select * from unnest(%s::text[], %s::boolean[], %s::integer[])"
            " on conflict (assertion_id) do update set details_public = excluded.details_public,"
            " visibility_revision = excluded.visibility_revision"
            " where coalesce(assertions.visibility_revision, -1) < excluded.visibility_revision",
            [(e.assertion_id, e.details_public, e.revision) for e in newest.values()],
        )

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        newest = {e.assertion_id: e for e in events}
        self._write(
            "insert into assertions (assertion_id, anchored_at) select * from unnest(%s::text[], %s::timestamptz[])"
            " on conflict (assertion_id) do update set anchored_at = excluded.anchored_at",
            [(e.assertion_id, e.anchored_at) for e in newest.values()],
        )

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._write(
            "insert into assertions (assertion_id, revoked_at, revoked_reason, replaced_by)"
            " select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])"
            " on conflict (assertion_id) do update set revoked_at = excluded.revoked_at,"
            " revoked_reason = excluded.revoked_reason, replaced_by = excluded.replaced_by",
            [(e.assertion_id, e.revoked_at, e.reason, e.replaced_by) for e in events],
        )

    def noted(self, assertion_id: str) -> Noted | None:
        """None for an assertion that no event has named.

        What the holder hid of one version stays hidden of the next, until he shows it.
        Whatever version of a registration was renewed, all its versions lead to the newest renewal that counts, and
        that one to the newest of them.
        """
        row = self.cursor.execute(_NOTED, {"id": assertion_id}).fetchone()
        if row is None:
            return None
        details_public, revoked_at, reason, replaced_by, renewed_as, renews = row
        revocation = Revocation(revoked_at, reason, replaced_by) if revoked_at is not None else None
        return Noted(details_public is not False, revocation, renewed_as, renews)

    def _write(self, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """`rows` as one array a column, ordered by key."""
        if rows:
            columns = [list(column) for column in zip(*sorted(rows, key=lambda row: row[0]), strict=True)]
            self.cursor.execute(query, tuple(columns))


Store = Database[VerifierTransaction]
