"""The schema `mailer`: the rows of messages, each by its id, from the bytes to the last answer.

A message is about a badge or was asked for (`requests.py`): here both are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.mailer.domain.delivery import MOST_SECONDS, AttemptResult
from services.mailer.domain.letters import OPENED_BY_EVENTS, Addressed, Message, Writable, row_id
from services.mailer.domain.reminders import is_daytime
from services.mailer.store.requests import RequestTransaction
from shared.addresses import domain_of
from shared.retry import due_by_name, due_halves_sql, first_due_sql


@dataclass(frozen=True)
class OutgoingMessage:
    """A message whose bytes are written and that has not come to its end yet."""

    letter: str
    subject: str  # assertion_id or request_id
    letter_id: str | None
    email: str
    attempts: int
    message: bytes
    address_revision: int = 0  # of its badge, when the bytes were written


@dataclass(frozen=True)
class MessageStatus:
    """The state of a message in the ledger."""

    letter: str
    subject: str
    letter_id: str | None
    state: str
    attempts: int
    void: str | None  # why no letter about its badge may leave: "revoked", "corrected"


_EVENTS = ", ".join(f"'{letter}'" for letter in OPENED_BY_EVENTS)
CANCELLABLE = f"letter not in ({_EVENTS})"
# Corrected: a newer version replaces the badge. Revoked: it is invalid for any other reason, as one letter says.
VOID = (
    "case when corrected_by is not null then 'corrected'"
    " when revoked_at is not null and messages.letter <> 'revocation' then 'revoked' end"
)
# Why a letter has lost its point: what it asks for was done, or its time has passed. Parameter: now.
POINTLESS = (
    f"case when ends_at <= %(now)s then 'ended' when {CANCELLABLE} and messages.assertion_id is not null then"
    f" case when {VOID} is not null then {VOID}"
    "  when messages.letter <> 'expiry' and received_at is not null then 'received'"
    "  when messages.letter = 'expiry' and renewed_by is not null then 'renewed'"
    "  when valid_until < (%(now)s at time zone 'Asia/Tokyo')::date then 'expired' end end"
)
_AMONG = 8  # of the messages that are due, besides two for each that there is room for
_ABOUT = "messages.letter, coalesce(messages.assertion_id, messages.request_id) as subject"
STATUS = f"{_ABOUT}, null::text as letter_id, state, attempts, {VOID} as void"
_LEASE = "interval '30 seconds'"
"""For how long a message on its way is left alone by other processes. Renewed until its answer is written down."""
ON_ITS_WAY = (  # by the clock of the database: those of the mailers may differ
    f"(sending_until > clock_timestamp() and sending_until <= clock_timestamp() + {_LEASE})"
)
NOT_HELD = "not exists (select from letter_holds where letter_holds.cohort = holders.cohort and letter_holds.is_held)"
_OF_THE_ADDRESS = "state = 'suppressed' and (reason = 'unwritable' or reason like 'complaint%%')"
"""Suppressed for what its address is. After a restore the reason is the answer that was announced."""
MOST_PAUSE = timedelta(seconds=MOST_SECONDS)
_ALL = "from messages left join holders using (assertion_id) left join requests using (request_id)"
_UNSENT = "from messages where state in ('queued', 'deferred')"
_ASKED_FOR = "messages.request_id is not null"
# With bytes, and not on its way; what `sender` leased and isn't `flying` is not.
_LEAVABLE = (
    "state in ('queued', 'deferred') and message is not null"
    f" and ({ON_ITS_WAY} is not true or sender = %(sender)s and id <> all(%(flying)s::text[]))"
)


def revision_of(message: Writable) -> int:
    """To which address of its badge a message is written."""
    return message.address_revision if isinstance(message, Message) else 0


def _first_due(of: str = "true", index: str = "next_try_at") -> str:
    """SQL: id and next_try_at of the first `most` that are due; of which, says `of`. `index`: its columns, in order."""
    rows = f"select id, next_try_at from messages where {_LEAVABLE} and {of}"
    return f"{first_due_sql(rows, 'next_try_at', '%(most)s', order=index)} order by next_try_at limit %(most)s"


class MessageTransaction(RequestTransaction):
    """What becomes of a message."""

    def status(self, subject: str, letter: str) -> MessageStatus | None:
        """The state of a message; None without one. It is locked until the end of this transaction."""
        # The holder's row first, as every `note_` does: a revocation is either seen here or waits for our end.
        self.cursor.execute("select from holders where assertion_id = %s for update", (subject,))
        return self.fetch_one(
            MessageStatus,
            f"select {_ABOUT}, letter_id, state, attempts, {VOID} as void {_ALL}"
            " where messages.id = %s for update of messages",
            (f"{letter}.{subject}",),
        )

    def is_on_its_way(self, status: MessageStatus) -> bool:
        """Whether it is being handed to the mail server, or was and the answer is not written down yet."""
        found = self.fetch_value(f"select {ON_ITS_WAY} from messages where id = %s", (row_id(status),))
        return bool(found)

    def is_to_former_address(self, status: MessageStatus, address_revision: int) -> bool:
        """Whether it was written once more since, to a later address of its badge than the one of this revision."""
        found = self.fetch_value("select written_revision from messages where id = %s", (row_id(status),))
        return isinstance(found, int) and address_revision < found

    def requeue(self, status: MessageStatus, now: datetime) -> None:
        """Send the stored bytes once more."""
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, settled_at = null where id = %s",
            (now, now, row_id(status)),
        )

    def cancel_ended(self, now: datetime) -> list[MessageStatus]:
        """Cancel the unsent letters that have lost their point; returns them, `void` says why.

        Requested ones whose link has ended; reminders and notices. One that is on its way is left.
        """
        return self.fetch_all(
            MessageStatus,
            f"with pointless as materialized (select id, letter_id, {POINTLESS} as why {_ALL}"
            f"  where state in ('waiting', 'queued', 'deferred') and {CANCELLABLE} and {ON_ITS_WAY} is not true"
            "  for update of messages skip locked)"
            " update messages set state = 'cancelled', reason = why, next_try_at = null, settled_at = %(now)s"
            " from pointless where pointless.id = messages.id and why is not null"
            f" returning {_ABOUT}, letter_id, state, attempts, why as void",
            {"now": now},
        )

    def write_again(self, assertion_ids: Sequence[str]) -> None:
        """Forget the bytes of unsent letters about badges whose address changed: they name the former one."""
        self.cursor.execute(
            "update messages set message = null where assertion_id = any(%s::text[])"
            " and state in ('queued', 'deferred') and sending_until is null",
            (list(assertion_ids),),
        )

    def to_move(self, assertion_ids: Sequence[str]) -> list[MessageStatus]:
        """Letters about badges whose address changed that are to go to the new one. Locked until our end.

        Those that bounced, that the former address could not be written to, or of which its reader complained; and
        letter 1 while the badge waits: its link lies in the former mailbox and opens nothing.
        """
        return self.fetch_all(
            MessageStatus,
            f"select {STATUS} from messages join holders using (assertion_id)"
            " where assertion_id = any(%s::text[]) and sending_until is null"
            f" and not {CANCELLABLE} and {VOID} is null"
            " and coalesce(written_revision, 0) < address_revision"  # else it went there, before a restore
            f" and (state = 'bounced' or {_OF_THE_ADDRESS}"
            "  or letter = 'award' and state = 'sent' and received_at is null)"
            " order by id for update of messages",
            (list(assertion_ids),),
        )

    def move(self, status: MessageStatus, now: datetime) -> int:
        """Send the letter to the address of its badge that is true now: written again, with the date of today.

        Returns its attempts: one more for a letter that was suppressed, which else counts as the later state of both.
        """
        attempts = status.attempts + (status.state == "suppressed")
        self.cursor.execute(
            "update messages set state = 'queued', next_try_at = %s, queued_at = %s, written_at = %s, message = null,"
            " settled_at = null, reason = null, last_error = null, attempts = %s where id = %s",
            (now, now, now, attempts, row_id(status)),
        )
        return attempts

    # ── the bytes ───────────────────────────────────────────────────────────────────────────────────────

    def queue(self, written: Sequence[tuple[Writable, bytes]], now: datetime) -> None:
        """Store the bytes: from now on the letter is these bytes, however often they are sent."""
        self.update_rows(
            "messages",
            [
                {
                    "id": row_id(message),
                    "state": "queued",
                    "message": content,
                    "domain": domain_of(message.email),
                    "written_revision": revision_of(message),
                    "queued_at": now,
                    "written_at": now,
                    "next_try_at": now,
                }
                for message, content in written
            ],
            "id",
        )

    def keep_bytes(self, message: Writable, content: bytes) -> None:
        """Store the bytes of a message that is queued without them. State and attempts stay."""
        self.cursor.execute(
            "update messages set message = %b, domain = %s, written_revision = %s where id = %s",
            (content, domain_of(message.email), revision_of(message), row_id(message)),
        )

    def suppress_unwritable(self, message: Addressed, error: str, now: datetime) -> int:
        """The letter can't be written: it ends here, with the error for the office. Returns its attempts."""
        return int(
            self.fetch_value(
                "update messages set state = 'suppressed', reason = 'unwritable', last_error = %s, next_try_at = null,"
                " settled_at = %s where id = %s returning attempts",
                (error, now, row_id(message)),
            )
        )

    def postpone_writing(self, message: Addressed, next_try_at: datetime, error: str) -> None:
        """It is written later. `send` counts the attempts, so they stay."""
        self.cursor.execute(
            "update messages set next_try_at = %s, last_error = %s where id = %s",
            (next_try_at, error, row_id(message)),
        )

    def forget_bytes(self, before: datetime, limit: int) -> int:
        """Forget the bytes of letters that came to their end before then, and what they were asked to say; how many.

        The rows stay: each sent letter and its recipient are known as long as the badge, and nothing is sent twice.
        One that the office sends again is written again.
        """
        ended = "settled_at < %s and state in ('sent', 'bounced', 'suppressed', 'cancelled')"
        return self.cursor.execute(
            "with old as (select id, request_id from messages where id = any(array("
            f"  (select id from messages where {ended} and message is not null order by settled_at limit %s)"
            "  union all (select messages.id from requests join messages using (request_id)"
            f"   where recipient is not null and {ended} order by settled_at limit %s)))"
            "  limit %s for update skip locked),"
            " asked as (update requests set facts = null, recipient = null, reply_to = null from old"
            "  where requests.request_id = old.request_id)"
            " update messages set message = null from old where messages.id = old.id",
            (before, limit, before, limit, limit),
        ).rowcount

    # ── on its way ──────────────────────────────────────────────────────────────────────────────────────

    def to_send(
        self, now: datetime, limit: int, sender: str, flying: Sequence[OutgoingMessage], busy: Sequence[str]
    ) -> list[OutgoingMessage]:
        """Messages to hand to the mail server now, none to a `busy` domain. Locked until our end.

        First those that somebody asked for and waits for, also of one domain; of both, the oldest first.
        None about a badge that is void: its revocation came while it was on its way, and then we died. None of a cohort
        whose letters the office holds. None that has lost its point, no reminder at night. What this `sender` leased
        and isn't `flying` was never started.
        """
        ours = {
            **due_by_name(now, MOST_PAUSE),
            "sender": sender,
            "flying": list(map(row_id, flying)),
            "by_day": is_daytime(now),
            "busy": list(busy),
            "limit": limit,
        }
        # The first of 20 000 that are due are found by the index, in its order, whatever fails the joined conditions.
        most = _AMONG + 2 * limit
        ids = self._first_due(most, ours)
        found = self._sendable(ids, ours)
        if len(found) == limit or len(ids) < most:
            return found
        # Too few of these may leave. A slow domain is left out by the other index; because of a hold all are looked at.
        ids = self._first_due_of_domains(most, ours)
        found = self._sendable(ids, ours)
        if len(found) == limit or len(ids) < most:
            return found
        return self._sendable(self._first_due_of_domains(None, ours), ours)

    def _first_due(self, most: int, ours: Mapping[str, Any]) -> list[str]:
        """The ids of so many messages that are due, the first; and of as many that somebody asked for."""
        return self._ids(
            f"select id from (({_first_due(_ASKED_FOR)}) union ({_first_due()})) as due",
            most,
            ours,
        )

    def _first_due_of_domains(self, most: int | None, ours: Mapping[str, Any]) -> list[str]:
        """The ids of so many, of those to domains that aren't busy; of all of them with None."""
        these = _first_due("messages.domain = domains.domain", "domain, next_try_at")
        return self._ids(
            f"with recursive domains (domain) as ((select domain {_UNSENT} order by domain limit 1) union all"
            f" select (select messages.domain {_UNSENT} and messages.domain > domains.domain order by domain limit 1)"
            "  from domains where domains.domain is not null)"
            f" select id from domains, lateral ({these}) as due"
            " where domains.domain <> all(%(busy)s::text[]) order by next_try_at limit %(most)s",
            most,
            ours,
        )

    def _ids(self, query: str, most: int | None, ours: Mapping[str, Any]) -> list[str]:
        return [id for (id,) in self.cursor.execute(query, {**ours, "most": most})]

    def _sendable(self, ids: Sequence[str], ours: Mapping[str, Any]) -> list[OutgoingMessage]:
        """Those of `ids` that may leave and that nobody else has taken meanwhile, in the order of `to_send`."""
        if not ids:
            return []
        return self.fetch_all(
            OutgoingMessage,
            f"select {_ABOUT}, letter_id, coalesce(email, recipient) as email, attempts, message,"
            f" coalesce(written_revision, 0) as address_revision {_ALL}"
            " where messages.id = any(array(select unnest(%(ids)s::text[])))"  # few, to the planner, so it uses indexes
            f" and {_LEAVABLE} and ({' or '.join(due_halves_sql('next_try_at'))})"
            f" and {VOID} is null and {NOT_HELD} and {POINTLESS} is null"
            f" and (%(by_day)s or messages.assertion_id is null or not {CANCELLABLE})"
            " and lower(split_part(coalesce(email, recipient), '@', 2)) <> all(%(busy)s::text[])"
            f" order by {_ASKED_FOR} desc, next_try_at limit %(limit)s for update of messages skip locked",
            {**ours, "ids": ids},
        )

    def lease(self, messages: Sequence[OutgoingMessage], sender: str) -> None:
        """They are on their way: nobody else sends them until the lease ends, or the answer is written down."""
        if messages:
            self.cursor.execute(
                f"update messages set sending_until = clock_timestamp() + {_LEASE}, sender = %s"
                " where id = any(%s::text[])",
                (sender, list(map(row_id, messages))),
            )

    def renew(self, messages: Sequence[OutgoingMessage], sender: str) -> None:
        """The same for those still on their way. Not for one that another took over: `sender` had stood still."""
        if messages:
            self.cursor.execute(
                f"update messages set sending_until = clock_timestamp() + {_LEASE}"
                " where id = any(%s::text[]) and sender = %s and state in ('queued', 'deferred')",
                (list(map(row_id, messages)), sender),
            )

    def senders(self, messages: Sequence[OutgoingMessage]) -> dict[str, str]:
        """Of those without an end, by id, who leased it last. Locked until our end."""
        found = self.cursor.execute(
            "select id, sender from messages where id = any(%s::text[]) and state in ('queued', 'deferred')"
            " order by id for update",
            (list(map(row_id, messages)),),
        )
        return dict(found.fetchall())

    def save_attempts(self, results: Sequence[tuple[OutgoingMessage, AttemptResult]], now: datetime) -> None:
        """Write down what the mail server answered about each."""
        self.update_rows(
            "messages",
            [
                {
                    "id": row_id(message),
                    "state": result.state,
                    "attempts": result.attempts,
                    "next_try_at": result.next_try_at,
                    "answer": result.answer,
                    "last_error": None,
                    "sending_until": None,
                    "settled_at": now,
                }
                for message, result in results
            ],
            "id",
        )

    def postpone(self, message: OutgoingMessage, next_try_at: datetime, error: str) -> None:
        """No answer: the state stays. A letter that always breaks the connection must not block the others."""
        self.cursor.execute(
            "update messages set attempts = attempts + 1, next_try_at = %s, last_error = %s, sending_until = null"
            " where id = %s",
            (next_try_at, error, row_id(message)),
        )

    def save_report(self, status: MessageStatus, state: str, answer: str, now: datetime) -> None:
        """Write down what came back about a message that was sent."""
        self.cursor.execute(
            "update messages set state = %s, answer = %s, reason = case when %s = 'suppressed' then 'complaint' end,"
            " settled_at = %s where id = %s",
            (state, answer, state, now, row_id(status)),
        )

    def recipient(self, subject: str) -> str | None:
        """The recipient of the letters about this badge, or this request."""
        address: Any = self.fetch_value(
            "select email from holders where assertion_id = %s union all"
            " select recipient from requests where request_id = %s",
            (subject, subject),
        )
        return address if isinstance(address, str) else None
