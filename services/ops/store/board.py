"""What the board shows, read from the schema `ops`. Nothing here changes a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from itertools import chain
from typing import Any

from services.ops.board.counts import Group, Person, Selection, Stage
from services.ops.board.rows import AnchoredBatch, LetterDomain, TroubledLetter
from services.ops.rehearsal.durations import Rates
from services.ops.store.search_keys import count_folded_otherwise
from services.ops.store.standing import ENDED, HELD, Standing
from shared.runtime.db import Transaction

_OF = "cohort = %s and (%s::text[] is null or qualification = any(%s))"
_ON_THE_WAY = "place & 127 <> 127"  # the condition of the index standing_by_wait
_ANSWERS = 1000  # letters in trouble, the latest of all cohorts, whose answers are compared
_PERSON = ", ".join(field.name for field in fields(Person))


Seen = Sequence[str] | None
"""The qualifications whose people are shown; None: everybody."""


class BoardQueries:
    """Limits are numbers of rows; None takes all. Only people of the qualifications `seen` (None: all) are found."""

    def __init__(self, tx: Transaction, standing: Standing, seen: Seen = None) -> None:
        self._tx = tx
        self._qualifications = None if seen is None else list(seen)
        self._standing = standing

    def cohorts(self) -> list[str]:
        """All cohorts that have people, latest first."""
        self._standing.settle()
        rows = self._read("select distinct cohort from standing_counts where count > 0 order by cohort desc")
        return [row[0] for row in rows]

    def latest_cohort(self) -> str | None:
        """The latest cohort with somebody eligible, or held and not only for a later one; else the latest of all."""
        self._standing.settle()
        cohort: str | None = self._tx.fetch_value(
            "select coalesce(max(cohort) filter (where place & 3 <> 0 or held_reason not in ('', 'not-this-cycle')),"
            " max(cohort)) from standing_counts where count > 0"
        )
        return cohort

    def groups(self, cohort: str) -> list[Group]:
        self._standing.settle()
        return self._tx.fetch_all(
            Group,
            f"select place & {ENDED - 1} as reached, place & {ENDED} <> 0 as ended,"
            " nullif(held_reason, '') as held_reason, nullif(stuck_as, '') as stuck_as, sum(count)::bigint as count"
            f" from standing_counts where {_OF} and count > 0 group by 1, 2, 3, 4",
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
        self._standing.settle()
        if selection is None and reason is None:
            return self._persons(self._ids(cohort, "rank", (0, 1), after=after, limit=limit))
        places = [
            place
            for place in self._standing.places(cohort)
            if selection is None
            or (
                (place & ENDED != 0) == selection.ended
                and place & selection.mask == selection.value
                and (selection.held is None or (place & HELD != 0) == selection.held)
            )
        ]
        if reason is not None:
            places = [place for place in places if place & HELD]
        return self._persons(self._ids(cohort, "place", places, after=after, limit=limit, reason=reason))

    def work_first(self, cohort: str, *, after: str = "", limit: int | None = None) -> list[Person]:
        """Who is held or stuck, then the others, each in order of registration_id; `after`: rank and id of the last."""
        self._standing.settle()
        rank, last = (int(after[:1]), after[1:]) if after[:1] in ("0", "1") else (0, "")
        found = self._ids(cohort, "rank", (rank,), after=last, limit=limit)
        if rank == 0 and (limit is None or len(found) < limit):
            rest = None if limit is None else limit - len(found)
            found += self._ids(cohort, "rank", (1,), limit=rest)
        return self._persons(found)

    def person(self, registration_id: str) -> Person | None:
        return self._tx.fetch_one(
            Person, f"select {_PERSON} from progress where registration_id = %s", (registration_id,)
        )

    def revoked(self, cohort: str, *, limit: int) -> list[Person]:
        """People whose badge was revoked and not replaced, the latest first."""
        self._standing.settle()
        ended = [place for place in self._standing.places(cohort) if place & ENDED]
        ids = self._ids(cohort, "place", ended, limit=limit, order="since desc, registration_id")
        return self._persons(ids)

    def stuck(self, cohort: str, *, limit: int) -> list[Person]:
        """People who are stuck, by reason, the longest wait first."""
        self._standing.settle()
        return self._tx.fetch_all(
            Person,
            f"select {_PERSON} from progress where registration_id in (select registration_id from standing"
            f" where {_OF} and rank = 0 and stuck_as <> '' order by registration_id limit %s)"
            " order by stuck_as, stuck_at, registration_id",
            (*self._of(cohort), limit),
        )

    def missing(
        self, cohort: str, pairs: Sequence[tuple[Stage, Stage]], *, limit: int | None = None
    ) -> dict[Stage, list[Person]]:
        """For the right stage of each pair: the people who reached the left one and not yet the right one.

        Who is stuck stands before the others, then the longest wait before the shorter.
        """
        self._standing.settle()
        on_their_way = [place for place in self._standing.places(cohort) if not place & ENDED]
        ids = {}
        for left, right in pairs:
            places = [place for place in on_their_way if place & (left.bit | right.bit) == left.bit]
            ids[right] = self._ids(
                cohort, "place", places, limit=limit, order="rank, since, registration_id", where=_ON_THE_WAY
            )
        known = {person.registration_id: person for person in self._persons(sorted({*chain(*ids.values())}))}
        return {right: [known[id] for id in found if id in known] for right, found in ids.items()}

    def ahead(self, cohort: str, left: Stage, right: Stage, *, limit: int | None = None) -> list[Person]:
        """People who reached `right` without `left`."""
        self._standing.settle()
        places = [
            place
            for place in self._standing.places(cohort)
            if not place & ENDED and place & (left.bit | right.bit) == right.bit
        ]
        return self._persons(self._ids(cohort, "place", places, limit=limit))

    def oldest(self, cohort: str, pairs: Sequence[tuple[Stage, Stage]]) -> dict[Stage, datetime | None]:
        """For the right stage of each pair: since when the one waits who has waited longest for it."""
        on_their_way = [place for place in self._standing.places(cohort) if not place & ENDED]
        found: dict[Stage, datetime | None] = {}
        for left, right in pairs:
            places = [place for place in on_their_way if place & (left.bit | right.bit) == left.bit]
            found[right] = self._tx.fetch_value(
                "select min(s.since) from unnest(%s::smallint[]) as v (place), unnest(array[0, 1]) as r (rank), lateral"
                f" (select min(since) as since from standing where {_OF} and {_ON_THE_WAY} and place = v.place"
                "  and rank = r.rank) as s",
                (places, *self._of(cohort)),
            )
        return found

    def letters(self, cohort: str) -> dict[str, int]:
        """Number of letters to this cohort by state."""
        found: dict[str, int] = {}
        for _, state, count in self._letter_counts(cohort):
            found[state] = found.get(state, 0) + count
        return found

    def _letter_counts(self, cohort: str) -> list[tuple[str, str, int]]:
        self._standing.settle()
        return [
            (str(domain), str(state), int(count))
            for domain, state, count in self._read(
                f"select domain, state, sum(count) from letter_counts where {_OF} and count > 0 group by 1, 2",
                *self._of(cohort),
            )
        ]

    def letter_domains(self, cohort: str, *, limit: int) -> list[LetterDomain]:
        """The domains whose letters are in trouble or wait, most trouble first, each with its most frequent answer."""
        states: dict[str, dict[str, int]] = {}
        for domain, state, count in self._letter_counts(cohort):
            states.setdefault(domain, {})[state] = count
        answers = self._read(
            "select distinct on (domain) coalesce(l.domain, '') as domain, l.answer, count(*) from ("
            "  select assertion_id, domain, answer from letters where state in ('deferred', 'bounced')"
            f"  and answer is not null order by at desc limit {_ANSWERS}) as l join people p using (assertion_id)"
            f" where {_OF} group by 1, 2 order by 1, 3 desc, 2",
            *self._of(cohort),
        )
        worst = {domain: answer for domain, answer, _ in answers}
        rows = [
            LetterDomain(domain=domain, counts=counts, answer=worst.get(domain)) for domain, counts in states.items()
        ]
        rows.sort(key=lambda row: (-row.in_trouble, -row.waiting, row.domain))
        return [row for row in rows if row.in_trouble or row.waiting][:limit]

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
        self._standing.settle()
        return self._tx.fetch_all(
            AnchoredBatch,
            "select merkle_root, network, b.transaction, b.block_number, b.anchored_at, c.count as badges"
            " from batch_counts c join batches b using (merkle_root, network)"
            " where c.cohort = %s and c.count > 0 order by b.block_number desc limit %s",
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
        """Number of assertions that an event named before their holder is known."""
        self._standing.settle()
        return int(self._tx.fetch_value("select count(*) from unplaced"))

    def uncounted(self) -> int:
        """About how many changes no count or search has yet: more than a few only after an upgrade or a rebuild.

        By the ids of the notes, since the tables may be thousands of pages that held those of before.
        """
        return int(
            self._tx.fetch_value(
                "select (select coalesce(max(id) - min(id) + 1, 0) from stirred)"
                " + (select coalesce(max(id) - min(id) + 1, 0) from renamed)"
            )
            + count_folded_otherwise(self._tx)
        )

    def _ids(
        self,
        cohort: str,
        column: str,
        values: Sequence[int],
        *,
        after: str = "",
        limit: int | None = None,
        reason: str | None = None,
        order: str = "registration_id",
        where: str = "true",
    ) -> list[str]:
        """The registrations with one of these values of `column`: for each the first `limit`, of these the first."""
        rows = self._read(
            f"select s.registration_id from unnest(%s::smallint[]) as v (value), lateral ("
            f" select registration_id, since, rank from standing where {_OF} and {where} and {column} = v.value"
            f" and registration_id > %s and (%s::text is null or held_reason = %s) order by {order} limit %s) as s"
            f" order by {order} limit %s",
            list(values),
            *self._of(cohort),
            after,
            reason,
            reason,
            limit,
            limit,
        )
        return [row[0] for row in rows]

    def _persons(self, ids: Sequence[str]) -> list[Person]:
        """These people, in the order of `ids`."""
        if not ids:
            return []
        found = self._tx.fetch_all(
            Person, f"select {_PERSON} from progress where registration_id = any(%s)", (list(ids),)
        )
        known = {person.registration_id: person for person in found}
        return [known[id] for id in ids if id in known]

    def _of(self, cohort: str) -> tuple[Any, ...]:
        """The values of `_OF`."""
        return (cohort, self._qualifications, self._qualifications)

    def _read(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._tx.cursor.execute(query, values).fetchall()
