"""The schema `mailer`: holders as the events told, and the ledger of messages, a row for each letter to each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.mailer.delivery import Settled
from services.mailer.letters import Letter, Message
from shared.addresses import as_mailed
from shared.events import (
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
)
from shared.runtime.db import Database, Transaction


@dataclass(frozen=True)
class Pending:
    """A message whose bytes are written and that has not come to its end."""

    assertion_id: str
    letter: Letter
    email: str
    attempts: int
    message: bytes


@dataclass(frozen=True)
class Standing:
    """Where a message stands."""

    assertion_id: str
    letter: Letter
    state: str
    attempts: int
    has_bytes: bool


class MailerTransaction(Transaction):
    """Every `note_` locks its rows in the order of assertion_id, so two workers can't deadlock."""

    # ── what the events say ─────────────────────────────────────────────────────────────────────────────

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        self._write(
            "insert into holders (assertion_id, registration_id, email, family_name, given_name, qualification, kind,"
            " valid_from, valid_until, notify_from) select * from unnest(%s::text[], %s::text[], %s::text[],"
            " %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::date[], %s::timestamptz[])"
            " on conflict (assertion_id) do update set registration_id = excluded.registration_id,"
            " email = excluded.email, family_name = excluded.family_name, given_name = excluded.given_name,"
            " qualification = excluded.qualification, kind = excluded.kind, valid_from = excluded.valid_from,"
            " valid_until = excluded.valid_until, notify_from = excluded.notify_from",
            [
                (
                    e.assertion_id,
                    e.award.registration_id,
                    as_mailed(e.holder.email),
                    e.holder.family_name,
                    e.holder.given_name,
                    e.award.qualification,
                    e.award.kind,
                    e.award.valid_from,
                    e.award.valid_until,
                    e.notify_from,
                )
                for e in events
            ],
        )

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        self._note_moment("received_at", [(e.assertion_id, e.received_at) for e in events])

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        self._note_moment("rendered_at", [(e.assertion_id, e.rendered_at) for e in events])

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._note_moment("revoked_at", [(e.assertion_id, e.revoked_at) for e in events])

    def _note_moment(self, column: str, rows: Sequence[tuple[str, datetime]]) -> None:
        self._write(
            f"insert into holders (assertion_id, {column}) select * from unnest(%s::text[], %s::timestamptz[])"
            f" on conflict (assertion_id) do update set {column} = excluded.{column}",
            rows,
        )

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────

    def owe(self, letter: Letter, assertion_ids: Sequence[str], now: datetime) -> int:
        """Open the row of `letter` for those of the assertions that have come so far; returns how many were opened.

        Letter 1: the holder is known. Letter 2: and the PDFs are there. Doing it again opens nothing.
        """
        ready = {"award": "true", "completion": "rendered_at is not null"}[letter]
        return self.cursor.execute(
            "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
            " select assertion_id, %s, 'waiting', greatest(notify_from, %s), %s from holders"
            f" where assertion_id = any(%s::text[]) and email is not null and {ready}"
            " order by assertion_id on conflict do nothing",
            (letter, now, now, list(assertion_ids)),
        ).rowcount

    def suppress_revoked(self, assertion_ids: Sequence[str], now: datetime) -> list[Standing]:
        """End those messages of revoked ones among the assertions that have not been sent; returns them."""
        rows = self.cursor.execute(
            "update messages set state = 'suppressed', reason = 'revoked', next_try_at = null, settled_at = %s"
            " from holders where holders.assertion_id = messages.assertion_id and revoked_at is not null"
            " and messages.assertion_id = any(%s::text[]) and state in ('waiting', 'queued', 'deferred')"
            " returning messages.assertion_id, letter, state, attempts, message is not null",
            (now, list(assertion_ids)),
        )
        return [Standing(*row) for row in rows]

    def standing(self, assertion_id: str, letter: str) -> Standing | None:
        """Where a message stands; nobody else moves it until this transaction ends."""
        row = self.cursor.execute(
            "select assertion_id, letter, state, attempts, message is not null from messages"
            " where assertion_id = %s and letter = %s for update",
            (assertion_id, letter),
        ).fetchone()
        return Standing(*row) if row else None

    def queue_again(self, standing: Standing, now: datetime) -> None:
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, settled_at = null"
            " where assertion_id = %s and letter = %s",
            (now, now, standing.assertion_id, standing.letter),
        )

    def due(self, now: datetime, limit: int) -> list[Message]:
        """Messages whose time has come and whose bytes are not written yet, the oldest first, ours until the end."""
        rows = self.cursor.execute(
            "select letter, assertion_id, email, family_name, given_name, qualification, kind, valid_from, valid_until"
            " from messages join holders using (assertion_id) where state = 'waiting' and next_try_at <= %s"
            " order by next_try_at limit %s for update of messages skip locked",
            (now, limit),
        )
        return [Message(*row) for row in rows]

    def queue(self, written: Sequence[tuple[Message, bytes]], now: datetime) -> None:
        """Keep the bytes: from now on this letter is these bytes, however often they are sent."""
        self._write(
            "update messages set state = 'queued', message = w.bytes, queued_at = %s, next_try_at = %s"
            " from unnest(%s::text[], %s::text[], %b::bytea[]) as w (id, letter, bytes)"
            " where messages.assertion_id = w.id and messages.letter = w.letter",
            [(message.assertion_id, message.letter, content) for message, content in written],
            now,
            now,
        )

    def give_up(self, message: Message, error: str, now: datetime) -> None:
        """The letter can't be written: it ends here, and the office sees why."""
        self.cursor.execute(
            "update messages set state = 'suppressed', reason = 'unwritable', last_error = %s, next_try_at = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (error, now, message.assertion_id, message.letter),
        )

    def to_send(self, now: datetime, limit: int) -> list[Pending]:
        """Messages to hand to the mail server now, the oldest first. Other replicas skip them until the end."""
        rows = self.cursor.execute(
            "select assertion_id, letter, email, attempts, message from messages join holders using (assertion_id)"
            " where state in ('queued', 'deferred') and next_try_at <= %s"
            " order by next_try_at limit %s for update of messages skip locked",
            (now, limit),
        )
        return [Pending(*row) for row in rows]

    def settle(self, pending: Pending, settled: Settled, now: datetime) -> None:
        """Write down what the mail server answered."""
        self.cursor.execute(
            "update messages set state = %s, attempts = %s, next_try_at = %s, answer = %s, last_error = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (
                settled.state,
                settled.attempts,
                settled.next_try_at,
                settled.answer,
                now,
                pending.assertion_id,
                pending.letter,
            ),
        )

    def put_off(self, pending: Pending, next_try_at: datetime, error: str) -> None:
        """No answer: the message stays as it is; a letter that always breaks the line must not hold up the others."""
        self.cursor.execute(
            "update messages set attempts = attempts + 1, next_try_at = %s, last_error = %s"
            " where assertion_id = %s and letter = %s",
            (next_try_at, error, pending.assertion_id, pending.letter),
        )

    def _write(self, query: str, rows: Sequence[tuple[Any, ...]], *before: Any) -> None:
        """`rows` as one array a column, ordered by key, after the values of `before`."""
        if rows:
            columns = [list(column) for column in zip(*sorted(rows, key=lambda row: row[:2]), strict=True)]
            self.cursor.execute(query, (*before, *columns))


Store = Database[MailerTransaction]
