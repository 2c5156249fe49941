"""The letters in the schema `ops`: whose are held, which can be sent again."""

from __future__ import annotations

from collections.abc import Sequence

from services.ops.board.folding import last_of
from services.ops.board.rows import RequestedLetter, TroubledLetter
from shared.events import LETTER_STATES
from shared.letter_events import RequestedLetterUpdated
from shared.runtime.db import Transaction, replace
from shared.runtime.erasure import erased_among

_STATES = ", ".join(f"'{state}'" for state in LETTER_STATES)
PLACE = f"({{0}}.attempt, array_position(array[{_STATES}], {{0}}.state))"
"""As `MessageUpdated.place`, of a row."""


class LetterRows:
    """What the orders about letters need."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def held(self, cohort: str) -> bool:
        """Whether the letters of a cohort are held, by the latest order that the mailer has settled."""
        return bool(
            self._tx.fetch_value(
                "select decision = 'hold-letters' from decisions where subject = %s"
                " and decision in ('hold-letters', 'resume-letters') and outcome is not null"
                " order by decided_at desc, decision_id desc limit 1",
                (cohort,),
            )
        )

    def of(self, assertion_id: str) -> list[str]:
        """The letters about a badge of which something was heard."""
        rows = self._tx.cursor.execute("select letter from letters where assertion_id = %s order by 1", (assertion_id,))
        return [letter for (letter,) in rows]

    def undelivered(
        self, cohort: str, *, limit: int, seen: Sequence[str] | None = None
    ) -> list[tuple[str, TroubledLetter]]:
        """Badge and letter, of those that need the office, the latest first."""
        return self._tx.fetch_all(
            _with_badge,
            "select l.assertion_id, p.registration_id, p.name, l.letter, l.state, l.attempt, l.at, l.answer"
            " from letters l join people p using (assertion_id)"
            " where p.cohort = %s and (%s::text[] is null or p.qualification = any(%s))"
            " and l.state in ('bounced', 'suppressed') order by l.at desc, 1 limit %s",
            (cohort, *[None if seen is None else list(seen)] * 2, limit),
        )

    def note_requested(self, events: Sequence[RequestedLetterUpdated]) -> None:
        """The latest state of each letter that a service asked for; an older one that comes later is ignored.

        None about somebody who was erased, as far as its id says so.
        """
        erased = erased_among(self._tx, {part for event in events for part in event.letter_id.split("/")})
        events = [event for event in events if erased.isdisjoint(event.letter_id.split("/"))]
        columns = ["state", "attempt", "at", "answer"]
        self._tx.insert_rows(
            "requested_letters",
            [
                {"letter_id": event.letter_id, "letter": event.letter}
                | {column: getattr(event, column) for column in columns}
                for event in last_of(events, lambda event: event.letter_id, lambda event: event.place)
            ],
            f"{replace('letter_id', columns)} where {PLACE.format('excluded')} >= {PLACE.format('requested_letters')}",
        )

    def requested_undelivered(self, *, limit: int) -> list[RequestedLetter]:
        """Letters that a service asked for and that came to nobody, the latest first."""
        return self._tx.fetch_all(
            RequestedLetter,
            "select letter, state, at, answer from requested_letters"
            " where state in ('bounced', 'suppressed') order by at desc limit %s",
            (limit,),
        )


def _with_badge(assertion_id: str, **columns: object) -> tuple[str, TroubledLetter]:
    return assertion_id, TroubledLetter(**columns)  # type: ignore[arg-type]
