"""Orders to several services, in the schema `ops`: rebuild one, compare tables and object storage, erase a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.ops.board.decisions import REBUILD, SCRUB, ProducerLine
from services.ops.board.rebuilds import producers_of
from services.ops.board.scrubs import scrubbers_of
from services.ops.store.outcomes import PRODUCERS, Outcomes
from shared.office_events import RebuildOrdered, ScrubOrdered


class AwaitedOrders(Outcomes):
    """Each has its outcome when all that are to answer have answered."""

    def note_rebuilds(self, orders: Sequence[RebuildOrdered]) -> None:
        """Keep orders to rebuild, with the services that are to answer."""
        self._note_awaited([_awaited_row(order, REBUILD, order.reader, _awaited(order)) for order in orders])

    def note_scrubs(self, orders: Sequence[ScrubOrdered]) -> None:
        """Keep orders to compare tables and object storage, with the services that are to answer."""
        self._note_awaited([_awaited_row(order, SCRUB, order.subject, _awaited(order)) for order in orders])

    def producers(self, ids: Sequence[str]) -> dict[str, list[ProducerLine]]:
        """What each service that is to answer these orders has answered so far."""
        found: dict[str, list[ProducerLine]] = {id: [] for id in ids}
        if ids:
            for id, service, outcome, detail, at in self._tx.cursor.execute(
                "select d.decision_id, p.service, s.outcome, s.detail, s.settled_at from decisions d"
                f" cross join unnest({PRODUCERS}) with ordinality as p (service, number)"
                " left join settlements s on s.decision_id = d.decision_id and s.service = p.service"
                " where d.decision_id = any(%s) order by p.number",
                (list(ids),),
            ):
                found[id].append(ProducerLine(service=service, outcome=outcome, detail=detail, settled_at=at))
        return found

    def _note_awaited(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._tx.insert_rows("decisions", rows)
        self.take_outcomes([row["decision_id"] for row in rows])


def _awaited_row(
    order: RebuildOrdered | ScrubOrdered, decision: str, subject: str, producers: Sequence[str]
) -> dict[str, Any]:
    return {
        "decision_id": order.decision_id,
        "decision": decision,
        "subject": subject,
        "decided_by": order.by,
        "why": order.why,
        "decided_at": order.ordered_at,
        "producers": ",".join(producers),
    }


def _awaited(order: RebuildOrdered | ScrubOrdered) -> tuple[str, ...]:
    try:
        if isinstance(order, ScrubOrdered):
            return scrubbers_of(order.subject)
        return producers_of(order.reader, order.producer)
    except ValueError:  # of another release, whose services read otherwise: it is on record, without an outcome
        return ()
