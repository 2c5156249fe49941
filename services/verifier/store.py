"""The schema `verifier`: what the issuer's events say of each assertion outside its credential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.verifier.check.evidence import IssuerRecord, Revocation
from shared.count_events import StatementPublished
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.programme import PublicPage
from shared.runtime.db import Database, Transaction, replace

_RECORD = """
with this as (
    select * from assertions where assertion_id = %(id)s
), versions as (
    select other.* from this join assertions as other using (registration_id)
    union select * from this
)
select coalesce(this.details_public,
        (select details_public from versions where version < this.version and details_public is not null
         order by version desc limit 1)) as details_public,
    this.revoked_at, this.revoked_reason,
    case when this.received_at is not null or this.anchored_at is not null then true
         when this.issued_at is not null then false end as received,
    coalesce((select assertion_id from versions where version > this.version and revoked_at is null
              order by version desc limit 1), this.replaced_by) as replaced_by,
    (select next.assertion_id from assertions as next
     where next.replaces in (select assertion_id from versions) and next.revoked_at is null
     order by next.version desc nulls last, next.assertion_id desc limit 1) as renewed_as,
    coalesce((select newest.assertion_id from assertions as former join assertions as newest using (registration_id)
              where former.assertion_id = this.replaces and newest.revoked_at is null
              order by newest.version desc limit 1), this.replaces) as renews
from this
"""

_VISIBILITY = ("details_public", "visibility_revision")


@dataclass(frozen=True)
class _Row:
    """An answer to `_RECORD`."""

    details_public: bool | None
    revoked_at: datetime | None
    revoked_reason: str | None
    replaced_by: str | None
    renewed_as: str | None
    renews: str | None
    received: bool | None


class VerifierTransaction(Transaction):
    """Every `note_` locks its rows in the order of assertion_id; repeating one changes nothing."""

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """Step 3. A badge exists; it may renew another."""
        rows = [
            {
                "assertion_id": e.assertion_id,
                "issued_at": e.issued_at,
                "replaces": e.replaces,
                "registration_id": e.award.registration_id,
                "version": e.version,
            }
            for e in events
        ]
        self.upsert_rows("assertions", rows, "assertion_id")

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 5. Its holder has it."""
        rows = [{"assertion_id": e.assertion_id, "received_at": e.received_at} for e in events]
        self.upsert_rows("assertions", rows, "assertion_id")

    def note_visibility(self, events: Sequence[BadgeVisibilityChanged]) -> None:
        """Any time. The holder decides whether the page shows the numbers. The highest revision wins in any order."""
        newest = {e.assertion_id: e for e in sorted(events, key=lambda e: e.revision)}
        rows = [
            {"assertion_id": id, "details_public": e.details_public, "visibility_revision": e.revision}
            for id, e in newest.items()
        ]
        older = "coalesce(assertions.visibility_revision, -1) < excluded.visibility_revision"
        self.insert_rows("assertions", rows, f"{replace('assertion_id', _VISIBILITY)} where {older}")

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Step 7. Its root is final."""
        newest = {e.assertion_id: e for e in events}
        rows = [{"assertion_id": id, "anchored_at": e.anchored_at} for id, e in newest.items()]
        self.upsert_rows("assertions", rows, "assertion_id")

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Any time. It is no longer valid from now on, whatever the published list still says."""
        rows = [
            {
                "assertion_id": e.assertion_id,
                "revoked_at": e.revoked_at,
                "revoked_reason": e.reason,
                "replaced_by": e.replaced_by,
            }
            for e in events
        ]
        self.upsert_rows("assertions", rows, "assertion_id")

    def note_statements(self, events: Sequence[StatementPublished]) -> None:
        """Any time. A statement of the count is in storage."""
        rows = [{"cohort": e.cohort, "number": e.number, "stated_at": e.stated_at} for e in events]
        self.insert_rows("statements", rows)

    def newest_statements(self) -> dict[str, int]:
        """The number of the newest statement of each cohort. It never goes back: numbers only rise."""
        found = self.cursor.execute(
            "with recursive newest as ("  # a look into the index a cohort: there may be a hundred statements a day
            " (select cohort, number from statements order by cohort desc, number desc limit 1)"
            " union all select before.* from newest, lateral (select cohort, number from statements"
            "  where statements.cohort < newest.cohort order by cohort desc, number desc limit 1) as before)"
            " select cohort, number from newest order by cohort"
        )
        return dict(found.fetchall())

    def issuer_record(self, assertion_id: str, page: PublicPage) -> IssuerRecord | None:
        """None for an assertion that no event has named. `page`: what holds until the holder decides otherwise.

        What the holder hid of one version stays hidden of the next, until the holder shows it.
        Whatever version of a registration was renewed, all its versions lead to the newest renewal that isn't revoked,
        and that one to the newest of them.
        """
        row = self.fetch_one(_Row, _RECORD, {"id": assertion_id})
        if row is None:
            return None
        revocation = None
        if row.revoked_at is not None:
            revocation = Revocation(row.revoked_at, row.revoked_reason or "", row.replaced_by)
        return IssuerRecord(
            details_public=page.shows_numbers if row.details_public is None else row.details_public,
            revocation=revocation,
            renewed_as=row.renewed_as,
            renews=row.renews,
            received=row.received,
            registration_counts=page.states_registration,
        )


Store = Database[VerifierTransaction]
