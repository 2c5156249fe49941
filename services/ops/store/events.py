"""The schema `ops`: what came by event, one upsert a table and batch, and what the board reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from services.ops.board.folding import DeadLetter, Hold
from services.ops.store.board import DEAD_LETTER_COLUMNS, KeptDeadLetter
from services.ops.store.decisions import Deciding
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    LetterUpdated,
    RegistrationRejected,
    RegistrationRenewed,
)
from shared.runtime.db import Database


class OpsTransaction(Deciding):
    """Every `note_` takes at most one row per key (noting.py folds a batch), and doing it again changes nothing."""

    # ── what the events say ─────────────────────────────────────────────────────────────────────────────

    def note_renewed(self, events: Sequence[RegistrationRenewed], now: datetime) -> None:
        """The people are eligible since they were first heard of as such."""
        self._note_people(events)
        self._write(
            "update people set eligible_at = %s from unnest(%s::text[]) as new (registration_id)"
            " where people.registration_id = new.registration_id and eligible_at is null",
            [(event.key,) for event in events],
            now,
        )

    def _note_people(self, events: Sequence[RegistrationRenewed | AssertionIssued]) -> None:
        """Who they are and what is awarded, as the newest version says; an older one that comes later says nothing."""
        self._write(
            "insert into people (registration_id, cohort, qualification, pass_number, registration_number, valid_from,"
            " valid_until, person_id, name, family_name, given_name, family_name_latin, given_name_latin,"
            " known_version)"
            " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::date[],"
            " %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[])"
            " on conflict (registration_id) do update set cohort = excluded.cohort,"
            " qualification = excluded.qualification, pass_number = excluded.pass_number,"
            " registration_number = excluded.registration_number, valid_from = excluded.valid_from,"
            " valid_until = excluded.valid_until, person_id = excluded.person_id, name = excluded.name,"
            " family_name = excluded.family_name, given_name = excluded.given_name,"
            " family_name_latin = excluded.family_name_latin, given_name_latin = excluded.given_name_latin,"
            " known_version = excluded.known_version where people.known_version <= excluded.known_version",
            [
                (
                    event.award.registration_id,
                    event.award.cohort,
                    event.award.qualification,
                    event.award.pass_number,
                    event.award.registration_number,
                    event.award.valid_from,
                    event.award.valid_until,
                    event.holder.person_id,
                    event.holder.family_first,
                    event.holder.family_name,
                    event.holder.given_name,
                    event.holder.family_name_latin,
                    event.holder.given_name_latin,
                    event.version,
                )
                for event in sorted(events, key=lambda event: event.award.registration_id)
            ],
        )

    def note_holds(self, holds: Sequence[Hold], now: datetime) -> None:
        """The higher revision wins, whichever comes first."""
        self._write(
            "insert into people (registration_id, cohort, hold_revision, qualification, person_id, name, held_reason,"
            " first_registration_id, held_at) select h.*, case when h.reason is not null then %s::timestamptz end"
            " from unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::text[],"
            " %s::text[]) as h (id, cohort, revision, qualification, person_id, name, reason, first_id)"
            " on conflict (registration_id) do update set hold_revision = excluded.hold_revision,"
            " qualification = coalesce(excluded.qualification, people.qualification),"
            " person_id = coalesce(excluded.person_id, people.person_id), name = coalesce(excluded.name, people.name),"
            " held_reason = excluded.held_reason, first_registration_id = excluded.first_registration_id,"
            " held_at = case when people.held_reason = excluded.held_reason then people.held_at"
            " else excluded.held_at end"
            " where excluded.hold_revision >= people.hold_revision",
            [astuple(hold) for hold in _ordered(holds)],
            now,
        )

    def note_issued(self, events: Sequence[AssertionIssued], newest: Sequence[AssertionIssued]) -> None:
        """Every version is kept; of one registration the `newest` counts, which are one for each."""
        self._note_people(newest)
        self._write(
            "update people set assertion_id = new.assertion_id, issued_at = new.issued_at, issued_version = new.version"
            " from unnest(%s::text[], %s::text[], %s::timestamptz[], %s::integer[])"
            " as new (registration_id, assertion_id, issued_at, version)"
            " where people.registration_id = new.registration_id and coalesce(people.issued_version, 0) < new.version",
            [(e.award.registration_id, e.assertion_id, e.issued_at, e.version) for e in newest],
        )
        self._write(
            "insert into assertions (assertion_id, registration_id, version, issued_at, corrects, renews)"
            " select * from unnest(%s::text[], %s::text[], %s::integer[], %s::timestamptz[], %s::text[], %s::text[])"
            " on conflict (assertion_id) do update set registration_id = excluded.registration_id,"
            " version = excluded.version, issued_at = excluded.issued_at, corrects = excluded.corrects,"
            " renews = excluded.renews",
            [
                (e.assertion_id, e.award.registration_id, e.version, e.issued_at, e.corrects, e.replaces)
                for e in _by_assertion(events)
            ],
        )

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        self._write(
            "insert into assertions (assertion_id, received_at) select * from unnest(%s::text[], %s::timestamptz[])"
            " on conflict (assertion_id) do update set received_at = excluded.received_at",
            [(event.assertion_id, event.received_at) for event in _by_assertion(events)],
        )

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """The anchors name their batch; a batch is one root on one network."""
        self._write(
            "insert into assertions (assertion_id, anchored_at, merkle_root, network)"
            " select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])"
            " on conflict (assertion_id) do update set anchored_at = excluded.anchored_at,"
            " merkle_root = excluded.merkle_root, network = excluded.network",
            [(e.assertion_id, e.anchored_at, e.merkle_root, e.network) for e in _by_assertion(events)],
        )
        batches = {(event.merkle_root, event.network): event for event in events}
        self._write(
            "insert into batches (merkle_root, network, chain_id, contract, transaction, block_number, anchored_at)"
            " select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[],"
            " %s::timestamptz[]) on conflict (merkle_root, network) do update set transaction = excluded.transaction,"
            " block_number = excluded.block_number, anchored_at = excluded.anchored_at",
            [
                (
                    *key,
                    e.chain_id,
                    e.contract,
                    e.transaction,
                    e.block_number,
                    e.anchored_at,
                )
                for key, e in sorted(batches.items())
            ],
        )

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        self._write(
            "insert into assertions (assertion_id, rendered_at) select * from unnest(%s::text[], %s::timestamptz[])"
            " on conflict (assertion_id) do update set rendered_at = excluded.rendered_at",
            [(event.assertion_id, event.rendered_at) for event in _by_assertion(events)],
        )

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._write(
            "insert into assertions (assertion_id, revoked_at, revoked_reason, replaced_by)"
            " select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])"
            " on conflict (assertion_id) do update set revoked_at = excluded.revoked_at,"
            " revoked_reason = excluded.revoked_reason, replaced_by = excluded.replaced_by",
            [(e.assertion_id, e.revoked_at, e.reason, e.replaced_by) for e in _by_assertion(events)],
        )

    def note_letters(self, letters: Sequence[tuple[LetterUpdated, datetime | None]]) -> None:
        """An older state than the one that stands changes nothing."""
        self._write(
            "insert into letters (assertion_id, letter, message_id, state, attempt, at, answer, sent_at)"
            " select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], %s::timestamptz[],"
            " %s::text[], %s::timestamptz[])"
            " on conflict (assertion_id, letter) do update set message_id = excluded.message_id,"
            " state = excluded.state, attempt = excluded.attempt, at = excluded.at, answer = excluded.answer,"
            " sent_at = case when excluded.state in ('bounced', 'suppressed') then null"
            " else coalesce(letters.sent_at, excluded.sent_at) end where excluded.at >= letters.at",
            [
                (
                    e.assertion_id,
                    e.letter,
                    e.message_id,
                    e.state,
                    e.attempt,
                    e.at,
                    e.answer,
                    sent_at,
                )
                for e, sent_at in sorted(letters, key=lambda pair: (pair[0].assertion_id, pair[0].letter))
            ],
        )

    def note_rejected(self, events: Sequence[RegistrationRejected], now: datetime) -> None:
        self._write(
            "insert into rejections (rejection_id, source, row_number, field, expected, got, noted_at)"
            " select *, %s from unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::text[])"
            " on conflict do nothing",
            [(e.rejection_id, e.source, e.row, e.field, e.expected, e.got) for e in events],
            now,
        )

    def note_dead(self, letters: Sequence[DeadLetter]) -> None:
        """A dead letter that came before stays as the office left it."""
        self._write(
            'insert into dead_letters (dead_letter_id, topic, partition, "offset", key, value, consumer, cause,'
            " died_at)"
            " select * from unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[], %b::bytea[], %b::bytea[],"
            " %s::text[], %s::text[], %s::timestamptz[]) on conflict do nothing",
            [astuple(letter) for letter in sorted(letters, key=lambda letter: letter.dead_letter_id)],
        )

    # ── what the office does ────────────────────────────────────────────────────────────────────────────

    def lock_dead_letter(self, dead_letter_id: str) -> KeptDeadLetter | None:
        """The dead letter, nobody else's to decide until this transaction ends."""
        rows = self._read(
            f"select {DEAD_LETTER_COLUMNS} from dead_letters where dead_letter_id = %s for update",
            dead_letter_id,
        )
        return KeptDeadLetter(*rows[0]) if rows else None

    def close_dead_letters(self, letter: KeptDeadLetter, state: str, by: str, why: str, now: datetime) -> int:
        """Close `letter` and what other consumers said of the same message; returns how many were open.

        The bytes go: they may be a person's record, and nothing needs them any more.
        """
        return self.cursor.execute(
            "update dead_letters set key = null, value = null,"
            " state = %s, decided_by = %s, decided_why = %s, decided_at = %s"
            " where state = 'open' and (dead_letter_id = %s or (topic, partition, \"offset\") = (%s, %s, %s))",
            (
                state,
                by,
                why,
                now,
                letter.dead_letter_id,
                letter.topic,
                letter.partition,
                letter.offset,
            ),
        ).rowcount


Store = Database[OpsTransaction]


def _ordered(holds: Sequence[Hold]) -> list[Hold]:
    return sorted(holds, key=lambda hold: hold.registration_id)


def _by_assertion(events: Sequence[Any]) -> list[Any]:
    """Rows are locked in the same order by every worker, so two of them can't deadlock."""
    return sorted(events, key=lambda event: event.assertion_id)
