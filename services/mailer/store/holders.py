"""The schema `mailer`: the holders, as the events describe them, and whose letters the office holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from shared.addresses import as_mailed, same_address_key
from shared.events import AddressCorrected, AssertionIssued, AssertionRevoked, BadgeReceived, CertificateRendered
from shared.office_events import OfficeDecided
from shared.runtime.attempts import sha256
from shared.runtime.db import Transaction, replace

_ADDRESSES = "hashtext('mailer/addresses')"


def address_sha256(address: str) -> bytes:
    """By which letters to an address are found that is no longer a holder's, or was one's who is erased."""
    return sha256(f"recipient/{same_address_key(address)}")


@dataclass(frozen=True)
class BadgeNow:
    """Whether a badge was revoked or corrected, and where its letters go."""

    assertion_id: str
    email: str | None
    is_void: bool


class HolderTransaction(Transaction):
    """What is known of each badge and its holder.

    Each `note_` locks its rows in the order of assertion_id, so two workers can't deadlock.
    """

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """The holders; and of the badges that these correct or renew, that they are, whether known already or not.

        What is known of a badge stays: its address may have been corrected since, and the issuer may announce it again
        long after the inbox has forgotten it. Waits for addresses that are being noted: else the badge and its new
        address, noted at the same time as after a restore, would not see each other.
        """
        self.cursor.execute(f"select pg_advisory_xact_lock_shared({_ADDRESSES})")  # before any row is locked
        holders = {event.assertion_id: _holder(event) for event in events}
        renewed_by = {event.replaces: event.assertion_id for event in events if event.replaces is not None}
        corrected_by = {event.corrects: event.assertion_id for event in events if event.corrects is not None}
        unknown: dict[str, Any] = {name: None for holder in holders.values() for name in holder}
        self._merge_holders(
            [
                {
                    "assertion_id": id,
                    **holders.get(id, unknown),
                    "corrected_by": corrected_by.get(id),
                    "renewed_by": renewed_by.get(id),
                }
                for id in {**holders, **corrected_by, **renewed_by}
            ],
            is_known_kept=True,
        )
        self._use_corrected_addresses({event.award.registration_id for event in events})

    def note_addresses(self, events: Sequence[AddressCorrected]) -> list[str]:
        """The letters of these registrations go to their new addresses, with links that open there only.

        Letters that were written are written again before they are sent. Returns the badges that are known already.
        """
        self.cursor.execute(f"select pg_advisory_xact_lock({_ADDRESSES})")  # as `note_issued`
        latest = {event.key: event for event in sorted(events, key=lambda event: event.revision)}
        self.insert_rows(
            "corrected_addresses",
            [
                {"registration_id": id, "email": event.email, "version": event.version, "revision": event.revision}
                for id, event in latest.items()
            ],
            f"{replace('registration_id', ('email', 'version', 'revision'))}"
            " where corrected_addresses.revision < excluded.revision",
        )
        return self._use_corrected_addresses(latest.keys())

    def _use_corrected_addresses(self, registration_ids: Collection[str]) -> list[str]:
        moved = self.cursor.execute(
            "with moved as (select assertion_id, holders.email as former, c.email, c.revision"
            "  from holders join corrected_addresses as c using (registration_id)"
            "  where registration_id = any(%s) and holders.version <= c.version and address_revision < c.revision"
            "  order by assertion_id for update of holders)"
            " update holders set email = moved.email, address_revision = moved.revision from moved"
            " where holders.assertion_id = moved.assertion_id"
            " returning holders.assertion_id, registration_id, moved.former",
            (list(registration_ids),),
        ).fetchall()
        now = self.now()
        former = {(id, address_sha256(address)) for _, id, address in moved}
        self.insert_rows(
            "former_addresses",
            [{"registration_id": id, "address_sha256": key, "changed_at": now} for id, key in former],
        )
        if moved:  # the bytes of a letter on its way stay until its answer is written down
            self.cursor.execute(
                "update messages set message = null where assertion_id = any(%s::text[]) and sending_until is null",
                ([id for id, *_ in moved],),
            )
        return [id for id, *_ in moved]

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 5. The holder has received the badge: for corrections (`domain/correction.py`) and reminders."""
        self._merge_holders([{"assertion_id": e.assertion_id, "received_at": e.received_at} for e in events])

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        """Step 8. The PDFs are in object storage."""
        self._merge_holders([{"assertion_id": e.assertion_id, "rendered_at": e.rendered_at} for e in events])

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._merge_holders(
            [
                {
                    "assertion_id": e.assertion_id,
                    "revoked_at": e.revoked_at,
                    "revoked_reason": e.reason,
                    "corrected_by": e.replaced_by,
                    "is_erased": e.erased,
                }
                for e in events
            ]
        )

    def _merge_holders(self, rows: Sequence[dict[str, Any]], *, is_known_kept: bool = False) -> None:
        """Insert `rows`; those of a known assertion replace what is known, except by null; or fill in what is not."""
        if rows:
            first, second = ("holders", "excluded") if is_known_kept else ("excluded", "holders")
            merged = ", ".join(f"{name} = coalesce({first}.{name}, {second}.{name})" for name in rows[0])
            self.insert_rows("holders", rows, f"(assertion_id) do update set {merged}")

    def badges_now(self, assertion_ids: Sequence[str]) -> dict[str, BadgeNow]:
        """How the badges among these stand. A revocation or another address that comes now waits for our end."""
        # Before their messages are changed, as every `note_` locks them: no deadlock.
        badges = self.fetch_all(
            BadgeNow,
            "select assertion_id, email, revoked_at is not null or corrected_by is not null as is_void from holders"
            " where assertion_id = any(%s::text[]) order by assertion_id for update",
            (list(assertion_ids),),
        )
        return {badge.assertion_id: badge for badge in badges}

    def hold_letters(self, orders: Sequence[OfficeDecided]) -> set[str]:
        """Letters of a cohort are held or not as its latest order says; returns the decision_ids that changed it.

        Whatever order they come in, and however often: an order that was settled before a restore holds again.
        """
        changed = set()
        for order in sorted(orders, key=lambda order: (order.subject, order.decided_at)):
            is_held = order.decision == "hold-letters"
            before = self.fetch_value("select is_held from letter_holds where cohort = %s for update", (order.subject,))
            self.cursor.execute(
                "insert into letter_holds (cohort, is_held, decided_at) values (%s, %s, %s) on conflict (cohort)"
                " do update set is_held = excluded.is_held, decided_at = excluded.decided_at"
                " where excluded.decided_at >= letter_holds.decided_at",
                (order.subject, is_held, order.decided_at),
            )
            if bool(before) != is_held:
                changed.add(order.decision_id)
        return changed


def _holder(event: AssertionIssued) -> dict[str, Any]:
    return {
        "registration_id": event.award.registration_id,
        "cohort": event.award.cohort,
        "version": event.version,
        "corrects": event.corrects,
        "email": as_mailed(event.holder.email),
        "family_name": event.holder.family_name,
        "given_name": event.holder.given_name,
        "qualification": event.award.qualification,
        "kind": event.award.kind,
        "valid_from": event.award.valid_from,
        "valid_until": event.award.valid_until,
        "issued_at": event.issued_at,
        "notify_from": event.notify_from,
    }
