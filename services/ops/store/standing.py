"""Where each person stands, in the schema `ops`: a copy of the view `progress`, counted, brought up to date when read.

Triggers note in `stirred` whose rows changed (migration 0011), and in `renamed` whose names or numbers did. Counts are
exact for all that was committed when they are read, and cost what has changed since the last time, not what there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.ops.store.notes import delete_first
from services.ops.store.search_keys import are_folded_otherwise, write_search_keys
from shared.runtime.db import Transaction

ENDED, HELD = 1 << 7, 1 << 8
"""In `place`, beside the bits of the stages (board/counts.py)."""

_MOST = 20_000  # notes taken up at a time: half a second. More wait only after an upgrade or a rebuild
_LETTERS = (
    "(select coalesce(array_agg(l.state || E'\\t' || coalesce(l.domain, '') order by l.letter), '{}')"
    " from letters l where l.assertion_id = p.assertion_id)"
)
_SINCE = (
    "case when ended then revoked_at when held then held_at when reached & 2 = 0 then eligible_at"
    " when reached & 4 = 0 then issued_at when reached & 8 = 0 then notified_at when reached & 16 = 0 then received_at"
    " when reached & 32 = 0 then anchored_at when reached & 64 = 0 then rendered_at else completed_at end"
)
_COLUMNS = "registration_id, cohort, qualification, place, rank, since, held_reason, stuck_as, letters, merkle_root"
_NOW = (
    "select p.registration_id, p.cohort, coalesce(p.qualification, '') as qualification,"
    f" (reached + ended::integer * {ENDED} + held::integer * {HELD})::smallint as place,"
    " (case when held or stuck_as is not null then 0 else 1 end)::smallint as rank,"
    f" {_SINCE} as since, case when held then held_reason else '' end as held_reason,"
    f" coalesce(stuck_as, '') as stuck_as, {_LETTERS} as letters, b.merkle_root, b.network"
    " from progress p left join lateral (select a.merkle_root, a.network from assertions a"
    "  where a.assertion_id = p.assertion_id and a.merkle_root is not null) as b on true"
    " where p.registration_id = any(%(ids)s)"
)


def _counted(table: str, columns: str, rows: str) -> str:
    """The statement that counts `rows` (of now 1, of before -1) into `table`."""
    return (
        f"insert into {table} ({columns}, count) select {columns}, sum(n) from ({rows}) as changed"
        f" group by {columns} having sum(n) <> 0"
        f" on conflict ({columns}) do update set count = {table}.count + excluded.count"
    )


def _both(select: str) -> str:
    """`select` of the rows as they are now, and as they were counted before; {} is the table, {n} 1 or -1."""
    return f"{select.format(table='present', n=1)} union all {select.format(table='former', n=-1)}"


_FORMER = "former as materialized (select * from standing where registration_id = any(%(ids)s))"
_COUNTS = (
    (
        "standing_counts",
        "cohort, qualification, place, held_reason, stuck_as",
        "select cohort, qualification, place, held_reason, stuck_as, {n} as n from {table}",
    ),
    (
        "letter_counts",
        "cohort, qualification, state, domain",
        "select cohort, qualification, split_part(letter, E'\\t', 1) as state,"
        " split_part(letter, E'\\t', 2) as domain, {n} as n from {table}, unnest(letters) as letter",
    ),
    (
        "batch_counts",
        "cohort, merkle_root, network",
        "select cohort, merkle_root, network, {n} as n from {table} where merkle_root is not null",
    ),
)
_FORGOTTEN = tuple(
    f"with {_FORMER} {_counted(table, columns, select.format(table='former', n=-1))}"
    for table, columns, select in _COUNTS
)
_STANDING = (
    f"with present as materialized ({_NOW}), {_FORMER}, "
    + ", ".join(f"{table}_now as ({_counted(table, columns, _both(select))})" for table, columns, select in _COUNTS)
    + f" insert into standing ({_COLUMNS}, network) select {_COLUMNS}, network from present"
    " on conflict (registration_id) do update set"
    + ", ".join(f" {name} = excluded.{name}" for name in f"{_COLUMNS}, network".split(", ")[1:])
)


class Standing:
    """The counts of the board. Any method may be called within any transaction that only reads."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._is_settled = False

    def settle(self) -> int:
        """Bring standing, counts and search keys up to date; how many notes were taken up. Once in a transaction.

        One transaction at a time does so.
        """
        if self._is_settled:
            return 0
        self._is_settled = True
        cursor = self._tx.cursor
        # By the indexes: the tables themselves may be thousands of pages that held the notes of an upgrade.
        stirred, renamed = cursor.execute(
            "select (select min(id) from stirred) is not null, (select min(id) from renamed) is not null"
        ).fetchone() or (False, False)
        renamed = renamed or are_folded_otherwise(self._tx)
        if not stirred and not renamed:
            return 0
        cursor.execute("select pg_advisory_xact_lock(hashtext('ops/standing'))")
        # A note is committed with what it is about: who sees it here sees that in each later statement, too.
        # If we die before the commit, the notes are there still; after it, all of them are taken up.
        return (self._count() if stirred else 0) + (write_search_keys(self._tx) if renamed else 0)

    def forget(self, registration_ids: Sequence[str]) -> None:
        """These people are counted no more, before their rows are deleted."""
        cursor = self._tx.cursor
        cursor.execute("select pg_advisory_xact_lock(hashtext('ops/standing'))")
        for statement in _FORGOTTEN:
            cursor.execute(statement, {"ids": list(registration_ids)})

    def _count(self) -> int:
        taken = self._tx.cursor.execute(
            f"with taken as ({delete_first('stirred', 'registration_id, assertion_id')})"
            " select count(*), coalesce(array_agg(distinct registration_id) filter (where registration_id is not null),"
            " '{}'), coalesce(array_agg(distinct assertion_id) filter (where assertion_id is not null), '{}')"
            " from taken",
            (_MOST,),
        ).fetchone()
        assert taken is not None
        count, people, badges = taken
        if badges:
            people = sorted({*people, *self._holders(badges)})
            self._note_unplaced(badges)
        if people:
            self._tx.cursor.execute(_STANDING, {"ids": people})
        return int(count)

    def _holders(self, assertion_ids: Sequence[str]) -> list[str]:
        rows = self._tx.cursor.execute(
            "select registration_id from assertions where assertion_id = any(%(ids)s) and registration_id is not null"
            " union select registration_id from people where assertion_id = any(%(ids)s)",
            {"ids": assertion_ids},
        ).fetchall()
        return [row[0] for row in rows]

    def _note_unplaced(self, assertion_ids: Sequence[str]) -> None:
        self._tx.cursor.execute(
            "with named as (select id, a.registration_id is null and a.replaced_by is null as is_unplaced"
            "  from unnest(%(ids)s::text[]) as id left join assertions a on a.assertion_id = id),"
            " placed as (delete from unplaced where assertion_id in (select id from named where not is_unplaced))"
            " insert into unplaced select id from named where is_unplaced on conflict do nothing",
            {"ids": assertion_ids},
        )

    def places(self, cohort: str) -> list[int]:
        """In which places anybody of the cohort is."""
        rows = self._tx.cursor.execute(
            "select distinct place from standing_counts where cohort = %s and count > 0", (cohort,)
        )
        return [place for (place,) in rows]

    def stamp(self) -> tuple[Any, ...]:
        """Differs from that of before when something that the board shows has changed. One small query."""
        self.settle()
        found = self._tx.cursor.execute(
            "select (select array_agg((cohort, qualification, place, held_reason, stuck_as, count)::text)"
            "  from standing_counts),"
            " (select array_agg((cohort, qualification, state, domain, count)::text) from letter_counts),"
            " (select array_agg((cohort, merkle_root, network, count)::text) from batch_counts),"
            " (select count(*) from unplaced), (select count(*) from dead_letters where state = 'open'),"
            " (select (count(*), max(noted_at))::text from rejections where is_open),"
            " (select (count(*), max(noticed_at))::text from restores),"
            " (select max(at) from scrub_reports), (select max(at) from letters where state in"
            "  ('deferred', 'bounced', 'suppressed')),"
            " (select max(decided_at) from decisions), (select max(settled_at) from settlements),"
            " (select array_agg(decision_id) from cohort_holds),"
            " (select (count(*), count(anchored_at), max(stated_at))::text from statements)"
        ).fetchone()
        return found or ()
