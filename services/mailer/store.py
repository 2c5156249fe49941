"""The schema `mailer`: holders as the events told, and the ledger of messages, a row for each letter to each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.mailer.domain.correction import CorrectedBadge, CorrectionLetter
from services.mailer.domain.delivery import AttemptResult
from services.mailer.domain.letters import Letter, Message
from shared.addresses import as_mailed
from shared.events import (
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
)
from shared.runtime.db import Database, Transaction


@dataclass(frozen=True)
class OutgoingMessage:
    """A message whose bytes are written and that has not come to its end."""

    assertion_id: str
    letter: Letter
    email: str
    attempts: int
    message: bytes


@dataclass(frozen=True)
class MessageStatus:
    """Where a message stands."""

    assertion_id: str
    letter: Letter
    state: str
    attempts: int
    has_bytes: bool
    void: str | None  # why nothing may leave about its badge: "revoked", "corrected"


# Corrected is said of a badge that a newer version replaces, revoked of any other that no longer counts.
_VOID = "case when corrected_by is not null then 'corrected' when revoked_at is not null then 'revoked' end"


class MailerTransaction(Transaction):
    """Every `note_` locks its rows in the order of assertion_id, so two workers can't deadlock."""

    # ── what the events say ─────────────────────────────────────────────────────────────────────────────

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """The holders; and of the badges that these correct, that they are corrected, known or not."""
        facts = {e.assertion_id: _facts(e) for e in events}
        corrected_by = {e.corrects: e.assertion_id for e in events if e.corrects is not None}
        self._write(
            "insert into holders as known (assertion_id, registration_id, version, corrects, email, family_name,"
            " given_name, qualification, kind, valid_from, valid_until, notify_from, corrected_by)"
            " select * from unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::text[],"
            " %s::text[], %s::text[], %s::text[], %s::date[], %s::date[], %s::timestamptz[], %s::text[])"
            " on conflict (assertion_id) do update set"
            " registration_id = coalesce(excluded.registration_id, known.registration_id),"
            " version = coalesce(excluded.version, known.version),"
            " corrects = coalesce(excluded.corrects, known.corrects),"
            " email = coalesce(excluded.email, known.email),"
            " family_name = coalesce(excluded.family_name, known.family_name),"
            " given_name = coalesce(excluded.given_name, known.given_name),"
            " qualification = coalesce(excluded.qualification, known.qualification),"
            " kind = coalesce(excluded.kind, known.kind),"
            " valid_from = coalesce(excluded.valid_from, known.valid_from),"
            " valid_until = coalesce(excluded.valid_until, known.valid_until),"
            " notify_from = coalesce(excluded.notify_from, known.notify_from),"
            " corrected_by = coalesce(excluded.corrected_by, known.corrected_by)",
            [
                (assertion_id, *facts.get(assertion_id, _NOTHING), corrected_by.get(assertion_id))
                for assertion_id in {**facts, **corrected_by}
            ],
        )

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        self._note_moment("received_at", [(e.assertion_id, e.received_at) for e in events])

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        self._note_moment("rendered_at", [(e.assertion_id, e.rendered_at) for e in events])

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._write(
            "insert into holders as known (assertion_id, revoked_at, corrected_by)"
            " select * from unnest(%s::text[], %s::timestamptz[], %s::text[])"
            " on conflict (assertion_id) do update set revoked_at = excluded.revoked_at,"
            " corrected_by = coalesce(excluded.corrected_by, known.corrected_by)",
            [(e.assertion_id, e.revoked_at, e.replaced_by) for e in events],
        )

    def _note_moment(self, column: str, rows: Sequence[tuple[str, datetime]]) -> None:
        self._write(
            f"insert into holders (assertion_id, {column}) select * from unnest(%s::text[], %s::timestamptz[])"
            f" on conflict (assertion_id) do update set {column} = excluded.{column}",
            rows,
        )

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────

    def owe(self, letter: Letter, assertion_ids: Sequence[str], now: datetime, patience: timedelta) -> int:
        """Open the row of `letter` for those of the assertions that have come so far; returns how many were opened.

        Letter 1: the holder is known; that of a correction waits `patience` longer and is then decided upon. Letter 2:
        and the PDFs are there. The letter about a correction takes the place of both. Doing it again opens nothing.
        """
        ready = {
            "award": "told_by is distinct from 'correction'",
            "completion": "rendered_at is not null and (corrects is null or told_by = 'award')",
            "correction": "rendered_at is not null and told_by = 'correction'",
        }[letter]
        return self.cursor.execute(
            "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
            " select assertion_id, %(letter)s, 'waiting', greatest(notify_from, %(now)s)"
            "  + case when corrects is not null and told_by is null then %(patience)s else interval '0' end, %(now)s"
            f" from holders where assertion_id = any(%(ids)s::text[]) and email is not null and {ready}"
            " order by assertion_id on conflict do nothing",
            {"letter": letter, "now": now, "patience": patience, "ids": list(assertion_ids)},
        ).rowcount

    def undecided_corrections(self, now: datetime, limit: int) -> list[CorrectedBadge]:
        """Badges that correct others, whose award letter could go now; nobody else learns of them until the end."""
        rows = self.cursor.execute(
            "select assertion_id, email, received_at is not null, array(select earlier.email from holders as earlier"
            "  where earlier.registration_id = holders.registration_id and earlier.version < holders.version"
            "  and earlier.received_at is not null)"
            " from messages join holders using (assertion_id) where state = 'waiting' and letter = 'award'"
            " and next_try_at <= %s and corrects is not null and told_by is null"
            " order by next_try_at limit %s for update of messages, holders skip locked",
            (now, limit),
        )
        return [CorrectedBadge(*row) for row in rows]

    def decide(self, letter: CorrectionLetter, assertion_ids: Sequence[str]) -> None:
        """`letter` tells of these corrections. Where that isn't the award letter, nothing remains of that one."""
        self.cursor.execute(
            "update holders set told_by = %s where assertion_id = any(%s::text[])", (letter, list(assertion_ids))
        )
        if letter != "award":
            self.cursor.execute(
                "delete from messages where assertion_id = any(%s::text[]) and letter = 'award'", (list(assertion_ids),)
            )

    def suppress_unsent(self, assertion_ids: Sequence[str], now: datetime) -> list[MessageStatus]:
        """End those messages that have not been sent, of revoked or corrected ones among the assertions."""
        rows = self.cursor.execute(
            f"update messages set state = 'suppressed', reason = {_VOID}, next_try_at = null, settled_at = %s"
            f" from holders where holders.assertion_id = messages.assertion_id and {_VOID} is not null"
            " and messages.assertion_id = any(%s::text[]) and state in ('waiting', 'queued', 'deferred')"
            f" returning messages.assertion_id, letter, state, attempts, message is not null, {_VOID}",
            (now, list(assertion_ids)),
        )
        return [MessageStatus(*row) for row in rows]

    def standing(self, assertion_id: str, letter: str) -> MessageStatus | None:
        """Where a message stands; nobody else moves it until this transaction ends."""
        # The holder first, as everybody who notes an event: a revocation comes before this look or waits for its end.
        self.cursor.execute("select from holders where assertion_id = %s for update", (assertion_id,))
        row = self.cursor.execute(
            f"select assertion_id, letter, state, attempts, message is not null, {_VOID}"
            " from messages join holders using (assertion_id)"
            " where assertion_id = %s and letter = %s for update of messages",
            (assertion_id, letter),
        ).fetchone()
        return MessageStatus(*row) if row else None

    def requeue(self, standing: MessageStatus, now: datetime) -> None:
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, settled_at = null"
            " where assertion_id = %s and letter = %s",
            (now, now, standing.assertion_id, standing.letter),
        )

    def due(self, now: datetime, limit: int) -> list[Message]:
        """Messages whose time has come and whose bytes are not written yet, the oldest first, ours until the end."""
        rows = self.cursor.execute(
            "select letter, assertion_id, email, family_name, given_name, qualification, kind, valid_from, valid_until,"
            " corrects is not null from messages join holders using (assertion_id)"
            " where state = 'waiting' and next_try_at <= %s and (corrects is null or told_by is not null)"
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

    def suppress_unwritable(self, message: Message, error: str, now: datetime) -> None:
        """The letter can't be written: it ends here, and the office sees why."""
        self.cursor.execute(
            "update messages set state = 'suppressed', reason = 'unwritable', last_error = %s, next_try_at = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (error, now, message.assertion_id, message.letter),
        )

    def to_send(self, now: datetime, limit: int) -> list[OutgoingMessage]:
        """Messages to hand to the mail server now, the oldest first. Other replicas skip them until the end."""
        rows = self.cursor.execute(
            "select assertion_id, letter, email, attempts, message from messages join holders using (assertion_id)"
            " where state in ('queued', 'deferred') and next_try_at <= %s"
            " order by next_try_at limit %s for update of messages skip locked",
            (now, limit),
        )
        return [OutgoingMessage(*row) for row in rows]

    def settle(self, pending: OutgoingMessage, settled: AttemptResult, now: datetime) -> None:
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

    def postpone(self, pending: OutgoingMessage, next_try_at: datetime, error: str) -> None:
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

_NOTHING = (None,) * 11


def _facts(event: AssertionIssued) -> tuple[Any, ...]:
    return (
        event.award.registration_id,
        event.version,
        event.corrects,
        as_mailed(event.holder.email),
        event.holder.family_name,
        event.holder.given_name,
        event.award.qualification,
        event.award.kind,
        event.award.valid_from,
        event.award.valid_until,
        event.notify_from,
    )
