"""What the events of the cycle say, written to the schema `ops`.

Events of one person come on ten topics in any order: every `note_` merges what it knows into the rows that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from services.ops.board import folding
from services.ops.store.letters import PLACE
from services.ops.store.tables import Tables
from shared.count_events import StatementAnchored, StatementPublished
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
    RenderingFailed,
)
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import (
    AccountChanged,
    CohortHoldChanged,
    DecisionSettled,
    ObjectsScrubbed,
    OfficeDecided,
    RebuildOrdered,
    RestoreNoticed,
    ScrubOrdered,
)
from shared.paper_events import PaperOrdered, PaperUpdated, PrintSheetRendered
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.db import Database, E, replace

V = TypeVar("V", RegistrationRenewed, AssertionIssued)


class OpsTransaction(Tables):
    """Every `note_` may be repeated: the same events again change nothing."""

    def claim(self, events: Sequence[E]) -> list[E]:
        """As every claim. Of an order of paper that is left out the number is kept: later events say no more of it."""
        claimed = super().claim(events)
        self.erasures.note_left_out(events)
        return claimed

    def note_renewed(self, events: Sequence[RegistrationRenewed]) -> None:
        """Steps 1 and 2. The person is eligible, since the first such event."""
        now = self.now()
        newest = folding.newest_versions(events)
        self._note_people(newest, lambda event: {"eligible_at": now}, "people.eligible_at is null")
        self.history.note_versions(events)

    def _note_people(self, events: Sequence[V], facts: Callable[[V], Mapping[str, Any]], is_new: str) -> None:
        """Who they are and what is awarded, as the newest version says; an older one that comes later is ignored.

        And the `facts` of an event, columns that are set where `is_new`, a condition in SQL on the row that is there.
        One statement, since each writes the whole row. At most one event for each registration.
        """
        if not events:
            return
        rows = [
            {
                "registration_id": event.award.registration_id,
                "cohort": event.award.cohort,
                "qualification": event.award.qualification,
                "pass_number": event.award.pass_number,
                "registration_number": event.award.registration_number,
                "valid_from": event.award.valid_from,
                "valid_until": event.award.valid_until,
                "person_id": event.holder.person_id,
                "name": event.holder.family_first,
                "family_name": event.holder.family_name,
                "given_name": event.holder.given_name,
                "family_name_latin": event.holder.family_name_latin,
                "given_name_latin": event.holder.given_name_latin,
                "known_version": event.version,
            }
            for event in events
        ]
        is_newer = "people.known_version <= excluded.known_version"
        key, *columns = rows[0]
        when = dict.fromkeys(columns, is_newer) | dict.fromkeys(facts(events[0]), is_new)
        assign = ", ".join(
            f"{name} = case when {condition} then excluded.{name} else people.{name} end"
            for name, condition in when.items()
        )
        self.insert_rows(
            "people",
            [{**row, **facts(event)} for row, event in zip(rows, events, strict=True)],
            f"({key}) do update set {assign} where {is_newer} or {is_new}",
        )

    def note_recoveries(self, events: Sequence[AddressRecoveryBegun | AddressRecoverySettled]) -> None:
        """Any time. Somebody has lost the mailbox: another address waits, or what became of it."""
        self.history.note_recoveries(events)

    def note_holds(self, events: Sequence[RegistrationHeld | RegistrationReleased]) -> None:
        """Step 1. The person is held, with a reason, or no longer. The higher revision wins, whichever comes first."""
        now = self.now()
        self.insert_rows(
            "people",
            [
                {
                    "registration_id": hold.registration_id,
                    "cohort": hold.cohort,
                    "hold_revision": hold.revision,
                    "qualification": hold.qualification,
                    "person_id": hold.person_id,
                    "name": hold.name,
                    "held_reason": hold.reason,
                    "first_registration_id": hold.first_registration_id,
                    "held_at": None if hold.reason is None else now,
                    "held_characters": ", ".join(hold.characters) or None,
                }
                for hold in folding.holds(events)
            ],
            "(registration_id) do update set hold_revision = excluded.hold_revision,"
            " cohort = case when people.eligible_at is null then excluded.cohort else people.cohort end,"
            " qualification = coalesce(excluded.qualification, people.qualification),"
            " person_id = coalesce(excluded.person_id, people.person_id), name = coalesce(excluded.name, people.name),"
            " held_reason = excluded.held_reason, held_characters = excluded.held_characters,"
            " first_registration_id = excluded.first_registration_id,"
            " held_at = case when people.held_reason = excluded.held_reason then people.held_at"
            " else excluded.held_at end"
            " where excluded.hold_revision >= people.hold_revision",
        )
        self.history.note_holds(events)

    def note_cohort_holds(self, events: Sequence[CohortHoldChanged]) -> None:
        """Any time. A cohort is held from now on, those who come later included, or no more."""
        self.cohort_orders.note(events)

    def note_addresses(self, events: Sequence[AddressCorrected]) -> None:
        """Any time. Letters go to another address; which, ops doesn't know."""
        self.history.note_addresses(events)

    def note_rejected(self, events: Sequence[RegistrationRejected]) -> None:
        """Step 1. A row of a delivery could not be read."""
        now = self.now()
        self.insert_rows(
            "rejections",
            [
                {
                    "rejection_id": event.rejection_id,
                    "source": event.source,
                    "row_number": event.row,
                    "field": event.field,
                    "expected": event.expected,
                    "got": event.got,
                    "noted_at": now,
                }
                for event in events
            ],
        )

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """Step 3. Every version of a badge is kept; the person's badge is the newest."""
        newest = folding.newest_versions(events)
        self._note_people(
            newest,
            lambda event: {
                "assertion_id": event.assertion_id,
                "issued_at": event.issued_at,
                "issued_version": event.version,
            },
            "coalesce(people.issued_version, 0) < excluded.issued_version",
        )
        self.upsert_rows(
            "assertions",
            [
                {
                    "assertion_id": event.assertion_id,
                    "registration_id": event.award.registration_id,
                    "version": event.version,
                    "issued_at": event.issued_at,
                    "corrects": event.corrects,
                    "renews": event.replaces,
                }
                for event in events
            ],
            "assertion_id",
        )
        self.decisions.take_corrections([event.award.registration_id for event in newest])

    def note_refused(self, events: Sequence[IssuanceRefused]) -> None:
        """Step 3. The issuer refused a version: it stands until a later one is known. The highest refused counts."""
        self.history.note_refused(events)
        self.insert_rows(
            "people",
            [
                {
                    "registration_id": event.registration_id,
                    "cohort": event.cohort,
                    "refused_version": event.version,
                    "refused_field": event.field,
                    "refused_expected": event.expected,
                    "refused_got": event.got,
                    "refused_at": event.refused_at,
                }
                for event in folding.highest(events, lambda event: event.version)
            ],
            "(registration_id) do update set refused_version = excluded.refused_version,"
            " refused_field = excluded.refused_field, refused_expected = excluded.refused_expected,"
            " refused_got = excluded.refused_got, refused_at = excluded.refused_at"
            " where coalesce(people.refused_version, 0) < excluded.refused_version",
        )
        self.decisions.take_corrections([event.registration_id for event in events])

    def note_letters(self, events: Sequence[LetterUpdated]) -> None:
        """Steps 4 and 9. The latest state of each letter; an older one that comes later is ignored."""
        letters = [
            {
                "assertion_id": event.assertion_id,
                "letter": event.letter,
                "message_id": event.message_id,
                "state": event.state,
                "attempt": event.attempt,
                "at": event.at,
                "answer": event.answer,
                "domain": event.domain,
                "sent_at": sent_at,
            }
            for event, sent_at in folding.current_letters(events)
        ]
        self.insert_rows(
            "letters",
            sorted(letters, key=lambda row: str(row["letter"])),  # within an assertion: one order of locks
            f"{replace('assertion_id, letter', ['message_id', 'state', 'attempt', 'at', 'answer'])},"
            " domain = coalesce(excluded.domain, letters.domain),"
            " sent_at = case when excluded.state in ('bounced', 'suppressed') then null"
            " else coalesce(letters.sent_at, excluded.sent_at) end"
            f" where {PLACE.format('excluded')} >= {PLACE.format('letters')}",
        )

    def note_requested_letters(self, events: Sequence[RequestedLetterUpdated]) -> None:
        """Any time. The latest state of each letter that a service asked the mailer for."""
        self.letters.note_requested(events)

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 5. The holder has taken the badge."""
        self.upsert_rows(
            "assertions",
            [{"assertion_id": event.assertion_id, "received_at": event.received_at} for event in events],
            "assertion_id",
        )

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Steps 6 and 7. The batch's root is final. A batch is one root on one network."""
        self.upsert_rows(
            "assertions",
            [
                {
                    "assertion_id": event.assertion_id,
                    "anchored_at": event.anchored_at,
                    "merkle_root": event.merkle_root,
                    "network": event.network,
                }
                for event in events
            ],
            "assertion_id",
        )
        batches = {(event.merkle_root, event.network): event for event in events}
        self.insert_rows(
            "batches",
            [
                {
                    "merkle_root": event.merkle_root,
                    "network": event.network,
                    "chain_id": event.chain_id,
                    "contract": event.contract,
                    "transaction": event.transaction,
                    "block_number": event.block_number,
                    "anchored_at": event.anchored_at,
                }
                for _, event in sorted(batches.items())
            ],
            replace("merkle_root, network", ["transaction", "block_number", "anchored_at"]),
        )

    def note_statements(self, events: Sequence[StatementPublished]) -> None:
        """Any time. The public count was stated."""
        self.statements.note_published(events)

    def note_anchored_statements(self, events: Sequence[StatementAnchored]) -> None:
        """Any time. A statement of the count is anchored, and with it all before it."""
        self.statements.note_anchored(events)

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        """Step 8. Both PDFs are there."""
        self.upsert_rows(
            "assertions",
            [{"assertion_id": event.assertion_id, "rendered_at": event.rendered_at} for event in events],
            "assertion_id",
        )

    def note_failed(self, events: Sequence[RenderingFailed]) -> None:
        """Step 8. Why there are no PDFs, until there are. The highest revision counts."""
        self.insert_rows(
            "assertions",
            [
                {
                    "assertion_id": event.assertion_id,
                    "failure_revision": event.revision,
                    "failure_reason": event.reason,
                    "failure_field": event.field,
                    "failure_characters": ", ".join(event.characters) or None,
                    "failed_at": event.failed_at,
                }
                for event in folding.highest(events, lambda event: event.revision)
            ],
            "(assertion_id) do update set failure_revision = excluded.failure_revision,"
            " failure_reason = excluded.failure_reason, failure_field = excluded.failure_field,"
            " failure_characters = excluded.failure_characters, failed_at = excluded.failed_at"
            " where coalesce(assertions.failure_revision, 0) < excluded.failure_revision",
        )

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        """Any time. The badge is revoked, and by what it is replaced, if it is."""
        self.upsert_rows(
            "assertions",
            [
                {
                    "assertion_id": event.assertion_id,
                    "revoked_at": event.revoked_at,
                    "revoked_reason": event.reason,
                    "replaced_by": event.replaced_by,
                }
                for event in events
            ],
            "assertion_id",
        )

    def note_decided(self, events: Sequence[OfficeDecided]) -> None:
        """Any time. The audit trail, including decisions announced by other services."""
        self.decisions.note_decided(events)
        self.rejections.note_dismissed(events)

    def take_back_decided(self, events: Sequence[OfficeDecided]) -> None:
        """The orders that were given here after the backup: on record, not to be given twice, dead letters closed.

        Their outcomes are read again from the services that carried them out. Cannot be taken back, since nothing on
        any topic holds it: an order that was written down but not yet published when the database was lost (it was
        never carried out either: give it again).
        """
        self.decisions.take_back_decided(events)
        self.rejections.note_dismissed(events)
        self.dead_letters.close_decided([e.subject for e in events if e.decision in ("replay", "discard")])

    def note_accounts(self, events: Sequence[AccountChanged]) -> None:
        """Any time. Who may sign in has changed: on record. The accounts themselves are on no topic."""
        self.decisions.note_accounts(events)

    def take_back_rebuilds(self, events: Sequence[RebuildOrdered]) -> None:
        """The orders to rebuild that were given here after the backup."""
        self.decisions.note_rebuilds(events)

    def take_back_scrubs(self, events: Sequence[ScrubOrdered]) -> None:
        """The orders to compare tables and object storage that were given here after the backup."""
        self.decisions.note_scrubs(events)

    def note_scrubbed(self, events: Sequence[ObjectsScrubbed]) -> None:
        """Any time. What a service found in object storage."""
        self.scrubs.note(events)

    def note_settled(self, events: Sequence[DecisionSettled]) -> None:
        """Any time. The outcomes of orders, as the services that carry them out announce them."""
        self.decisions.note_settled(events)

    def note_paper(self, events: Sequence[PaperOrdered | PaperUpdated | PrintSheetRendered]) -> None:
        """Any time. Orders of paper, how far each item is, and the sheets that are drawn."""
        self.paper.note(events)

    def note_restores(self, events: Sequence[RestoreNoticed]) -> None:
        """Any time. A service found its database set back."""
        self.restores.note(events)


Store = Database[OpsTransaction]
