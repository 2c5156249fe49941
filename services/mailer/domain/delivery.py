"""The state of a message after the mail server's reply; pure.

Sources: RFC 5321, 4.2 (reply codes), 4.5.4.1 (retrying); RFC 3463 (enhanced status codes, kept in the answer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.retry import next_try

LEAST_SECONDS = (
    30.0  # RFC 5321 asks for 30 minutes between tries; greylisting servers and busy carriers accept much earlier
)
MOST_SECONDS = 3600.0

_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>|\"[^\"\s]*\"@[^\s<>\"]+|[^\s<>\"']+@[^\s<>\"']+")
_LONGEST_ANSWER = 300


@dataclass(frozen=True)
class Sent:
    """The server has accepted the message: it delivers or bounces it."""

    answer: str


@dataclass(frozen=True)
class Deferred:
    """4xx: not now. The same message is sent again later."""

    answer: str


@dataclass(frozen=True)
class Bounced:
    """5xx for this recipient: never. It says nothing about other recipients."""

    answer: str


SmtpReply = Sent | Deferred | Bounced


@dataclass(frozen=True)
class AttemptResult:
    """The state of a message after an attempt. `next_try_at` is None for a final state."""

    state: Literal["sent", "deferred", "bounced"]
    attempts: int
    next_try_at: datetime | None
    answer: str


def after_attempt(reply: SmtpReply, attempts: int, recipient: str, now: datetime) -> AttemptResult:
    """The state after the attempt that follows `attempts` earlier ones."""
    attempts += 1
    answer = without_address(reply.answer, recipient)
    match reply:
        case Sent():
            return AttemptResult("sent", attempts, None, answer)
        case Bounced():
            return AttemptResult("bounced", attempts, None, answer)
        case Deferred():
            return AttemptResult("deferred", attempts, try_again_at(attempts, now), answer)


def try_again_at(attempts: int, now: datetime) -> datetime:
    """When a message that was deferred at `now`, after so many attempts, is sent again."""
    return next_try(attempts, now, least=LEAST_SECONDS, most=MOST_SECONDS)


def without_address(answer: str, recipient: str) -> str:
    """An answer on one line, without mail addresses and without the recipient's local part ("taro: unknown")."""
    if not answer.isprintable():
        answer = "".join(each if each.isprintable() else " " for each in answer)  # PostgreSQL takes no NUL
    flat = _ADDRESS.sub("<…>", " ".join(answer.split()))
    local = recipient.rpartition("@")[0]
    # Nearly no answer names it, and a pattern of its own for each letter takes longer than all else here.
    if local and (not flat.isascii() or local.lower() in flat.lower()):
        flat = re.sub(rf"(?<![\w.]){re.escape(local)}(?![\w])", "…", flat, flags=re.IGNORECASE)
    return flat[:_LONGEST_ANSWER]
