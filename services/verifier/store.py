"""The schema `verifier`: what the issuer's events say of each assertion outside its credential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.verifier.check.evidence import IssuerRecord, Revocation
from shared.count_events import StatementPublished
from shared.erasure_events import AssertionsErased
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.programme import PublicPage
from shared.runtime.db import Database, Transaction, replace
from shared.runtime.erasure import forget

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
    this.revoked_at, this.revoked_reason, this.erased_at,
    case when this.received_at is not null or this.anchored_at is not null then true
         when this.issued_at is not null then false end as received,
    coalesce((select assertion_id from versions where version > this.version and revoked_at is null
              order by version desc limit 1), this.replaced_by) as replaced_by,
    (select next.assertion_id from assertions as next
     where next.replaces in (select assertion_id from versions) and next.revoked_at is null
     order by next.version desc nulls last, next.assertion_id desc limit 1) as renewed_as,
    coalesce((select newest.assertion_id from assertions as former join assertions as newest using (registration_id)
              where former.assertion_id = this.replaces and newest.revoked_at is null
              order by newest.version desc limit 1), this.replaces) as renews,
    exists (select from assertions as former
            where former.assertion_id = this.replaces and former.erased_at is not null) as former_is_erased
from this
"""

_VISIBILITY = ("details_public", "visibility_revision")

# What is noted of an assertion later than its erasure is left out; what was noted before is gone, but for its id and
# the moments of revocation and erasure: in whatever order the events come, the row is the same.
_NOT_ERASED = "assertions.erased_at is null"
_IS_KEPT = "coalesce(assertions.erased_at, excluded.erased_at) is null"
_OF_ISSUE = ("issued_at", "replaces", "registration_id", "version", "received_at", "anchored_at", *_VISIBILITY)
_OF_REVOCATION = ("revoked_reason", "replaced_by")
_ENDED = ", ".join(
    [
        "(assertion_id) do update set revoked_at = coalesce(excluded.revoked_at, assertions.revoked_at)",
        "erased_at = least(assertions.erased_at, excluded.erased_at)",
        *(f"{name} = case when {_IS_KEPT} then assertions.{name} end" for name in _OF_ISSUE),
        *(f"{name} = case when {_IS_KEPT} then excluded.{name} end" for name in _OF_REVOCATION),
    ]
)


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
    erased_at: datetime | None
    former_is_erased: bool


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
        self._note(rows)

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 5. Its holder has it."""
        rows = [{"assertion_id": e.assertion_id, "received_at": e.received_at} for e in events]
        self._note(rows)

    def note_visibility(self, events: Sequence[BadgeVisibilityChanged]) -> None:
        """Any time. The holder decides whether the page shows the numbers. The highest revision wins in any order."""
        newest = {e.assertion_id: e for e in sorted(events, key=lambda e: e.revision)}
        rows = [
            {"assertion_id": id, "details_public": e.details_public, "visibility_revision": e.revision}
            for id, e in newest.items()
        ]
        older = "coalesce(assertions.visibility_revision, -1) < excluded.visibility_revision"
        self.insert_rows("assertions", rows, f"{replace('assertion_id', _VISIBILITY)} where {older} and {_NOT_ERASED}")

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Step 7. Its root is final."""
        newest = {e.assertion_id: e for e in events}
        rows = [{"assertion_id": id, "anchored_at": e.anchored_at} for id, e in newest.items()]
        self._note(rows)

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Any time. It is no longer valid from now on, whatever the published list still says.

        While its holder is being erased, nothing but that is said of it any more.
        """
        rows = [
            {
                "assertion_id": e.assertion_id,
                "revoked_at": e.revoked_at,
                "revoked_reason": None if e.erased else e.reason,
                "replaced_by": None if e.erased else e.replaced_by,
                "erased_at": e.revoked_at if e.erased else None,
            }
            for e in events
        ]
        self.insert_rows("assertions", rows, _ENDED)

    def note_erased(self, events: Sequence[AssertionsErased]) -> None:
        """Any time. Its holder was erased: it counts as revoked, and nothing else is known of it any more.

        Messages about it that were put aside or wait to be sent as dead letters name the holder: they go, too.
        """
        newest_first = sorted(events, key=lambda e: e.erased_at, reverse=True)
        erased = {id: e.erased_at for e in newest_first for id in e.assertion_ids}
        unsaid = {"revoked_at": None, "revoked_reason": None, "replaced_by": None}
        self.insert_rows(
            "assertions", [{"assertion_id": id, **unsaid, "erased_at": at} for id, at in erased.items()], _ENDED
        )

        subjects = {id for e in events for id in (*e.registration_ids, *e.assertion_ids)}
        forget(self, sorted(subjects), ())

    def _note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """The columns that `rows` name, of assertions that are not erased."""
        if rows:
            columns = [column for column in rows[0] if column != "assertion_id"]
            self.insert_rows("assertions", rows, f"{replace('assertion_id', columns)} where {_NOT_ERASED}")

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
        and that one to the newest of them. Nothing leads to or from one that was erased.
        """
        row = self.fetch_one(_Row, _RECORD, {"id": assertion_id})
        if row is None:
            return None
        if row.erased_at is not None:
            erased = Revocation(row.revoked_at or row.erased_at, "")
            return IssuerRecord(details_public=False, revocation=erased, erased_at=row.erased_at)
        revocation = None
        if row.revoked_at is not None:
            revocation = Revocation(row.revoked_at, row.revoked_reason or "", row.replaced_by)
        return IssuerRecord(
            details_public=page.shows_numbers if row.details_public is None else row.details_public,
            revocation=revocation,
            renewed_as=row.renewed_as,
            renews=None if row.former_is_erased else row.renews,
            former_is_erased=row.former_is_erased,
            received=row.received,
            registration_counts=page.states_registration,
        )


Store = Database[VerifierTransaction]
