"""What an SMTP server's answer makes of a message; pure.

Sources: RFC 5321, 4.2 (reply codes), 4.5.4.1 (trying again); RFC 3463 (enhanced status codes, kept within the answer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.retry import next_try

LEAST_SECONDS = 30.0  # RFC 5321 asks for 30 minutes between tries; greylisting and busy carriers let us in much earlier
MOST_SECONDS = 3600.0

_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>|\"[^\"\s]*\"@[^\s<>\"]+|[^\s<>\"']+@[^\s<>\"']+")
_LONGEST_ANSWER = 300


@dataclass(frozen=True)
class Sent:
    """The server has taken the message on: it is theirs to deliver or to bounce."""

    answer: str


@dataclass(frozen=True)
class Deferred:
    """4xx: not now; the same message again later."""

    answer: str


@dataclass(frozen=True)
class Bounced:
    """5xx for this recipient: never. Says nothing about anybody else."""

    answer: str


SmtpReply = Sent | Deferred | Bounced


@dataclass(frozen=True)
class AttemptResult:
    """How a message stands after an attempt. `next_try_at` is None for an end."""

    state: Literal["sent", "deferred", "bounced"]
    attempts: int
    next_try_at: datetime | None
    answer: str


def settled(outcome: SmtpReply, attempts: int, recipient: str, now: datetime) -> AttemptResult:
    """The state after the attempt that follows `attempts` earlier ones."""
    attempts += 1
    answer = without_address(outcome.answer, recipient)
    match outcome:
        case Sent():
            return AttemptResult("sent", attempts, None, answer)
        case Bounced():
            return AttemptResult("bounced", attempts, None, answer)
        case Deferred():
            again = next_try(attempts, now, least=LEAST_SECONDS, most=MOST_SECONDS)
            return AttemptResult("deferred", attempts, again, answer)


def without_address(answer: str, recipient: str) -> str:
    """A server's answer on one line, without mail addresses, without the recipient's local part ("taro: unknown")."""
    flat = _ADDRESS.sub("<…>", " ".join(answer.split()))
    local = re.escape(recipient.rpartition("@")[0])
    if local:
        flat = re.sub(rf"(?<![\w.]){local}(?![\w])", "…", flat, flags=re.IGNORECASE)
    return flat[:_LONGEST_ANSWER]
