"""Orders of paper: what wallet announces of them, and the print sheets that renderer draws. No postal address in any.

Events like those of `events.py`, with the same rules. Spoken by wallet, renderer and ops.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple, get_args

import msgspec

from shared.events import Event
from shared.topics import CERTIFICATE_RENDERED, PAPER_ORDERS

PaperItem = Literal["certificate", "card"]
"""登録証 (A4), 登録者証 (card)."""

PAPER_ITEMS: tuple[PaperItem, ...] = get_args(PaperItem)

PaperState = Literal["ordered", "paid", "printed", "sent", "returned", "cancelled"]

PAPER_STATES: tuple[PaperState, ...] = get_args(PaperState)


PaperDecision = Literal["paper-paid", "paper-printed", "paper-sent", "paper-returned", "paper-cancelled"]


class PaperStep(NamedTuple):
    """A step that the office takes for items: from one of the states `before` it."""

    before: tuple[PaperState, ...]
    after: PaperState


PAPER_STEPS: dict[PaperDecision, PaperStep] = {
    "paper-paid": PaperStep(("ordered",), "paid"),
    "paper-printed": PaperStep(("paid", "printed", "returned"), "printed"),  # again: spoilt, or corrected since
    "paper-sent": PaperStep(("printed", "returned"), "sent"),
    "paper-returned": PaperStep(("sent",), "returned"),
    "paper-cancelled": PaperStep(("ordered", "paid", "printed", "returned"), "cancelled"),
}


class PaperLine(msgspec.Struct, frozen=True):
    """One item of an order: what the office takes a step for. `tracking`: of the parcel that it is sent in."""

    order_id: str
    item: PaperItem
    tracking: str | None = None


class PaperRefusal(msgspec.Struct, frozen=True):
    """An item that did not take a step, and why: `code` is a word, "wrong-state", "held", "no-address" …"""

    order_id: str
    item: PaperItem
    code: str


class PaperOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a step: how many items took it, and each that didn't."""

    taken: int
    refused: tuple[PaperRefusal, ...] = ()


class PaperOrdered(Event, frozen=True, kw_only=True):
    """Somebody ordered paper for a registration. Each item is in the state "ordered", revision 0."""

    topic = PAPER_ORDERS
    about = "order_id"
    order_id: str  # eight digits: what the payer writes on the bank transfer
    registration_id: str
    items: tuple[PaperItem, ...]
    total: int  # in yen, of all items
    ordered_at: datetime


class PaperUpdated(Event, frozen=True, kw_only=True):
    """An item of an order changed its state. `revision` counts its changes; of several the highest stands."""

    topic = PAPER_ORDERS
    about = "order_id"
    order_id: str
    item: PaperItem
    state: PaperState
    revision: int
    at: datetime
    assertion_id: str | None = None  # the badge as which it was printed
    sheet_id: str | None = None  # on which it was printed
    shipper: str | None = None
    tracking: str | None = None

    @property
    def identity(self) -> str:
        return f"{self.order_id}/{self.item}/{self.revision}"


class PrintEntry(msgspec.Struct, frozen=True):
    """One certificate or card of a sheet: the order and the badge that it is of."""

    order_id: str
    assertion_id: str


class PrintSheetOrdered(Event, frozen=True, kw_only=True):
    """The renderer is to draw these, in this order, from their credentials, as one PDF for the printer's."""

    topic = PAPER_ORDERS
    about = "sheet_id"
    sheet_id: str
    item: PaperItem
    entries: tuple[PrintEntry, ...]
    ordered_at: datetime


class PrintSheetRendered(Event, frozen=True, kw_only=True):
    """The PDF of a sheet lies in object storage. `left_out`: orders of whose badge no page can be drawn."""

    topic = CERTIFICATE_RENDERED
    about = "sheet_id"
    sheet_id: str
    item: PaperItem
    object_key: str
    sha256: str
    pages: int
    printed: int  # certificates or cards
    rendered_at: datetime
    left_out: tuple[str, ...] = ()
