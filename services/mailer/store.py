"""The schema `mailer`: the holders, as the events describe them, and the ledger of messages, one row a letter."""

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
    """A message whose bytes are written and that is not sent, bounced or suppressed yet."""

    assertion_id: str
    letter: Letter
    email: str
    attempts: int
    message: bytes


@dataclass(frozen=True)
class MessageStatus:
    """The state of a message in the ledger."""

    assertion_id: str
    letter: Letter
    state: str
    attempts: int
    has_bytes: bool
    void: str | None  # why no letter about its badge may leave: "revoked", "corrected"


# Corrected: a newer version replaces the badge. Revoked: it is invalid for any other reason.
_VOID = "case when corrected_by is not null then 'corrected' when revoked_at is not null then 'revoked' end"
_STATUS = f"messages.assertion_id, letter, state, attempts, message is not null as has_bytes, {_VOID} as void"


class MailerTransaction(Transaction):
    """One transaction on holders and messages.

    Each `note_` locks its rows in the order of assertion_id, so two workers can't deadlock.
    """

    # ── events ──────────────────────────────────────────────────────────────────────────────────────────

    def note_issued(self, events: Sequence[AssertionIssued]) -> None:
        """The holders; and of the badges that these correct, that they are corrected, whether known already or not."""
        holders = {event.assertion_id: _holder(event) for event in events}
        corrected_by = {event.corrects: event.assertion_id for event in events if event.corrects is not None}
        unknown: dict[str, Any] = {name: None for holder in holders.values() for name in holder}
        self._merge_holders(
            [
                {"assertion_id": id, **holders.get(id, unknown), "corrected_by": corrected_by.get(id)}
                for id in {**holders, **corrected_by}
            ]
        )

    def note_received(self, events: Sequence[BadgeReceived]) -> None:
        """Step 5. The holder has received the badge. It matters for corrections only: `domain/correction.py`."""
        self._merge_holders([{"assertion_id": e.assertion_id, "received_at": e.received_at} for e in events])

    def note_rendered(self, events: Sequence[CertificateRendered]) -> None:
        """Step 8. The PDFs are in object storage."""
        self._merge_holders([{"assertion_id": e.assertion_id, "rendered_at": e.rendered_at} for e in events])

    def note_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        self._merge_holders(
            [
                {"assertion_id": e.assertion_id, "revoked_at": e.revoked_at, "corrected_by": e.replaced_by}
                for e in events
            ]
        )

    def _merge_holders(self, rows: Sequence[dict[str, Any]]) -> None:
        """Insert `rows`; those of a known assertion replace what is known, except by null."""
        if rows:
            merged = ", ".join(f"{name} = coalesce(excluded.{name}, holders.{name})" for name in rows[0])
            self.insert_rows("holders", rows, f"(assertion_id) do update set {merged}")

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────

    def open_messages(self, letter: Letter, assertion_ids: Sequence[str], now: datetime, wait: timedelta) -> int:
        """Open the row of `letter` for those of the assertions that are ready for it; returns how many were opened.

        Letter 1: the holder is known; that of a correction waits `wait` longer, until it is decided which letter tells
        of it. Letter 2: and the PDFs are there. The letter about a correction takes the place of both. Idempotent.
        """
        ready = {
            "award": "told_by is distinct from 'correction'",
            "completion": "rendered_at is not null and (corrects is null or told_by = 'award')",
            "correction": "rendered_at is not null and told_by = 'correction'",
        }[letter]
        return self.cursor.execute(
            "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
            " select assertion_id, %(letter)s, 'waiting', greatest(notify_from, %(now)s)"
            "  + case when corrects is not null and told_by is null then %(wait)s else interval '0' end, %(now)s"
            f" from holders where assertion_id = any(%(ids)s::text[]) and email is not null and {ready}"
            " order by assertion_id on conflict do nothing",
            {"letter": letter, "now": now, "wait": wait, "ids": list(assertion_ids)},
        ).rowcount

    def undecided_corrections(self, now: datetime, limit: int) -> list[CorrectedBadge]:
        """Badges that correct others and whose award letter is due. Locked until the end of this transaction."""
        return self.fetch_all(
            CorrectedBadge,
            "select assertion_id, email, received_at is not null as is_received,"
            " array(select earlier.email from holders as earlier"
            "  where earlier.registration_id = holders.registration_id and earlier.version < holders.version"
            "  and earlier.received_at is not null) as received_at_addresses"
            " from messages join holders using (assertion_id) where state = 'waiting' and letter = 'award'"
            " and next_try_at <= %s and corrects is not null and told_by is null"
            " order by next_try_at limit %s for update of messages, holders skip locked",
            (now, limit),
        )

    def set_correction_letter(self, letter: CorrectionLetter, assertion_ids: Sequence[str]) -> None:
        """`letter` tells of these corrections. If it is not the award letter, the waiting award letter is removed."""
        self.cursor.execute(
            "update holders set told_by = %s where assertion_id = any(%s::text[])", (letter, list(assertion_ids))
        )
        if letter != "award":
            self.cursor.execute(
                "delete from messages where assertion_id = any(%s::text[]) and letter = 'award'", (list(assertion_ids),)
            )

    def suppress_unsent(self, assertion_ids: Sequence[str], now: datetime) -> list[MessageStatus]:
        """Suppress the unsent messages of the revoked or corrected ones among the assertions; returns them."""
        return self.fetch_all(
            MessageStatus,
            f"update messages set state = 'suppressed', reason = {_VOID}, next_try_at = null, settled_at = %s"
            f" from holders where holders.assertion_id = messages.assertion_id and {_VOID} is not null"
            " and messages.assertion_id = any(%s::text[]) and state in ('waiting', 'queued', 'deferred')"
            f" returning {_STATUS}",
            (now, list(assertion_ids)),
        )

    def status(self, assertion_id: str, letter: str) -> MessageStatus | None:
        """The state of a message; None without one. It is locked until the end of this transaction."""
        # The holder's row first, as every `note_` does: a revocation is either seen here or waits for our end.
        self.cursor.execute("select from holders where assertion_id = %s for update", (assertion_id,))
        return self.fetch_one(
            MessageStatus,
            f"select {_STATUS} from messages join holders using (assertion_id)"
            " where messages.assertion_id = %s and letter = %s for update of messages",
            (assertion_id, letter),
        )

    def requeue(self, status: MessageStatus, now: datetime) -> None:
        """Send the stored bytes once more."""
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, settled_at = null"
            " where assertion_id = %s and letter = %s",
            (now, now, status.assertion_id, status.letter),
        )

    def due(self, now: datetime, limit: int) -> list[Message]:
        """Messages that are due and not written yet, oldest first. Locked until the end of this transaction."""
        return self.fetch_all(
            Message,
            "select letter, assertion_id, email, family_name, given_name, qualification, kind, valid_from, valid_until,"
            " corrects is not null as corrects from messages join holders using (assertion_id)"
            " where state = 'waiting' and next_try_at <= %s and (corrects is null or told_by is not null)"
            " order by next_try_at limit %s for update of messages skip locked",
            (now, limit),
        )

    def queue(self, written: Sequence[tuple[Message, bytes]], now: datetime) -> None:
        """Store the bytes: from now on the letter is these bytes, however often they are sent."""
        self.update_rows(
            "messages",
            [
                {
                    "assertion_id": message.assertion_id,
                    "letter": message.letter,
                    "state": "queued",
                    "message": content,
                    "queued_at": now,
                    "next_try_at": now,
                }
                for message, content in written
            ],
            "assertion_id",
            where="messages.letter = new.letter",
        )

    def suppress_unwritable(self, message: Message, error: str, now: datetime) -> None:
        """The letter can't be written: it ends here, with the error for the office."""
        self.cursor.execute(
            "update messages set state = 'suppressed', reason = 'unwritable', last_error = %s, next_try_at = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (error, now, message.assertion_id, message.letter),
        )

    def to_send(self, now: datetime, limit: int) -> list[OutgoingMessage]:
        """Messages to hand to the mail server now, oldest first. Other replicas skip them until our end."""
        return self.fetch_all(
            OutgoingMessage,
            "select assertion_id, letter, email, attempts, message from messages join holders using (assertion_id)"
            " where state in ('queued', 'deferred') and next_try_at <= %s"
            " order by next_try_at limit %s for update of messages skip locked",
            (now, limit),
        )

    def save_attempt(self, message: OutgoingMessage, result: AttemptResult, now: datetime) -> None:
        """Write down what the mail server answered."""
        self.cursor.execute(
            "update messages set state = %s, attempts = %s, next_try_at = %s, answer = %s, last_error = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (
                result.state,
                result.attempts,
                result.next_try_at,
                result.answer,
                now,
                message.assertion_id,
                message.letter,
            ),
        )

    def postpone(self, message: OutgoingMessage, next_try_at: datetime, error: str) -> None:
        """No answer: the state stays. A letter that always breaks the connection must not block the others."""
        self.cursor.execute(
            "update messages set attempts = attempts + 1, next_try_at = %s, last_error = %s"
            " where assertion_id = %s and letter = %s",
            (next_try_at, error, message.assertion_id, message.letter),
        )


Store = Database[MailerTransaction]


def _holder(event: AssertionIssued) -> dict[str, Any]:
    return {
        "registration_id": event.award.registration_id,
        "version": event.version,
        "corrects": event.corrects,
        "email": as_mailed(event.holder.email),
        "family_name": event.holder.family_name,
        "given_name": event.holder.given_name,
        "qualification": event.award.qualification,
        "kind": event.award.kind,
        "valid_from": event.award.valid_from,
        "valid_until": event.award.valid_until,
        "notify_from": event.notify_from,
    }
