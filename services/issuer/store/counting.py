"""The SQL of the public count: statements, the badges that they count, and the leaves of anchored batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.issuer.domain.counting import Count
from shared import object_keys
from shared.count_events import StatementPublished
from shared.credentials.count import Batch, Figures
from shared.events import AssertionAnchored
from shared.retry import due_at, is_due_sql
from shared.runtime.db import Transaction

_MOST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class StatementRow:
    """A statement. `body` None: known from our own announcement only, after a restore."""

    cohort: str
    number: int
    leaf: str
    body: bytes | None
    leaves: bytes | None
    stated_at: datetime
    attempts: int

    @property
    def id(self) -> str:
        return object_keys.statement_id(self.cohort, self.number)


_STATEMENT = "select cohort, number, leaf, body, leaves, stated_at, attempts from statements"


class CountTransaction(Transaction):
    # ── anchored batches ───────────────────────────────────────────────────────────────────────────────

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Step 7. A batch is final; its manifest, written before this was announced, tells which badges are in it."""
        self.note_batches(event.merkle_root for event in events)

    def note_batches(self, roots: Iterable[str]) -> None:
        """These batches are final; one that was noted before stays as it is."""
        now = self.now()
        self.insert_rows("anchored_batches", [{"root": root, "next_try_at": now} for root in dict.fromkeys(roots)])

    def next_unread_batch(self, now: datetime) -> tuple[str, int] | None:
        """The root of a batch whose manifest is due to be read, locked, and how often that failed."""
        row = self.cursor.execute(
            f"select root, attempts from anchored_batches where read_at is null and {is_due_sql('next_try_at')}"
            " order by next_try_at, root limit 1 for update skip locked",
            due_at(now, _MOST_PAUSE),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def keep_leaves(self, root: str, leaves: Iterable[str], now: datetime) -> None:
        self.insert_rows("anchored_leaves", [{"leaf": leaf, "root": root} for leaf in leaves])
        self.cursor.execute("update anchored_batches set read_at = %s, last_error = null where root = %s", (now, root))

    def postpone_batch(self, root: str, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update anchored_batches set attempts = attempts + 1, last_error = %s, next_try_at = %s where root = %s",
            (error, next_try_at, root),
        )

    # ── counting ───────────────────────────────────────────────────────────────────────────────────────

    def try_count_lock(self) -> bool:
        """True for one process at a time, until its transaction ends."""
        return bool(self.fetch_value("select pg_try_advisory_xact_lock(hashtext('issuer/count'))"))

    def newest_statements(self) -> dict[str, StatementRow]:
        """The newest statement of each cohort, published or not."""
        found = self.fetch_all(
            StatementRow,
            "with recursive newest as ("  # a look into the index a cohort: there may be a hundred statements a day
            f" ({_STATEMENT} order by cohort desc, number desc limit 1)"
            f" union all select before.* from newest, lateral ({_STATEMENT}"
            "  where statements.cohort < newest.cohort order by cohort desc, number desc limit 1) as before)"
            " select * from newest",
        )
        return {row.cohort: row for row in found}

    def has_pending_statements(self) -> bool:
        """Whether one is not published yet, or has not been read from storage since a restore."""
        return bool(self.fetch_value("select exists (select from statements where state = 'signed' or body is null)"))

    def has_unstored_revocations(self) -> bool:
        return bool(
            self.fetch_value("select exists (select from assertions where state = 'signed' and revoked_at is not null)")
        )

    def statement(self, cohort: str, number: int) -> StatementRow | None:
        return self.fetch_one(StatementRow, f"{_STATEMENT} where cohort = %s and number = %s", (cohort, number))

    def cohorts_to_count(self) -> list[str]:
        found = self.cursor.execute("select distinct cohort from assertions where state = 'stored' order by cohort")
        return [cohort for (cohort,) in found if object_keys.is_cohort(cohort)]

    def count(self, cohort: str, number: int) -> Count:
        """The badges of a cohort, those among them that no statement has counted marked as counted by `number`.

        One that another process changes at this moment is left for the next statement.
        """
        marked = self.cursor.execute(
            "with unstated as (select assertion_id from assertions where cohort = %s and stated_in is null"
            "  and state = 'stored' order by assertion_id for update skip locked)"
            " update assertions set stated_in = %s from unstated where unstated.assertion_id = assertions.assertion_id"
            " returning leaf, nullif(convert_from(announcement, 'UTF8'), '')::json #>> '{award,valid_until}'",
            (cohort, number),
        ).fetchall()
        parts = self.cursor.execute(
            "select qualification, root, status_list, count(*),"
            " count(*) filter (where revoked_at is not null and replaced_by is null),"
            " count(*) filter (where revoked_at is not null and replaced_by is not null)"
            " from assertions left join anchored_leaves using (leaf)"
            " where cohort = %s and stated_in is not null group by 1, 2, 3",
            (cohort,),
        ).fetchall()
        figures: defaultdict[str, Figures] = defaultdict(Figures)
        batches: defaultdict[str, int] = defaultdict(int)
        for qualification, root, _, badges, revoked, corrected in parts:
            anchored = 0 if root is None else badges
            figures[qualification] = figures[qualification].plus(Figures(badges, revoked, corrected, anchored))
            if root is not None:
                batches[root] += badges
        return Count(
            cohort=cohort,
            figures=dict(figures),
            added=tuple(sorted(leaf for leaf, _ in marked)),
            batches=tuple(Batch(root, badges) for root, badges in sorted(batches.items())),
            status_lists=tuple(sorted({number for _, _, number, *_ in parts})),
            last_day=max((date.fromisoformat(day) for _, day in marked if day), default=date.min),
        )

    def save_statement(
        self, cohort: str, number: int, leaf: str, body: bytes, leaves: bytes, stated_at: datetime
    ) -> None:
        """A signed statement, to be published. UniqueViolation for a number that is taken."""
        row = {
            "cohort": cohort,
            "number": number,
            "leaf": leaf,
            "body": body,
            "leaves": leaves,
            "stated_at": stated_at,
            "next_try_at": stated_at,
        }
        self.insert_rows("statements", [row], on_conflict=None)

    # ── publication ────────────────────────────────────────────────────────────────────────────────────

    def next_pending_statement(self, now: datetime) -> StatementRow | None:
        """The first statement that is due to be published, or to be read from storage after a restore, locked."""
        return self.fetch_one(
            StatementRow,
            f"{_STATEMENT} where (state = 'signed' or body is null) and {is_due_sql('next_try_at')}"
            " order by next_try_at, cohort, number limit 1 for update skip locked",
            due_at(now, _MOST_PAUSE),
        )

    def mark_statement(self, cohort: str, number: int) -> None:
        self.cursor.execute(
            "update statements set state = 'published', last_error = null where cohort = %s and number = %s",
            (cohort, number),
        )

    def postpone_statement(self, row: StatementRow, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update statements set attempts = attempts + 1, last_error = %s, next_try_at = %s"
            " where cohort = %s and number = %s",
            (error, next_try_at, row.cohort, row.number),
        )

    def keep_statement(
        self, row: StatementRow, leaf: str, body: bytes, leaves: bytes, added: Sequence[str], stated_at: datetime
    ) -> None:
        """The statement as storage has it, in place of what the table has: it counts just these badges first."""
        self.cursor.execute(
            "update statements set leaf = %s, body = %b, leaves = %b, stated_at = %s where cohort = %s and number = %s",
            (leaf, body, leaves, stated_at, row.cohort, row.number),
        )
        self.cursor.execute(
            "update assertions set stated_in = case when leaf = any(%s) then %s end where assertion_id in"
            " (select assertion_id from assertions where cohort = %s and (stated_in = %s or leaf = any(%s))"
            "  order by assertion_id for update)",
            (list(added), row.number, row.cohort, row.number, list(added)),
        )

    def take_back_statements(self, events: Sequence[StatementPublished]) -> None:
        """After a restore. Statements as they were announced; their bytes are in storage, and read from there.

        One that was signed under such a number and not published is no statement.
        """
        now = self.now()
        self.insert_rows(
            "statements",
            [
                _known(e.cohort, e.number, e.leaf, e.stated_at, now)
                for e in {(e.cohort, e.number): e for e in events}.values()
            ],
            "(cohort, number) do update set state = 'published', leaf = excluded.leaf, stated_at = excluded.stated_at,"
            " body = case when statements.leaf = excluded.leaf then statements.body end,"
            " leaves = case when statements.leaf = excluded.leaf then statements.leaves end,"
            " next_try_at = excluded.next_try_at",
        )

    def adopt_statement(self, cohort: str, number: int, leaf: str, stated_at: datetime) -> None:
        """A statement that only storage has: published, and to be read from there."""
        self.insert_rows("statements", [_known(cohort, number, leaf, stated_at, self.now())])

    # ── inventory ──────────────────────────────────────────────────────────────────────────────────────

    def published_statements(self, after: tuple[str, int], limit: int) -> list[StatementRow]:
        return self.fetch_all(
            StatementRow,
            f"{_STATEMENT} where state = 'published' and body is not null and (cohort, number) > (%s, %s)"
            " order by cohort, number limit %s",
            (*after, limit),
        )

    def lock_statement(self, cohort: str, number: int) -> StatementRow | None:
        """The statement, if it is published, locked: it is put while the same lock is held."""
        return self.fetch_one(
            StatementRow,
            f"{_STATEMENT} where state = 'published' and body is not null and cohort = %s and number = %s for update",
            (cohort, number),
        )

    def known_statements(self, ids: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
        cohorts, numbers = [cohort for cohort, _ in ids], [number for _, number in ids]
        return set(
            self.cursor.execute(
                "select cohort, number from statements join unnest(%s::text[], %s::integer[]) as asked (cohort, number)"
                " using (cohort, number)",
                (cohorts, numbers),
            ).fetchall()
        )


def _known(cohort: str, number: int, leaf: str, stated_at: datetime, now: datetime) -> dict[str, object]:
    """The row of a published statement whose bytes are to be read from storage."""
    return {
        "cohort": cohort,
        "number": number,
        "leaf": leaf,
        "stated_at": stated_at,
        "state": "published",
        "next_try_at": now,
    }
