"""The schema `mailer`: the ledger of messages, one row a letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from services.mailer.domain.correction import CorrectedBadge, CorrectionLetter
from services.mailer.domain.delivery import MOST_SECONDS, AttemptResult
from services.mailer.domain.ledger import LedgerEntry, ledger_entry
from services.mailer.domain.letters import Letter, Message
from services.mailer.store.holders import HolderTransaction
from shared.events import LetterUpdated
from shared.office_events import DecisionSettled
from shared.retry import SKEW, due_at, is_due_sql
from shared.runtime.db import Database, replace


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
    void: str | None  # why no letter about its badge may leave: "revoked", "corrected"


# Corrected: a newer version replaces the badge. Revoked: it is invalid for any other reason, as one letter says.
_VOID = (
    "case when corrected_by is not null then 'corrected'"
    " when revoked_at is not null and messages.letter <> 'revocation' then 'revoked' end"
)
_STATUS = f"messages.assertion_id, letter, state, attempts, {_VOID} as void"
_TOLD = "from messages as told where told.letter in ('award', 'correction') and told.state = 'sent'"
# The letter speaks of a correction only to a holder who was told of the badge that was wrong.
_MESSAGE = (
    "letter, assertion_id, email, family_name, given_name, qualification, kind, valid_from, valid_until,"
    f" corrects is not null and (exists (select {_TOLD} and told.assertion_id = holders.corrects)"
    f"  or exists (select {_TOLD} and told.assertion_id = any(array(select earlier.assertion_id from holders as earlier"
    "   where earlier.registration_id = holders.registration_id and earlier.version < holders.version))))"
    " as corrects, revoked_reason as reason, address_revision"
)
# When a letter is due. A badge that was issued in the future has its notice from a clock that was ahead, or ours is
# behind: its letter waits for as long after now as the notice was to come after the issue.
_NOTICE = (
    "case when issued_at > %(ahead)s then %(now)s + greatest(notify_from - issued_at, interval '0')"
    " else greatest(notify_from, %(now)s) end"
)
_WAITED = "(next_try_at <= %(now)s and (notify_from <= %(now)s or issued_at > %(ahead)s))"
_LEASE = "interval '30 seconds'"
"""For how long a message on its way is left alone by other processes. Renewed until its answer is written down."""
_ON_ITS_WAY = (  # by the clock of the database: those of the mailers may differ
    f"(sending_until > clock_timestamp() and sending_until <= clock_timestamp() + {_LEASE})"
)
_NOT_HELD = "not exists (select from letter_holds where letter_holds.cohort = holders.cohort and letter_holds.is_held)"
_MOST_PAUSE = timedelta(seconds=MOST_SECONDS)
# The holder knows of this badge, or of the one that it corrects: by a letter, or from the wallet.
_KNOWS = (
    "(received_at is not null or exists (select from messages as told where told.state = 'sent' and told.assertion_id"
    "  = any(array(select earlier.assertion_id from holders as earlier"  # an array, so that indexes are used
    "   where earlier.registration_id = holders.registration_id and earlier.version <= holders.version))))"
)
_LEDGER = "from messages join holders using (assertion_id)"


class MailerTransaction(HolderTransaction):
    """One transaction on holders and messages."""

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────

    def open_messages(self, letter: Letter, assertion_ids: Sequence[str], now: datetime, wait: timedelta) -> int:
        """Open the row of `letter` for those of the assertions that are ready for it; returns how many were opened.

        Letter 1: the holder is known; that of a correction waits `wait` longer, until it is decided which letter tells
        of it. Letter 2: and the PDFs are there. The letter about a correction takes the place of both. That about a
        revocation is for holders who know of the badge; it waits `wait` for a new badge that replaces it. Idempotent.
        """
        ready = {
            "award": "told_by is distinct from 'correction'",
            "completion": "rendered_at is not null and (corrects is null or told_by = 'award')",
            "correction": "rendered_at is not null and told_by = 'correction'",
            "revocation": f"revoked_at is not null and corrected_by is null and {_KNOWS}",
        }[letter]
        waits = "true" if letter == "revocation" else "corrects is not null and told_by is null"
        return self.cursor.execute(
            "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
            f" select assertion_id, %(letter)s, 'waiting', {_NOTICE}"
            f"  + case when {waits} then %(wait)s else interval '0' end, %(now)s"
            f" from holders where assertion_id = any(%(ids)s::text[]) and email is not null and {ready}"
            " order by assertion_id on conflict do nothing",
            {"letter": letter, "now": now, "ahead": now + SKEW, "wait": wait, "ids": list(assertion_ids)},
        ).rowcount

    def wait_by_our_clock(self, now: datetime) -> None:
        """Letters that were opened in the future, by a clock that was ahead, wait as if they were opened now."""
        self.cursor.execute(
            f"update messages set created_at = %(now)s, next_try_at = least(next_try_at, {_NOTICE}) from holders"
            " where holders.assertion_id = messages.assertion_id and state = 'waiting' and created_at > %(ahead)s",
            {"now": now, "ahead": now + SKEW},
        )

    def undecided_corrections(self, now: datetime, limit: int) -> list[CorrectedBadge]:
        """Badges that correct others and whose award letter is due. Locked until the end of this transaction."""
        return self.fetch_all(
            CorrectedBadge,
            "select assertion_id, email, received_at is not null as is_received,"
            " array(select earlier.email from holders as earlier"
            "  where earlier.registration_id = holders.registration_id and earlier.version < holders.version"
            "  and earlier.received_at is not null) as received_at_addresses"
            " from messages join holders using (assertion_id) where state = 'waiting' and letter = 'award'"
            f" and {_WAITED} and corrects is not null and told_by is null"
            " order by next_try_at limit %(limit)s for update of messages, holders skip locked",
            {"now": now, "ahead": now + SKEW, "limit": limit},
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
        """Suppress the unsent messages of the revoked or corrected ones among the assertions; returns them.

        One that is on its way is left: this is called again when its answer is written down.
        """
        return self.fetch_all(
            MessageStatus,
            f"update messages set state = 'suppressed', reason = {_VOID}, next_try_at = null, settled_at = %s"
            f" from holders where holders.assertion_id = messages.assertion_id and {_VOID} is not null"
            " and messages.assertion_id = any(%s::text[]) and state in ('waiting', 'queued', 'deferred')"
            f" and {_ON_ITS_WAY} is not true returning {_STATUS}",
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
        """Send the stored bytes once more; to an address that changed since, the letter as it is written for that."""
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, settled_at = null,"
            " message = case when address_revision = 0 then message end from holders"
            " where holders.assertion_id = messages.assertion_id and messages.assertion_id = %s and letter = %s",
            (now, now, status.assertion_id, status.letter),
        )

    def due(self, now: datetime, limit: int) -> list[Message]:
        """Messages that are due and not written yet, oldest first. Locked until the end of this transaction."""
        return self.fetch_all(
            Message,
            f"select {_MESSAGE} {_LEDGER}"
            f" where state = 'waiting' and {_WAITED}"
            f" and (corrects is null or told_by is not null or letter = 'revocation') and {_NOT_HELD}"
            " order by next_try_at limit %(limit)s for update of messages skip locked",
            {"now": now, "ahead": now + SKEW, "limit": limit},
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
                    "written_at": now,
                    "next_try_at": now,
                }
                for message, content in written
            ],
            "assertion_id",
            where="messages.letter = new.letter",
        )

    def without_bytes(self, limit: int) -> list[tuple[Message, datetime]]:
        """Queued and deferred messages that a backup did not hold, each with its Date. Locked as those that are due."""
        return self.fetch_all(
            _dated_message,
            f"select {_MESSAGE}, written_at {_LEDGER}"
            " where state in ('queued', 'deferred') and message is null and email is not null"
            " order by next_try_at limit %s for update of messages skip locked",
            (limit,),
        )

    def keep_bytes(self, message: Message, content: bytes) -> None:
        """Store the bytes of a message `without_bytes`. State and attempts stay."""
        self.cursor.execute(
            "update messages set message = %b where assertion_id = %s and letter = %s",
            (content, message.assertion_id, message.letter),
        )

    def suppress_unwritable(self, message: Message, error: str, now: datetime) -> None:
        """The letter can't be written: it ends here, with the error for the office."""
        self.cursor.execute(
            "update messages set state = 'suppressed', reason = 'unwritable', last_error = %s, next_try_at = null,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (error, now, message.assertion_id, message.letter),
        )

    def postpone_writing(self, message: Message, next_try_at: datetime, error: str) -> None:
        """It is written later. `send` counts the attempts, so they stay."""
        self.cursor.execute(
            "update messages set next_try_at = %s, last_error = %s where assertion_id = %s and letter = %s",
            (next_try_at, error, message.assertion_id, message.letter),
        )

    def to_send(
        self, now: datetime, limit: int, sender: str, flying: Sequence[OutgoingMessage], busy: Sequence[str]
    ) -> list[OutgoingMessage]:
        """Messages to hand to the mail server now, oldest first, none to a `busy` domain. Locked until our end.

        None about a badge that is void: its revocation came while it was on its way, and then we died. None of a cohort
        whose letters the office holds. What this `sender` leased and isn't `flying` was never started.
        """
        return self.fetch_all(
            OutgoingMessage,
            f"select assertion_id, letter, email, attempts, message {_LEDGER}"
            f" where state in ('queued', 'deferred') and message is not null and {is_due_sql('next_try_at')}"
            f" and ({_ON_ITS_WAY} is not true or sender = %s and not (assertion_id, letter)"
            "  in (select * from unnest(%s::text[], %s::text[])))"
            f" and {_VOID} is null and {_NOT_HELD}"
            " and (cardinality(%s::text[]) = 0 or lower(split_part(email, '@', 2)) <> all(%s::text[]))"
            " order by next_try_at limit %s for update of messages skip locked",
            (
                *due_at(now, _MOST_PAUSE),
                sender,
                [each.assertion_id for each in flying],
                [each.letter for each in flying],
                list(busy),
                list(busy),
                limit,
            ),
        )

    def lease(self, messages: Sequence[OutgoingMessage], sender: str) -> None:
        """They are on their way: nobody else sends them until the lease ends, or the answer is written down."""
        if messages:
            self.cursor.execute(
                f"update messages set sending_until = clock_timestamp() + {_LEASE}, sender = %s"
                " from unnest(%s::text[], %s::text[]) as taken (assertion_id, letter)"
                " where messages.assertion_id = taken.assertion_id and messages.letter = taken.letter",
                (sender, [each.assertion_id for each in messages], [each.letter for each in messages]),
            )

    def save_attempt(self, message: OutgoingMessage, result: AttemptResult, now: datetime) -> None:
        """Write down what the mail server answered."""
        self.cursor.execute(
            "update messages set state = %s, attempts = %s, next_try_at = %s, answer = %s, last_error = null,"
            " sending_until = null, settled_at = %s where assertion_id = %s and letter = %s",
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

    def save_report(self, status: MessageStatus, state: str, answer: str, now: datetime) -> None:
        """Write down what came back about a message that was sent."""
        self.cursor.execute(
            "update messages set state = %s, answer = %s, reason = case when %s = 'suppressed' then 'complaint' end,"
            " settled_at = %s where assertion_id = %s and letter = %s",
            (state, answer, state, now, status.assertion_id, status.letter),
        )

    def postpone(self, message: OutgoingMessage, next_try_at: datetime, error: str) -> None:
        """No answer: the state stays. A letter that always breaks the connection must not block the others."""
        self.cursor.execute(
            "update messages set attempts = attempts + 1, next_try_at = %s, last_error = %s, sending_until = null"
            " where assertion_id = %s and letter = %s",
            (next_try_at, error, message.assertion_id, message.letter),
        )

    # ── after a restore ─────────────────────────────────────────────────────────────────────────────────

    def take_back_letters(self, events: Sequence[LetterUpdated]) -> None:
        """The ledger says again what was announced of each message; which letter told of a correction is decided.

        The badge need not be known yet. A message that was sent, bounced or suppressed stays so; one that was queued
        or deferred goes on, after the same number of attempts, with its Message-ID and Date: equal bytes, unless the
        holder or a template changed. What no topic holds: the attempts that got no answer, the error of a letter that
        could not be written, and the choice of the letter about a correction before that letter was queued.
        """
        self.insert_rows("holders", [{"assertion_id": id} for id in sorted({e.assertion_id for e in events})])
        keys = sorted({(event.assertion_id, event.letter) for event in events})
        known = {(entry.assertion_id, entry.letter): entry for entry in self._entries([id for id, _ in keys])}
        entries = [
            ledger_entry([event for event in events if (event.assertion_id, event.letter) == key], known.get(key))
            for key in keys
        ]
        self._save_entries([entry for entry in entries if entry != known.get((entry.assertion_id, entry.letter))])
        told: dict[CorrectionLetter, tuple[Letter, ...]] = {
            "award": ("award", "completion"),
            "correction": ("correction",),
        }
        for told_by, letters in told.items():
            self.set_correction_letter(told_by, self._untold([id for id, letter in keys if letter in letters]))

    def take_back_settled(self, events: Sequence[DecisionSettled]) -> None:
        """Nothing to write: `claim` drops an order whose settlement was announced."""

    def _entries(self, assertion_ids: Sequence[str]) -> list[LedgerEntry]:
        return self.fetch_all(
            LedgerEntry,
            "select assertion_id, letter, state, attempts, next_try_at, answer, reason, created_at, queued_at,"
            " written_at, settled_at from messages where assertion_id = any(%s::text[])"
            " order by assertion_id, letter for update",
            (list(assertion_ids),),
        )

    def _save_entries(self, entries: Sequence[LedgerEntry]) -> None:
        columns = [column.name for column in fields(LedgerEntry) if column.name not in ("assertion_id", "letter")]
        self.insert_rows("messages", [vars(entry) for entry in entries], replace("assertion_id, letter", columns))

    def _untold(self, assertion_ids: Sequence[str]) -> list[str]:
        """Those that correct another badge, as far as we know, and whose letter is not chosen yet."""
        rows = self.cursor.execute(
            "select assertion_id from holders where assertion_id = any(%s::text[]) and told_by is null"
            " and (corrects is not null or email is null)",
            (list(assertion_ids),),
        )
        return [id for (id,) in rows]


Store = Database[MailerTransaction]


def _dated_message(written_at: datetime, **columns: Any) -> tuple[Message, datetime]:
    return Message(**columns), written_at
