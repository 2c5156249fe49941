"""The schema `mailer`: the letters that other services asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.mailer.domain.delivery import MOST_SECONDS
from services.mailer.domain.requested import RequestedLetter, request_id
from services.mailer.store.holders import HolderTransaction
from shared.addresses import as_mailed
from shared.letter_events import LetterRequested, RequestedLetterUpdated
from shared.retry import due_at, is_due_sql

_REQUESTED = (
    "messages.letter, request_id, letter_id, recipient as email, facts, language, reply_to, ends_at"
    " from messages join requests using (request_id)"
)
_MOST_PAUSE = timedelta(seconds=MOST_SECONDS)


class RequestTransaction(HolderTransaction):
    """What is known of each request. Its message is a row of the ledger."""

    def note_requests(self, events: Sequence[LetterRequested], now: datetime) -> None:
        """The requests, and a message for each, which is due now. One that was taken back already keeps its state."""
        self.upsert_rows("requests", [_request(event) for event in events], "request_id")
        self.insert_rows(
            "messages",
            [
                {
                    "request_id": request_id(event.letter_id),
                    "letter": event.letter,
                    "state": "waiting",
                    "next_try_at": now,
                    "created_at": now,
                }
                for event in events
            ],
        )

    def note_request_ids(self, events: Sequence[RequestedLetterUpdated]) -> None:
        """That there was a request; what it was comes later."""
        ids = sorted({event.letter_id for event in events})
        self.insert_rows("requests", [{"request_id": request_id(id), "letter_id": id} for id in ids])

    def requests_due(self, now: datetime, limit: int) -> list[RequestedLetter]:
        """Requested letters that are not written yet, oldest first. Locked until the end of this transaction."""
        return self.fetch_all(
            RequestedLetter,
            f"select {_REQUESTED} where state = 'waiting' and facts is not null and {is_due_sql('next_try_at')}"
            " order by next_try_at limit %s for update of messages skip locked",
            (*due_at(now, _MOST_PAUSE), limit),
        )

    def requests_without_bytes(self, limit: int) -> list[tuple[RequestedLetter, datetime]]:
        """Those that are queued or deferred and that a backup did not hold, each with its Date. Locked as above."""
        return self.fetch_all(
            _dated_request,
            f"select written_at, {_REQUESTED}"
            " where state in ('queued', 'deferred') and message is null and facts is not null"
            " order by next_try_at limit %s for update of messages skip locked",
            (limit,),
        )


def _request(event: LetterRequested) -> dict[str, Any]:
    return {
        "request_id": request_id(event.letter_id),
        "letter_id": event.letter_id,
        "recipient": as_mailed(event.recipient),
        "facts": msgspec.json.encode(event.facts).decode(),
        "language": event.language,
        "reply_to": event.reply_to,
        "ends_at": event.valid_until,
    }


def _dated_request(written_at: datetime, **columns: Any) -> tuple[RequestedLetter, datetime]:
    return RequestedLetter(**columns), written_at
