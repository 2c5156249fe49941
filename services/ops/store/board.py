"""What the board reads of the schema `ops`. Each method is one query; no method changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from services.ops.board.counts import Group, Person, Selection, Stage
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class KeptDeadLetter:
    """A dead letter and what the office did with it: `state` is open, replayed or discarded."""

    dead_letter_id: str
    topic: str
    partition: int | None
    offset: int | None
    key: bytes | None
    value: bytes | None
    consumer: str
    cause: str
    died_at: datetime
    state: str
    decided_by: str | None
    decided_why: str | None
    decided_at: datetime | None


@dataclass(frozen=True)
class Rejection:
    source: str
    row_number: int | None
    field: str
    expected: str
    got: str | None
    noted_at: datetime


@dataclass(frozen=True)
class Batch:
    """A Merkle batch that is final on chain; `badges` of this cohort are in it."""

    merkle_root: str
    network: str
    transaction: str
    block_number: int
    anchored_at: datetime
    badges: int


@dataclass(frozen=True)
class TroubledLetter:
    """A letter that is deferred, bounced or suppressed, and whose it is."""

    registration_id: str
    name: str | None
    letter: str
    state: str
    attempt: int
    at: datetime
    answer: str | None


_PERSON = ", ".join(field.name for field in fields(Person))
DEAD_LETTER_COLUMNS = ", ".join(f'"{field.name}"' for field in fields(KeptDeadLetter))


class Reading(Transaction):
    """Limits are numbers of rows; None takes all."""

    def cohorts(self) -> list[str]:
        """All cohorts that anybody belongs to, latest first."""
        rows = self._read(
            "with recursive c as (select max(cohort) as cohort from people union all"
            " select (select max(cohort) from people where cohort < c.cohort) from c where c.cohort is not null)"
            " select cohort from c where cohort is not null"
        )
        return [row[0] for row in rows]

    def latest_cohort(self) -> str | None:
        """The latest cohort with somebody eligible; before there is one, the latest at all."""
        rows = self._read(
            "select coalesce((select max(cohort) from people where eligible_at is not null),"
            " (select max(cohort) from people))"
        )
        cohort: str | None = rows[0][0]
        return cohort

    def groups(self, cohort: str) -> list[Group]:
        rows = self._read(
            "select reached, ended, case when held then held_reason end as why, count(*) from progress"
            " where cohort = %s group by 1, 2, 3",
            cohort,
        )
        return [Group(*row) for row in rows]

    def people(
        self, cohort: str, selection: Selection | None = None, *, after: str = "", limit: int | None = None
    ) -> list[Person]:
        """In order of registration_id, from the one that follows `after`."""
        condition = ""
        values: tuple[Any, ...] = ()
        if selection is not None:
            condition = " and reached & %s = %s and ended = %s and (%s::boolean is null or held = %s)"
            values = (selection.mask, selection.value, selection.ended, selection.held, selection.held)
        rows = self._read(
            f"select {_PERSON} from progress where cohort = %s and registration_id > %s{condition}"
            " order by registration_id limit %s",
            cohort,
            after,
            *values,
            limit,
        )
        return [Person(*row) for row in rows]

    def person(self, registration_id: str) -> Person | None:
        rows = self._read(f"select {_PERSON} from progress where registration_id = %s", registration_id)
        return Person(*rows[0]) if rows else None

    def revoked(self, cohort: str, *, limit: int) -> list[Person]:
        """Whose badge was revoked and not replaced, the latest first."""
        rows = self._read(
            f"select {_PERSON} from progress where cohort = %s and ended"
            " order by revoked_at desc, registration_id limit %s",
            cohort,
            limit,
        )
        return [Person(*row) for row in rows]

    def missing(
        self, cohort: str, pairs: Sequence[tuple[Stage, Stage]], *, limit: int | None = None
    ) -> dict[Stage, list[Person]]:
        """For the right stage of each pair: who reached the left one and not the right one, and still should.

        Who has waited longest comes first. One pass over the cohort, however many pairs.
        """
        if not pairs:
            return {}
        each = [
            f"(select {right.value}, {_PERSON} from due where reached & {left.bit | right.bit} = {left.bit}"
            f" order by {left.word}_at, registration_id limit %s)"
            for left, right in pairs
        ]
        rows = self._read(
            "with due as materialized (select * from progress where cohort = %s and not ended and reached <> 127) "
            + " union all ".join(each),
            cohort,
            *[limit] * len(pairs),
        )
        found: dict[Stage, list[Person]] = {right: [] for _, right in pairs}
        for right, *person in rows:
            found[Stage(right)].append(Person(*person))
        return found

    def ahead(self, cohort: str, left: Stage, right: Stage, *, limit: int | None = None) -> list[Person]:
        """Who reached `right` without `left`."""
        rows = self._read(
            f"select {_PERSON} from progress where cohort = %s and not ended and reached & %s = %s"
            " order by registration_id limit %s",
            cohort,
            left.bit | right.bit,
            right.bit,
            limit,
        )
        return [Person(*row) for row in rows]

    def letters(self, cohort: str) -> dict[str, int]:
        """How many letters to this cohort stand in each state."""
        rows = self._read(
            "select l.state, count(*) from letters l join people p using (assertion_id) where p.cohort = %s group by 1",
            cohort,
        )
        return dict(rows)

    def troubled_letters(self, cohort: str, *, limit: int) -> list[TroubledLetter]:
        rows = self._read(
            "select p.registration_id, p.name, l.letter, l.state, l.attempt, l.at, l.answer"
            " from letters l join people p using (assertion_id)"
            " where p.cohort = %s and l.state in ('deferred', 'bounced', 'suppressed') order by l.at desc limit %s",
            cohort,
            limit,
        )
        return [TroubledLetter(*row) for row in rows]

    def batches(self, cohort: str, *, limit: int) -> list[Batch]:
        """The latest first."""
        rows = self._read(
            "select merkle_root, network, b.transaction, b.block_number, b.anchored_at, count(*)"
            " from people p join assertions a using (assertion_id) join batches b using (merkle_root, network)"
            " where p.cohort = %s group by 1, 2, 3, 4, 5 order by b.block_number desc limit %s",
            cohort,
            limit,
        )
        return [Batch(*row) for row in rows]

    def unplaced(self) -> int:
        """Assertions of which something was heard, but not yet to whom they were issued."""
        rows = self._read(
            "select count(*) from (select assertion_id from assertions where registration_id is null"
            " union select assertion_id from letters) as heard"
            " where not exists (select from assertions a where a.assertion_id = heard.assertion_id"
            " and (a.registration_id is not null or a.replaced_by is not null))"
        )
        return int(rows[0][0])

    def rejections(self, *, limit: int) -> tuple[int, list[Rejection]]:
        """How many rows of deliveries could not be read, and the latest of them."""
        count = self._read("select count(*) from rejections")[0][0]
        rows = self._read(
            "select source, row_number, field, expected, got, noted_at from rejections"
            " order by noted_at desc, source, row_number limit %s",
            limit,
        )
        return int(count), [Rejection(*row) for row in rows]

    def open_dead_letters(self) -> int:
        return int(self._read("select count(*) from dead_letters where state = 'open'")[0][0])

    def dead_letters(self, state: str | None, *, limit: int) -> list[KeptDeadLetter]:
        """Oldest first. `state` None: all."""
        rows = self._read(
            f"select {DEAD_LETTER_COLUMNS} from dead_letters where %s::text is null or state = %s"
            " order by died_at, dead_letter_id limit %s",
            state,
            state,
            limit,
        )
        return [KeptDeadLetter(*row) for row in rows]

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.cursor.execute(query, values).fetchall()
