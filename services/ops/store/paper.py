"""Orders of paper in the schema `ops`: what the wallet and the renderer announce of them. No postal address."""

from __future__ import annotations

from collections.abc import Sequence

from services.ops.board.paper import PaperCount, PaperRow, SheetRow
from services.ops.store.board import Seen
from shared.clock import japan_date
from shared.paper_events import PaperItem, PaperOrdered, PaperState, PaperUpdated, PrintSheetRendered
from shared.runtime.db import Transaction
from shared.runtime.erasure import erased_among

_CHANGED = ("state", "revision", "at", "assertion_id", "sheet_id", "shipper", "tracking")

# Why an item is neither printed nor sent now: its badge doesn't count, or is another one than was printed.
_HELD = """
    case when i.state not in ('ordered', 'paid', 'printed', 'returned') then null
        when a.revoked_at is not null and a.replaced_by is null then 'revoked'
        when p.valid_until < %(today)s then 'expired'
        when a.revoked_at is not null or a.rendered_at is null or a.anchored_at is null or a.received_at is null
            or p.known_version > p.issued_version then 'waits'
        when i.state in ('printed', 'returned') and i.assertion_id <> p.assertion_id then 'changed' end
"""
_FROM = """
    from paper_items i join paper_orders o using (order_id)
    left join people p on p.registration_id = o.registration_id
    left join assertions a on a.assertion_id = p.assertion_id
"""


_SEEN = "(%(seen)s::text[] is null or p.qualification = any(%(seen)s))"


class PaperRows:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def note(self, events: Sequence[PaperOrdered | PaperUpdated | PrintSheetRendered]) -> None:
        """In any order, and repeated: of an item the highest revision counts. None of who was erased."""
        erased = erased_among(
            self._tx, {event.order_id for event in events if not isinstance(event, PrintSheetRendered)}
        )
        events = [e for e in events if isinstance(e, PrintSheetRendered) or e.order_id not in erased]
        ordered = {event.order_id: event for event in events if isinstance(event, PaperOrdered)}
        self._tx.insert_rows(
            "paper_orders",
            [
                {
                    "order_id": event.order_id,
                    "registration_id": event.registration_id,
                    "total": event.total,
                    "ordered_at": event.ordered_at,
                }
                for event in ordered.values()
            ],
        )
        self._tx.insert_rows(
            "paper_items",
            [
                {"order_id": event.order_id, "item": item, "state": "ordered", "revision": 0, "at": event.ordered_at}
                for event in ordered.values()
                for item in event.items
            ],
        )
        updated = [event for event in events if isinstance(event, PaperUpdated)]
        highest = {(event.order_id, event.item): event for event in sorted(updated, key=lambda event: event.revision)}
        self._tx.insert_rows(
            "paper_items",
            [
                {"order_id": event.order_id, "item": event.item, **{name: getattr(event, name) for name in _CHANGED}}
                for event in highest.values()
            ],
            f"(order_id, item) do update set {', '.join(f'{name} = excluded.{name}' for name in _CHANGED)}"
            " where paper_items.revision < excluded.revision",
        )
        for event in events:
            if isinstance(event, PrintSheetRendered):  # a few a day
                self._tx.cursor.execute(
                    "insert into paper_sheets (sheet_id, item, pages, printed, left_out, rendered_at)"
                    " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
                    (event.sheet_id, event.item, event.pages, event.printed, list(event.left_out), event.rendered_at),
                )

    def counts(self, seen: Seen = None) -> list[PaperCount]:
        return self._tx.fetch_all(
            PaperCount,
            f"select item, state, count(*) as count, count(held) as held from (select i.item, i.state, {_HELD} as held"
            f" {_FROM} where {_SEEN}) as items group by 1, 2 order by 1 desc, 2",
            {"today": self._today, "seen": _list(seen)},
        )

    def rows(
        self,
        states: Sequence[PaperState],
        item: PaperItem | None,
        *,
        only: Sequence[str] | None = None,
        of: Sequence[str] | None = None,
        seen: Seen = None,
        limit: int,
    ) -> list[PaperRow]:
        """In these states, the oldest order first. `only`: of these orders. `of`: for these registrations.

        `seen`: as of `BoardQueries`.
        """
        return self._tx.fetch_all(
            PaperRow,
            "select i.order_id, i.item, i.state, i.at, o.ordered_at, o.total, o.registration_id, p.name,"
            f" p.qualification, p.registration_number, {_HELD} as held, i.sheet_id, i.shipper, i.tracking {_FROM}"
            " where i.state = any(%(states)s) and (%(item)s::text is null or i.item = %(item)s)"
            f" and (%(only)s::text[] is null or i.order_id = any(%(only)s)) and {_SEEN}"
            " and (%(of)s::text[] is null or o.registration_id = any(%(of)s))"
            " order by o.ordered_at, i.order_id, i.item desc limit %(limit)s",
            {
                "today": self._today,
                "states": list(states),
                "item": item,
                "only": _list(only),
                "of": _list(of),
                "seen": _list(seen),
                "limit": limit,
            },
        )

    def known(self, order_ids: Sequence[str], seen: Seen = None) -> set[tuple[str, str]]:
        """The items of these orders."""
        return set(
            self._tx.cursor.execute(
                f"select i.order_id, i.item {_FROM} where i.order_id = any(%(ids)s) and {_SEEN}"
                if seen is not None
                else "select order_id, item from paper_items where order_id = any(%(ids)s)",
                {"ids": list(order_ids), "seen": _list(seen)},
            ).fetchall()
        )

    def sheets(self, *, limit: int) -> list[SheetRow]:
        """The latest first."""
        return self._tx.fetch_all(
            SheetRow,
            "select sheet_id, item, pages, printed, left_out, rendered_at from paper_sheets"
            " order by rendered_at desc, sheet_id limit %s",
            (limit,),
        )

    @property
    def _today(self) -> object:
        return japan_date(self._tx.now())


def _list(texts: Sequence[str] | None) -> list[str] | None:
    return None if texts is None else list(texts)
