"""What the board shows, read from the schema `ops`. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from services.ops.board.counts import Group, Person, Selection, Stage
from services.ops.board.rows import AnchoredBatch, TroubledLetter
from services.ops.rehearsal.durations import Rates
from shared.runtime.db import Transaction

_OF = "cohort = %s and (%s::text[] is null or qualification = any(%s))"
_PERSON = ", ".join(field.name for field in fields(Person))


Seen = Sequence[str] | None
"""The qualifications whose people are shown; None: everybody."""


class BoardQueries:
    """Limits are numbers of rows; None takes all. Only people of the qualifications `seen` (None: all) are found."""

    def __init__(self, tx: Transaction, seen: Seen = None) -> None:
        self._tx = tx
        self._qualifications = None if seen is None else list(seen)

    def cohorts(self) -> list[str]:
        """All cohorts that have people, latest first."""
        rows = self._read(
            "with recursive c as (select max(cohort) as cohort from people union all"
            " select (select max(cohort) from people where cohort < c.cohort) from c where c.cohort is not null)"
            " select cohort from c where cohort is not null"
        )
        return [row[0] for row in rows]

    def latest_cohort(self) -> str | None:
        """The latest cohort with somebody eligible, or held and not only for a later one; else the latest of all."""
        cohort: str | None = self._tx.fetch_value(
            "select coalesce(greatest((select max(cohort) from people where eligible_at is not null),"
            "  (select max(cohort) from people where held_reason is not null and held_reason <> 'not-this-cycle')),"
            " (select max(cohort) from people))"
        )
        return cohort

    def groups(self, cohort: str) -> list[Group]:
        return self._tx.fetch_all(
            Group,
            "select reached, ended, case when held then held_reason end as held_reason, stuck_as, count(*) as count"
            f" from progress where {_OF} group by 1, 2, 3, 4",
            self._of(cohort),
        )

    def people(
        self,
        cohort: str,
        selection: Selection | None = None,
        *,
        after: str = "",
        limit: int | None = None,
        reason: str | None = None,
    ) -> list[Person]:
        """In order of registration_id, those that follow `after`; held for `reason`."""
        condition = ""
        values: tuple[Any, ...] = ()
        if selection is not None:
            condition = " and reached & %s = %s and ended = %s and (%s::boolean is null or held = %s)"
            values = (selection.mask, selection.value, selection.ended, selection.held, selection.held)
        if reason is not None:
            condition += " and held and held_reason = %s"
            values = (*values, reason)
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where {_OF} and registration_id > %s{condition}"
            " order by registration_id limit %s",
            (*self._of(cohort), after, *values, limit),
        )

    def work_first(self, cohort: str, *, after: str = "", limit: int | None = None) -> list[Person]:
        """Who is held or stuck, then the others, each in order of registration_id; `after`: rank and id of the last."""
        rank = "case when held or stuck_as is not null then 0 else 1 end"
        at = (int(after[:1]), after[1:]) if after[:1] in ("0", "1") else (0, "")
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where {_OF} and ({rank}, registration_id) > (%s, %s)"
            f" order by {rank}, registration_id limit %s",
            (*self._of(cohort), *at, limit),
        )

    def person(self, registration_id: str) -> Person | None:
        return self._tx.fetch_one(
            Person, f"select {_PERSON} from progress where registration_id = %s", (registration_id,)
        )

    def revoked(self, cohort: str, *, limit: int) -> list[Person]:
        """People whose badge was revoked and not replaced, the latest first."""
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where {_OF} and ended order by revoked_at desc, registration_id limit %s",
            (*self._of(cohort), limit),
        )

    def stuck(self, cohort: str, *, limit: int) -> list[Person]:
        """People who are stuck, by reason, the longest wait first."""
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where {_OF} and stuck_as is not null"
            " order by stuck_as, stuck_at, registration_id limit %s",
            (*self._of(cohort), limit),
        )

    def missing(
        self, cohort: str, pairs: Sequence[tuple[Stage, Stage]], *, limit: int | None = None
    ) -> dict[Stage, list[Person]]:
        """For the right stage of each pair: the people who reached the left one and not yet the right one.

        The longest wait comes first. One pass over the cohort, however many pairs.
        """
        if not pairs:
            return {}
        each = [
            f"(select {right.value}, {_PERSON} from due where reached & {left.bit | right.bit} = {left.bit}"
            f" order by {left.word}_at, registration_id limit %s)"
            for left, right in pairs
        ]
        rows = self._read(
            f"with due as materialized (select * from progress where {_OF} and not ended and reached <> 127) "
            + " union all ".join(each),
            *self._of(cohort),
            *[limit] * len(pairs),
        )
        found: dict[Stage, list[Person]] = {right: [] for _, right in pairs}
        for right, *person in rows:
            found[Stage(right)].append(Person(*person))
        return found

    def ahead(self, cohort: str, left: Stage, right: Stage, *, limit: int | None = None) -> list[Person]:
        """People who reached `right` without `left`."""
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where {_OF} and not ended and reached & %s = %s"
            " order by registration_id limit %s",
            (*self._of(cohort), left.bit | right.bit, right.bit, limit),
        )

    def letters(self, cohort: str) -> dict[str, int]:
        """Number of letters to this cohort by state."""
        rows = self._read(
            f"select l.state, count(*) from letters l join people using (assertion_id) where {_OF} group by 1",
            *self._of(cohort),
        )
        return dict(rows)

    def troubled_letters(self, cohort: str, *, limit: int) -> list[TroubledLetter]:
        """The latest first."""
        return self._tx.fetch_all(
            TroubledLetter,
            "select registration_id, name, l.letter, l.state, l.attempt, l.at, l.answer"
            " from letters l join people using (assertion_id)"
            f" where {_OF} and l.state in ('deferred', 'bounced', 'suppressed') order by l.at desc limit %s",
            (*self._of(cohort), limit),
        )

    def batches(self, cohort: str, *, limit: int) -> list[AnchoredBatch]:
        """The latest first."""
        return self._tx.fetch_all(
            AnchoredBatch,
            "select merkle_root, network, b.transaction, b.block_number, b.anchored_at, count(*) as badges"
            " from people p join assertions a using (assertion_id) join batches b using (merkle_root, network)"
            " where p.cohort = %s group by 1, 2, 3, 4, 5 order by b.block_number desc limit %s",
            (cohort, limit),
        )

    def last_rates(self, cohort: str | None) -> Rates:
        """The latest cohort, up to `cohort`, that has badges: of each stage the most badges in one minute."""
        last: str | None = self._tx.fetch_value(
            "select max(cohort) from people where assertion_id is not null and (%s::text is null or cohort <= %s)",
            (cohort, cohort),
        )
        if last is None:
            return Rates(None, {})
        stages = ("issued", "notified", "anchored", "rendered", "completed")
        times = ", ".join(f"('{stage}', {stage}_at)" for stage in stages)
        rows = self._read(
            "select stage, max(badges) from (select stage, count(*) as badges from progress"
            f" cross join lateral (values {times}) as reached (stage, at)"
            " where cohort = %s and at is not null group by stage, date_trunc('minute', at)) as minutes group by stage",
            last,
        )
        return Rates(last, dict(rows))

    def unplaced(self) -> int:
        """Number of assertions that an event named before it is known to whom they were issued."""
        return int(
            self._tx.fetch_value(
                "select count(*) from (select assertion_id from assertions where registration_id is null"
                " union select assertion_id from letters) as named"
                " where not exists (select from assertions a where a.assertion_id = named.assertion_id"
                " and (a.registration_id is not null or a.replaced_by is not null))"
            )
        )

    def _of(self, cohort: str) -> tuple[Any, ...]:
        """The values of `_OF`."""
        return (cohort, self._qualifications, self._qualifications)

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._tx.cursor.execute(query, values).fetchall()
