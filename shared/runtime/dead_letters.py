"""Dead letters: messages that could not be handled, on `<topic>.dead`. Written by every service, read by ops."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from shared.errors import Unreadable, cause_of
from shared.runtime.db import Database
from shared.topics import Topic


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it lies on a topic: where it is, and its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


MAX_VALUE_BYTES = 500_000
"""Of a message kept in its dead letter: in base64, with key and cause, still less than a topic takes."""
_MAX_KEY_BYTES = 10_000


class DeadLetter(Record, frozen=True, kw_only=True):
    """The value of a message on `<topic>.dead`, in JSON (bytes as base64): the message, who failed on it, and why.

    Of a longer value the first MAX_VALUE_BYTES are kept, and `size` and `sha256` of the whole: it can't be replayed
    from here, and lies on its topic, at its offset, until that topic's retention ends.
    """

    id: UUID
    consumer: str
    cause: str
    at: datetime
    size: int | None = None  # of the whole value in bytes; None: `value` is whole
    sha256: str | None = None


def dead_letter_of(record: Record, *, consumer: str, error: Exception, at: datetime) -> DeadLetter:
    """Its id is derived from consumer, place and bytes: the same failure read again is the same dead letter.

    The place alone says less: a topic that was created again, or set back, has other messages there.
    """
    value = record.value
    digest = sha256(value).hexdigest() if value is not None else ""
    is_cut = value is not None and len(value) > MAX_VALUE_BYTES
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key[:_MAX_KEY_BYTES] if record.key is not None else None,
        value=value[:MAX_VALUE_BYTES] if value is not None else None,
        size=len(value) if value is not None and is_cut else None,
        sha256=digest if is_cut else None,
        id=uuid5(NAMESPACE_URL, f"{consumer}/{record.topic}/{record.partition}/{record.offset}/{digest}"),
        consumer=consumer,
        cause=cause_of(error, 2000),
        at=at,
    )


def write_dead_letter(letter: DeadLetter, topic: Topic, database: Database[Any]) -> None:
    """Append `letter` to the outbox, once however often it is written. When this returns, it is committed."""
    with database.transaction() as tx:
        if tx.claim_id(letter.id):
            tx.forward(topic.dead, str(letter.id).encode(), msgspec.json.encode(letter))


def read_dead_letter(value: bytes) -> DeadLetter:
    """The dead letter in a message's value. Unreadable for any other bytes."""
    try:
        return msgspec.json.decode(value, type=DeadLetter)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreadable(f"got no dead letter ({error}), expected the JSON of one") from error
