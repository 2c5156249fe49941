"""The schema `mailer`: the ledger of messages, one row a letter: when they are due, when they end unsent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from services.mailer.domain.correction import CorrectedBadge, CorrectionLetter
from services.mailer.domain.ledger import LedgerEntry, ledger_entries
from services.mailer.domain.letters import REMINDERS, Letter, Message
from services.mailer.domain.reminders import Window, is_daytime
from services.mailer.store.erasure import ErasureTransaction
from services.mailer.store.messages import CANCELLABLE, NOT_HELD, ON_ITS_WAY, STATUS, VOID, MessageStatus
from shared.clock import japan_date
from shared.events import LetterUpdated
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import DecisionSettled
from shared.retry import SKEW
from shared.runtime.db import Database, replace

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
_UNDECIDED = "corrects is not null and told_by is null"
# The holder knows of this badge, or of the one that it corrects: by a letter, or from the wallet.
_KNOWS = (
    "(received_at is not null or exists (select from messages as told where told.state = 'sent' and told.assertion_id"
    "  = any(array(select earlier.assertion_id from holders as earlier"  # an array, so that indexes are used
    "   where earlier.registration_id = holders.registration_id and earlier.version <= holders.version))))"
)
_UNWANTED = (
    "select from messages as earlier where earlier.assertion_id = messages.assertion_id"
    f" and earlier.letter in ({', '.join(map(repr, REMINDERS))}) and earlier.state = 'suppressed'"
    " and coalesce(earlier.written_revision, 0) = holders.address_revision"
)
_LEDGER = "from messages join holders using (assertion_id)"


_KEY = ("assertion_id", "request_id", "letter")


class MailerTransaction(ErasureTransaction):
    """One transaction on holders, requests and messages."""

    # ── the ledger ──────────────────────────────────────────────────────────────────────────────────────

    def open_messages(self, letter: Letter, assertion_ids: Sequence[str], now: datetime, wait: timedelta) -> int:
        """Open the row of `letter` for those of the assertions that are ready for it; returns how many were opened.

        Letter 1: the holder is known; that of a correction waits `wait` longer, until it is decided which letter tells
        of it. Letter 2: and the PDFs are there. The letter about a correction takes the place of both. That about a
        revocation is for holders who know of the badge and aren't being erased; it waits `wait` for a new badge that
        replaces it. Idempotent.
        """
        ready = {
            "award": "told_by is distinct from 'correction'",
            "completion": "rendered_at is not null and (corrects is null or told_by = 'award')",
            "correction": "rendered_at is not null and told_by = 'correction'",
            "revocation": f"revoked_at is not null and is_erased is not true and corrected_by is null and {_KNOWS}",
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

    def open_reminders(self, windows: Sequence[Window], now: datetime) -> int:
        """Open the reminders that are due now, of badges that wait to be received; returns how many were opened.

        None to an address whose reader complained of an earlier one. Idempotent, also after a restore: a reminder is a
        row of the ledger, which was taken back by then.
        """
        return sum(
            self.cursor.execute(
                "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
                " select assertion_id, %(letter)s, 'waiting', %(now)s, %(now)s from messages join holders"
                " using (assertion_id) where letter = 'award' and state = 'sent'"
                " and settled_at > %(since)s and settled_at <= %(until)s"
                f" and received_at is null and email is not null and {VOID} is null and valid_until >= %(today)s"
                f" and not exists ({_UNWANTED})"
                " order by assertion_id on conflict do nothing",
                vars(window) | {"now": now, "today": japan_date(now)},
            ).rowcount
            for window in windows
        )

    def open_expiry_notices(self, days: int, now: datetime) -> int:
        """Open the notices of periods that end within so many days, to holders who know of the badge; how many."""
        return self.cursor.execute(
            "insert into messages (assertion_id, letter, state, next_try_at, created_at)"
            " select assertion_id, 'expiry', 'waiting', %(now)s, %(now)s from holders"
            " where valid_until between %(today)s and %(last)s and renewed_by is null and email is not null"
            f" and revoked_at is null and corrected_by is null and notify_from <= %(now)s and {_KNOWS}"
            " order by assertion_id on conflict do nothing",
            {"now": now, "today": japan_date(now), "last": japan_date(now) + timedelta(days=days)},
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
        # First the few corrections: else all letters that are due are looked through.
        ids = [id for (id,) in self.cursor.execute(f"select assertion_id from holders where {_UNDECIDED}")]
        if not ids:
            return []
        return self.fetch_all(
            CorrectedBadge,
            "select assertion_id, email, received_at is not null as is_received,"
            " array(select earlier.email from holders as earlier"
            "  where earlier.registration_id = holders.registration_id and earlier.version < holders.version"
            "  and earlier.received_at is not null) as received_at_addresses"
            " from messages join holders using (assertion_id) where assertion_id = any(%(ids)s::text[])"
            f" and state = 'waiting' and letter = 'award' and {_WAITED} and {_UNDECIDED}"
            " order by next_try_at limit %(limit)s for update of messages, holders skip locked",
            {"now": now, "ahead": now + SKEW, "ids": ids, "limit": limit},
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
            f"update messages set state = 'suppressed', reason = {VOID}, next_try_at = null, settled_at = %s"
            f" from holders where holders.assertion_id = messages.assertion_id and {VOID} is not null"
            f" and not {CANCELLABLE} and messages.assertion_id = any(%s::text[])"
            " and state in ('waiting', 'queued', 'deferred')"
            f" and {ON_ITS_WAY} is not true returning {STATUS}",
            (now, list(assertion_ids)),
        )

    def due(self, now: datetime, limit: int) -> list[Message]:
        """Messages that are due and not written yet, oldest first. Locked until the end of this transaction."""
        return self.fetch_all(
            Message,
            f"select {_MESSAGE} {_LEDGER}"
            f" where state = 'waiting' and {_WAITED}"
            f" and (corrects is null or told_by is not null or letter = 'revocation') and {NOT_HELD}"
            f" and (%(daytime)s or not {CANCELLABLE})"
            " order by next_try_at limit %(limit)s for update of messages skip locked",
            {"now": now, "ahead": now + SKEW, "limit": limit, "daytime": is_daytime(now)},
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

    # ── after a restore ─────────────────────────────────────────────────────────────────────────────────

    def take_back_letters(self, events: Sequence[LetterUpdated]) -> None:
        """The ledger says again what was announced of each message; which letter told of a correction is decided.

        The badge need not be known yet. A message that was sent, bounced, suppressed or cancelled stays so; one that
        was queued or deferred goes on, after the same number of attempts, with its Message-ID and Date: equal bytes,
        unless the holder or a template changed. What no topic holds: the attempts that got no answer, the error of a
        letter that could not be written, and the choice of the letter about a correction before that letter was queued.
        """
        self.insert_rows("holders", [{"assertion_id": id} for id in sorted({e.assertion_id for e in events})])
        self._take_back(events)
        told: dict[CorrectionLetter, tuple[Letter, ...]] = {
            "award": ("award", "completion"),
            "correction": ("correction",),
        }
        for told_by, letters in told.items():
            self.set_correction_letter(told_by, self._untold([e.assertion_id for e in events if e.letter in letters]))

    def take_back_requested(self, events: Sequence[RequestedLetterUpdated]) -> None:
        """The same of letters that were asked for. The request need not be known yet."""
        self.note_request_ids(events)
        self._take_back(events)

    def take_back_settled(self, events: Sequence[DecisionSettled]) -> None:
        """Nothing to write: `claim` drops an order whose settlement was announced."""

    def _take_back(self, events: Sequence[LetterUpdated] | Sequence[RequestedLetterUpdated]) -> None:
        ids = sorted({event.message_id.strip("<>").rpartition("@")[0] for event in events})
        known = self.fetch_all(
            LedgerEntry,
            "select assertion_id, request_id, letter, state, attempts, next_try_at, answer, reason, created_at,"
            " queued_at, written_at, settled_at, written_revision from messages where id = any(%s::text[])"
            " order by id for update",
            (ids,),
        )
        columns = [column.name for column in fields(LedgerEntry) if column.name not in _KEY]
        entries = ledger_entries(events, known)
        of = "assertion_id" if all(entry.assertion_id for entry in entries) else "request_id"  # first: by it they sort
        self.insert_rows("messages", [{of: None, **vars(entry)} for entry in entries], replace("id", columns))

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
