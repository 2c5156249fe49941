"""The SQL of what a restored database is told again: by the issuer's own announcements, and by object storage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import msgspec

from services.issuer.domain.adoption import AdoptedCredential
from services.issuer.domain.publication import badge_name, status_name
from services.issuer.domain.revocation import Revocation, lost_revocation, revocation_by_correction
from services.issuer.store.documents import DocumentTransaction
from shared.events import AssertionIssued, AssertionRevoked, IssuanceRefused
from shared.object_keys import is_assertion_id
from shared.office_events import DecisionSettled

_NO_FINGERPRINT = ""  # of a document known by its name only: it is due as soon as the sources are at hand


class RecallTransaction(DocumentTransaction):
    # ── own announcements ──────────────────────────────────────────────────────────────────────────────

    def take_back_issued(self, events: Sequence[AssertionIssued]) -> None:
        """Assertions as they were announced: issued and stored, each with its bit; their documents are due.

        Idempotent; what was announced replaces what the table has. Not on any topic: the credential's bytes (object
        storage has them) and the office's reason for a correction.
        """
        now, told = self.now(), {event.assertion_id: event for event in events}.values()
        self._note_restore(now)
        self.reserve_bits((event.status_list, event.status_index) for event in told)
        rows = [
            {
                "assertion_id": event.assertion_id,
                "registration_id": event.award.registration_id,
                "version": event.version,
                "corrects": event.corrects,
                "cohort": event.award.cohort,
                "qualification": event.award.qualification,
                "status_list": event.status_list,
                "status_index": event.status_index,
                "leaf": event.leaf,
                "announcement": msgspec.json.encode(event),
                "issued_at": event.issued_at,
                "stored_at": event.issued_at,
                "next_try_at": now,
                "state": "stored",
            }
            for event in told
        ]
        replaced = ", ".join(f"{name} = excluded.{name}" for name in (rows[0] if rows else {}))
        keep_bytes = "case when assertions.leaf = excluded.leaf then assertions.credential end"
        self.insert_rows(
            "assertions",
            rows,
            f"(assertion_id) do update set credential = {keep_bytes}, last_error = null, {replaced}",
        )
        badges = {badge_name(event.award.qualification, event.edition) for event in told if event.edition is not None}
        self.add_documents(badges | {status_name(event.status_list) for event in told}, _NO_FINGERPRINT, now)
        self.apply_recalled([event.assertion_id for event in told], now)

    def take_back_refused(self, events: Sequence[IssuanceRefused]) -> None:
        """Nothing to write: a refusal leaves no row. `announced` has it, so it is not announced again."""

    def take_back_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Assertions as they were revoked, their lists due; one that isn't in the table yet is revoked once it is.

        Idempotent, in any order with the others. Not on this topic: which order of the office revoked it.
        """
        now, told = self.now(), {event.assertion_id: event for event in events}.values()
        self._note_restore(now)
        rows = [
            {
                "assertion_id": event.assertion_id,
                "reason": event.reason,
                "revoked_at": event.revoked_at,
                "replaced_by": event.replaced_by,
            }
            for event in told
        ]
        self.upsert_rows("recalled_revocations", rows, "assertion_id")
        self.apply_recalled([event.assertion_id for event in told], now)

    def take_back_settled(self, events: Sequence[DecisionSettled]) -> None:
        """The office's orders that were carried out: what they revoked is revoked, also when nothing else tells it.

        Orders that changed nothing need no row: `announced` has their outcome. Not on this topic: the order's reason.
        """
        now = self.now()
        told = {
            event.subject: event for event in events if event.outcome == "done" and is_assertion_id(event.subject)
        }.values()
        rows = [
            {"assertion_id": event.subject, "revoked_at": event.settled_at, "decision_id": event.decision_id}
            for event in told
        ]
        self.insert_rows(
            "recalled_revocations", rows, "(assertion_id) do update set decision_id = excluded.decision_id"
        )
        self.apply_recalled([event.subject for event in told], now)

    def apply_recalled(self, ids: Collection[str], now: datetime) -> None:
        """Revoke those of these assertions whose revocation was taken back; their lists are due."""
        changed = self.cursor.execute(
            "update assertions set"
            " revoked_at = case when told.reason is null then coalesce(assertions.revoked_at, told.revoked_at)"
            "  else told.revoked_at end,"
            " revocation_reason = coalesce(told.reason, assertions.revocation_reason, %s),"
            " replaced_by = coalesce(told.replaced_by, assertions.replaced_by),"
            " decision_id = coalesce(told.decision_id, assertions.decision_id)"
            " from recalled_revocations as told"
            " where told.assertion_id = assertions.assertion_id and assertions.assertion_id = any(%s)"
            " returning assertions.status_list",
            (lost_revocation(), sorted(ids)),
        ).fetchall()
        if changed:
            self.make_due({status_name(number) for (number,) in changed}, now)

    # ── the end of a recall ────────────────────────────────────────────────────────────────────────────

    def forget_applied(self) -> list[Revocation]:
        """Revocations that were taken back for assertions that are stored, as they now stand; they are forgotten.

        Those of assertions that aren't stored stay: they are announced after these are.
        """
        return self.fetch_all(
            Revocation,
            "with gone as (delete from recalled_revocations where assertion_id in"
            "  (select assertion_id from assertions where state = 'stored' and revoked_at is not null)"
            "  returning assertion_id)"
            " select assertion_id, revocation_reason as reason, revoked_at, replaced_by, decision_id"
            " from assertions join gone using (assertion_id) order by assertion_id for update of assertions",
        )

    def superseded(self, now: datetime) -> list[Revocation]:
        """Revocations of stored assertions that a stored correction should have revoked, locked.

        There are some after a restore only: where the correction's AssertionIssued got to Kafka and the former's
        AssertionRevoked did not.
        """
        found = self.cursor.execute(
            "select former.assertion_id, later.assertion_id, later.correction from assertions as former"
            " join lateral (select assertion_id, correction from assertions as each"
            "  where each.registration_id = former.registration_id and each.version > former.version"
            "  and each.state = 'stored' order by version limit 1) as later on true"
            " where former.revoked_at is null and former.state = 'stored' and former.registration_id in"
            "  (select registration_id from assertions where version > 1)"
            " order by former.assertion_id for update of former"
        )
        return [revocation_by_correction(former, later, why, now) for former, later, why in found.fetchall()]

    # ── what object storage tells ──────────────────────────────────────────────────────────────────────

    def adopt(self, batch: Sequence[AdoptedCredential], fingerprint: str, now: datetime) -> None:
        """Put what storage holds in place of what was signed: bytes, leaf, bit and announcement. Documents are due.

        The bit that was drawn for it is never drawn again.
        """
        if not batch:
            return
        events = [each.announcement for each in batch]
        self.reserve_bits((event.status_list, event.status_index) for event in events)
        rows = [
            {
                "assertion_id": each.announcement.assertion_id,
                "status_list": each.announcement.status_list,
                "status_index": each.announcement.status_index,
                "leaf": each.announcement.leaf,
                "corrects": each.announcement.corrects,
                "credential": each.credential,
                "announcement": msgspec.json.encode(each.announcement),
                "issued_at": each.announcement.issued_at,
            }
            for each in batch
        ]
        self.update_rows("assertions", rows, "assertion_id")
        lists = {status_name(event.status_list) for event in events}
        badges = {badge_name(event.award.qualification, event.edition) for event in events if event.edition is not None}
        self.add_documents(lists | badges, fingerprint, now)
        self.make_due(lists, now)

    def reserve_bits(self, places: Iterable[tuple[int, int]]) -> None:
        """Never draw these bits (list, index). They may be reserved already."""
        entries = [{"status_index": index, "status_list": number} for number, index in dict.fromkeys(places)]
        self.insert_rows("status_entries", entries)

    def status_lists(self) -> dict[int, datetime | None]:
        """The lists that are documents, and when a put of each was last begun or done, as far as the table knows."""
        found = self.cursor.execute(
            "select split_part(name, '/', 2)::integer, greatest(published_at, unsure_until) from documents"
            " where name like 'status/%%' order by 1"
        )
        return dict(found.fetchall())

    def begin_new_list(self, after: Iterable[int], now: datetime, *, restored: bool) -> int | None:
        """After a restore, draw from a list behind all of `after`: its number. None when there was no restore.

        So no bit is drawn that a credential in storage has, of which neither table nor topic knows.
        """
        if restored:
            self._note_restore(now)
        number = max(after, default=0) + 1
        changed = self.cursor.execute("update restores set first_list = %s where first_list is null", (number,))
        return number if changed.rowcount else None

    def _note_restore(self, now: datetime) -> None:
        self.cursor.execute(
            "insert into restores (noticed_at) select %s where not exists"
            " (select from restores where first_list is null) on conflict do nothing",
            (now,),
        )
