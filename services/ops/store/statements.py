"""The table `statements` of the schema `ops`: the public count, as far as it is published and anchored."""

from __future__ import annotations

from collections.abc import Sequence

from services.ops.board.statements import StatementLine
from shared.count_events import StatementAnchored, StatementPublished
from shared.runtime.db import Transaction


class StatementRows:
    """A statement is published and anchored once; either may be heard of first."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note_published(self, events: Sequence[StatementPublished]) -> None:
        self._tx.upsert_rows(
            "statements",
            [
                {
                    "cohort": event.cohort,
                    "number": event.number,
                    "stated_at": event.stated_at,
                    "issued": event.issued,
                    "valid": event.valid,
                }
                for event in {(e.cohort, e.number): e for e in events}.values()
            ],
            "cohort, number",
        )

    def note_anchored(self, events: Sequence[StatementAnchored]) -> None:
        self._tx.upsert_rows(
            "statements",
            [
                {
                    "cohort": event.cohort,
                    "number": event.number,
                    "anchored_at": event.anchored_at,
                    "network": event.network,
                }
                for event in {(e.cohort, e.number): e for e in events}.values()
            ],
            "cohort, number",
        )

    def newest(self, *, limit: int) -> list[StatementLine]:
        """The newest statement of each cohort, the latest cohorts first."""
        return self._tx.fetch_all(
            StatementLine,
            "select s.cohort, s.number, s.stated_at as at, s.issued, s.valid, s.anchored_at, s.network,"
            " (select max(number) from statements a where a.cohort = s.cohort and a.anchored_at is not null)"
            "  as anchored_number"
            " from (select distinct on (cohort) * from statements where stated_at is not null"
            "  order by cohort desc, number desc limit %s) s order by s.cohort desc",
            (limit,),
        )
