"""The tables `rejections` and `dismissals` of the schema `ops`: rows of deliveries that could not be read.

A row has one rejection for each field that is wrong; it is one row to the office, and open until all are dismissed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.ops.board.rejected import DISMISS, Problem, RejectedRow
from shared.office_events import OfficeDecided
from shared.runtime.db import Transaction

# A record that came by itself (Kafka) has no row number: each rejection stands alone.
_ROW = "r.source, coalesce(r.row_number::text, r.rejection_id)"
_OPEN = "r.is_open"  # kept by triggers; the open ones have an index, however many were dismissed
_STATE = {"open": "bool_or(d.decision_id is null)", "dismissed": "bool_and(d.decision_id is not null)", "all": "true"}


class RejectionRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def open_count(self) -> int:
        return int(
            self._tx.fetch_value(
                f"select count(*) from (select from rejections r where {_OPEN} group by {_ROW}) as rows"
            )
        )

    def rows(self, state: str, *, limit: int) -> list[RejectedRow]:
        """The latest deliveries first, in the order of their rows. `state`: open, dismissed or all."""
        where = f"where ({_ROW}) in (select {_ROW} from rejections r where {_OPEN})" if state == "open" else ""
        return self._tx.fetch_all(
            _row,
            "select min(r.rejection_id) as id, r.source, r.row_number, max(r.noted_at) as noted_at,"
            " json_agg(json_build_object('rejection_id', r.rejection_id, 'field', r.field, 'expected', r.expected,"
            " 'got', r.got) order by r.field)::text as problems,"
            ' max(o.decided_by) as "by", max(o.why) as why, max(o.decided_at) as dismissed_at'
            " from rejections r left join dismissals d using (rejection_id)"
            " left join decisions o on o.decision_id = d.decision_id"
            f" {where} group by {_ROW}, r.row_number having {_STATE[state]}"
            " order by max(r.noted_at) desc, r.source, r.row_number, id limit %s",
            (limit,),
        )

    def open_of(self, ids: Sequence[str] | None, source: str | None) -> list[tuple[str, str]]:
        """Source and rejection_id of what is open in the rows that hold one of `ids`, and in those of `source`.

        Both None: of every row.
        """
        rows = self._tx.cursor.execute(
            f"select r.source, r.rejection_id from rejections r where {_OPEN} and ("
            " %(ids)s::text[] is null and %(source)s::text is null or r.source = %(source)s"
            f" or ({_ROW}) in (select {_ROW} from rejections r where r.rejection_id = any(%(ids)s)))"
            " order by r.source, r.row_number, r.rejection_id",
            {"ids": None if ids is None else list(ids), "source": source},
        ).fetchall()
        return [(str(row[0]), str(row[1])) for row in rows]

    def known(self, ids: Sequence[str]) -> set[str]:
        rows = self._tx.cursor.execute(
            "select rejection_id from rejections where rejection_id = any(%s)", (list(ids),)
        ).fetchall()
        return {str(row[0]) for row in rows}

    def note_dismissed(self, events: Sequence[OfficeDecided]) -> None:
        """Keep which rejections these decisions dismiss; after a restore the rejection itself may come later."""
        self._tx.insert_rows(
            "dismissals",
            [
                {"rejection_id": id, "decision_id": event.decision_id}
                for event in events
                if event.decision == DISMISS
                for id in event.rejections
            ],
        )


def _row(
    *,
    id: str,
    source: str,
    row_number: int | None,
    noted_at: datetime,
    problems: str,
    by: str | None,
    why: str | None,
    dismissed_at: datetime | None,
) -> RejectedRow:
    read = msgspec.json.decode(problems, type=tuple[Problem, ...])
    return RejectedRow(id, source, row_number, noted_at, read, by, why, dismissed_at)
