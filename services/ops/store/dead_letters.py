"""The table `dead_letters` of the schema `ops`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime

import msgspec

from services.ops.board.erasures import ERASE
from services.ops.board.rows import KeptDeadLetter
from shared.errors import Unreadable
from shared.letter_events import LetterRequested, RequestedLetterUpdated
from shared.office_events import OfficeDecided
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.runtime.db import Transaction
from shared.runtime.erasure import erased_among, subjects_of
from shared.wire import decode

_COLUMNS = ", ".join(f'"{field.name}"' for field in fields(KeptDeadLetter))

_CLOSED = (
    "key = null, value = null, state = case d.decision when 'replay' then 'replayed' else 'discarded' end,"
    " decided_by = d.decided_by, decided_why = d.why, decided_at = d.decided_at"
)


class DeadLetterRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, letters: Sequence[KeptDeadLetter]) -> None:
        """Keep dead letters. One that is there already, decided or not, stays as it is.

        One that a decision on record is about is closed by it: after a restore the decision is known before the letter.
        One that is about somebody who was erased is left out.
        """
        self._tx.cursor.execute("lock table inbox in row exclusive mode")  # as a claim does: an erasure waits for it
        about = [_subjects_in(letter.key, letter.value, letter.cause) for letter in letters]
        erased = erased_among(self._tx, set().union(*about))
        kept = [letter for letter, ids in zip(letters, about, strict=True) if erased.isdisjoint(ids)]
        self._tx.insert_rows("dead_letters", [asdict(letter) for letter in kept])
        self.close_decided([letter.dead_letter_id for letter in kept])

    def forget(self, subjects: Sequence[str]) -> None:
        """Delete those that are about these registrations, badges or orders of paper, decided or not."""
        needles = [id.encode() for id in subjects]
        found = self._tx.cursor.execute(
            "select dead_letter_id, key, value, cause from dead_letters where exists (select from"
            " unnest(%b::bytea[]) as id where position(id in coalesce(value, '')) > 0"
            " or position(id in coalesce(key, '')) > 0 or position(id in convert_to(cause, 'UTF8')) > 0)",
            (needles,),
        ).fetchall()
        gone = [id for id, key, value, cause in found if not _subjects_in(key, value, cause).isdisjoint(subjects)]
        self._tx.cursor.execute("delete from dead_letters where dead_letter_id = any(%s)", (gone,))

    def close_decided(self, dead_letter_ids: Sequence[str]) -> None:
        """Close those that the office decided, and the dead letters of other consumers for the same message.

        Others only if they died before the decision: a later failure is for the office to decide.
        """
        ids = sorted(dead_letter_ids)
        self._tx.cursor.execute(
            f"update dead_letters l set {_CLOSED} from ("
            " select subject, decision, decided_by, why, decided_at from decisions"
            " where subject = any(%s) and decision in ('replay', 'discard')) d"
            " where l.state = 'open' and l.dead_letter_id = d.subject",
            (ids,),
        )
        self._tx.cursor.execute(
            f"update dead_letters l set {_CLOSED} from ("
            ' select topic, partition, "offset", decided_at, decided_by, decided_why as why,'
            " case state when 'replayed' then 'replay' else 'discard' end as decision, dead_letter_id as subject"
            " from dead_letters where state <> 'open') d"
            ' where l.state = \'open\' and (l.topic, l.partition, l."offset") = (d.topic, d.partition, d."offset")'
            " and l.died_at <= d.decided_at and (l.dead_letter_id = any(%s) or d.subject = any(%s))",
            (ids, ids),
        )

    def open_count(self) -> int:
        return int(self._tx.fetch_value("select count(*) from dead_letters where state = 'open'"))

    def all(self, state: str | None, *, limit: int) -> list[KeptDeadLetter]:
        """Oldest first. `state` None: of every state."""
        return self._tx.fetch_all(
            KeptDeadLetter,
            f"select {_COLUMNS} from dead_letters where %s::text is null or state = %s"
            " order by died_at, dead_letter_id limit %s",
            (state, state, limit),
        )

    def lock(self, dead_letter_id: str) -> KeptDeadLetter | None:
        """The dead letter, locked against other decisions until this transaction ends."""
        return self._tx.fetch_one(
            KeptDeadLetter,
            f"select {_COLUMNS} from dead_letters where dead_letter_id = %s for update",
            (dead_letter_id,),
        )

    def close(self, letter: KeptDeadLetter, state: str, by: str, why: str, now: datetime) -> None:
        """Close `letter` and the dead letters of other consumers for the same message.

        The message's bytes are removed: they may be a person's record, and nothing needs them any more.
        """
        self._tx.cursor.execute(
            "update dead_letters set key = null, value = null,"
            " state = %s, decided_by = %s, decided_why = %s, decided_at = %s"
            " where state = 'open' and (dead_letter_id = %s or (topic, partition, \"offset\") = (%s, %s, %s))",
            (state, by, why, now, letter.dead_letter_id, letter.topic, letter.partition, letter.offset),
        )


_WORD = re.compile(r"[\w.-]+")


def _subjects_in(key: bytes | None, value: bytes | None, cause: str) -> set[str]:
    """What a dead message may be about: of one of our events its registration and badge, of other bytes each word.

    An order to erase somebody names that person, and has to be carried out.
    """
    try:
        event = decode(value)
    except Unreadable:
        return {*_named_in(value), *_words_in(key or b""), *_WORD.findall(cause)}
    if isinstance(event, OfficeDecided) and event.decision == ERASE:
        return set()
    if isinstance(event, LetterRequested | RequestedLetterUpdated):
        return {*event.letter_id.split("/")}
    return {*subjects_of(event), *([event.order_id] if isinstance(event, PaperOrdered | PaperUpdated) else ())}


class _Named(msgspec.Struct):
    registration_id: str


def _named_in(value: bytes | None) -> set[str]:
    """A record of upstream is about one registration, and may name another one."""
    try:
        return {msgspec.json.decode(value or b"", type=_Named).registration_id}
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _words_in(value or b"")


def _words_in(text: bytes) -> set[str]:
    return {*_WORD.findall(text.decode("utf-8", "replace"))}
