"""The tables of orders on paper. Postal addresses stay in here: no event has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.wallet.domain.paper import OPEN, PlacedItem
from services.wallet.domain.postal import PostalAddress
from services.wallet.domain.shipping import ShippingLine
from shared.paper_events import PaperItem, PaperLine, PaperOrdered, PaperState, PaperUpdated
from shared.runtime.db import Transaction

_PLACED = (
    "select i.order_id, i.item, o.registration_id, o.ordered_at, i.state, i.revision, i.at, i.assertion_id, i.sheet_id,"
    " i.shipper, i.tracking, o.line is not null as has_address from paper_items i join paper_orders o using (order_id)"
)
_CHANGED = ("state", "revision", "at", "assertion_id", "sheet_id", "shipper", "tracking")
_NEEDS_NO_ADDRESS = ("ordered", "sent", "cancelled")
"""Nothing is sent before it is paid: a holder who pays late enters the address again."""


class PaperOrders:
    """The orders as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    # ── orders ──

    def place(self, event: PaperOrdered, address: PostalAddress) -> bool:
        """Keep the order and announce it. False when its number is taken: then nothing is kept."""
        row = {**_order_row(event), **asdict(address)}
        if not self._tx.insert_rows("paper_orders", [row], returning="order_id"):
            return False
        self._tx.insert_rows("paper_items", _item_rows(event))
        self._tx.announce(event)
        return True

    def set_address(self, order_id: str, address: PostalAddress) -> None:
        self._tx.update_rows("paper_orders", [{"order_id": order_id, **asdict(address)}], "order_id")

    def open_items(self, registration_id: str) -> set[PaperItem]:
        """What is on order for this registration and not sent yet."""
        found = self._tx.cursor.execute(
            "select i.item from paper_items i join paper_orders o using (order_id)"
            " where o.registration_id = %s and i.state = any(%s)",
            (registration_id, list(OPEN)),
        )
        return {item for (item,) in found}

    def of_registration(self, registration_id: str) -> list[PlacedItem]:
        """The latest order first."""
        return self._tx.fetch_all(
            PlacedItem,
            f"{_PLACED} where o.registration_id = %s order by o.ordered_at desc, i.order_id, i.item desc",
            (registration_id,),
        )

    # ── steps of the office ──

    def lock(self, lines: Sequence[PaperLine]) -> dict[tuple[str, PaperItem], PlacedItem]:
        """Those of these items that there are, locked until this transaction ends."""
        found = self._tx.fetch_all(
            PlacedItem,
            f"{_PLACED} where (i.order_id, i.item) in (select * from unnest(%s::text[], %s::text[]))"
            " order by i.order_id, i.item for update of i",
            ([line.order_id for line in lines], [line.item for line in lines]),
        )
        return {(placed.order_id, placed.item): placed for placed in found}

    def update(self, events: Sequence[PaperUpdated]) -> None:
        """Change the states and announce that."""
        self._write(events)
        self._tx.announce(*events)

    def shipping(self, states: Sequence[PaperState], sheet_id: str | None) -> list[ShippingLine]:
        """In these states, of one sheet or of all; in the order of the sheets' pages."""
        return self._tx.fetch_all(
            _shipping_line,
            "select i.order_id, i.item, i.state, i.sheet_id, o.addressee, o.postcode, o.prefecture, o.line, o.phone"
            " from paper_items i join paper_orders o using (order_id)"
            " left join badges b on b.assertion_id = i.assertion_id"
            " where i.state = any(%s) and (%s::text is null or i.sheet_id = %s)"
            " order by i.sheet_id, b.qualification, i.order_id, i.item",
            (list(states), sheet_id, sheet_id),
        )

    def forget_addresses(self, before: datetime, *, most: int) -> int:
        """Delete the addresses of orders whose last item was sent, cancelled, or ordered and never paid; how many.

        `before`: the moment since which nothing has come of it.
        """
        return self._tx.cursor.execute(
            "update paper_orders set addressee = null, postcode = null, prefecture = null, line = null, phone = null"
            " where order_id = any(array(select order_id from paper_orders o"
            "  where o.line is not null and o.ordered_at < %s"
            "  and not exists (select from paper_items i where i.order_id = o.order_id"
            "   and not (i.state = any(%s) and i.at < %s)) limit %s))",
            (before, list(_NEEDS_NO_ADDRESS), before, most),
        ).rowcount

    # ── after a restore ──

    def take_back_ordered(self, events: Sequence[PaperOrdered]) -> None:
        once = {event.order_id: event for event in events}.values()
        self._tx.insert_rows("paper_orders", [_order_row(event) for event in once])
        self._tx.insert_rows("paper_items", [row for event in once for row in _item_rows(event)])

    def take_back_updated(self, events: Sequence[PaperUpdated]) -> None:
        highest = {(event.order_id, event.item): event for event in sorted(events, key=lambda event: event.revision)}
        self._write(list(highest.values()))

    def _write(self, events: Sequence[PaperUpdated]) -> None:
        replaced = ", ".join(f"{name} = excluded.{name}" for name in _CHANGED)
        self._tx.insert_rows(
            "paper_items",
            [
                {"order_id": event.order_id, "item": event.item, **{name: getattr(event, name) for name in _CHANGED}}
                for event in events
            ],
            f"(order_id, item) do update set {replaced} where paper_items.revision < excluded.revision",
        )


def _order_row(event: PaperOrdered) -> dict[str, Any]:
    return {
        "order_id": event.order_id,
        "registration_id": event.registration_id,
        "total": event.total,
        "ordered_at": event.ordered_at,
    }


def _item_rows(event: PaperOrdered) -> list[dict[str, Any]]:
    return [
        {"order_id": event.order_id, "item": item, "state": "ordered", "revision": 0, "at": event.ordered_at}
        for item in event.items
    ]


def _shipping_line(
    *, order_id: str, item: PaperItem, state: PaperState, sheet_id: str | None, line: str | None, **address: Any
) -> ShippingLine:
    found = None if line is None else PostalAddress(line=line, **address)
    return ShippingLine(order_id, item, state, sheet_id, found)
