"""Rows of the schema `ops` as the board shows them. Read by `store/`, shown by `web/` and the commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec


@dataclass(frozen=True)
class KeptDeadLetter:
    """A message that `consumer` could not handle, and what the office did with it.

    `state` is open, replayed or discarded. `key` and `value` are the bytes as they were on `topic`; None once it is no
    longer open. A `value` longer than a dead letter keeps is cut: then `size` and `sha256` are those of the whole.
    """

    dead_letter_id: str
    topic: str
    partition: int | None
    offset: int | None
    key: bytes | None
    value: bytes | None
    consumer: str
    cause: str
    died_at: datetime
    state: str = "open"
    decided_by: str | None = None
    decided_why: str | None = None
    decided_at: datetime | None = None
    size: int | None = None
    sha256: str | None = None

    @property
    def is_whole(self) -> bool:
        """Its bytes are here, all of them: it can be sent again."""
        return self.value is not None and self.size is None


@dataclass(frozen=True)
class AnchoredBatch:
    """A Merkle batch that is final on chain; `badges` of the cohort are in it."""

    merkle_root: str
    network: str
    transaction: str
    block_number: int
    anchored_at: datetime
    badges: int


@dataclass(frozen=True)
class RequestedLetter:
    """A letter that a service asked for, without its recipient: nobody here knows whose it is."""

    letter: str
    state: str
    at: datetime
    answer: str | None


@dataclass(frozen=True)
class WaitingRecovery:
    """A person whose address is to change at `takes_effect_at`: the mailbox is said to be lost. `name`: if known."""

    registration_id: str
    name: str | None
    begun_at: datetime
    takes_effect_at: datetime


@dataclass(frozen=True)
class TroubledLetter:
    """A letter that is deferred, bounced or suppressed, and the person it is for."""

    registration_id: str
    name: str | None
    letter: str
    state: str
    attempt: int
    at: datetime
    answer: str | None


class LetterDomain(msgspec.Struct, frozen=True, kw_only=True):
    """The letters to addresses of one domain, by state, and the answer that its mail server gives most. "": unknown."""

    domain: str
    counts: dict[str, int]
    answer: str | None

    @property
    def in_trouble(self) -> int:
        return sum(self.counts.get(state, 0) for state in ("deferred", "bounced", "suppressed"))

    @property
    def waiting(self) -> int:
        return self.counts.get("queued", 0)
