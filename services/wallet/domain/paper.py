"""Orders of paper: who may order what and when, and the steps from the order to the parcel. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.wallet.domain.badge import WalletBadge, state_of
from shared.clock import japan_date
from shared.paper_events import PAPER_ITEMS, PAPER_STEPS, PaperDecision, PaperItem, PaperState
from shared.programme import Paper, PaperProduct

Refusal = Literal["not-issued", "closed", "ends-first", "ordered-already", "nothing"]
"""Why no order is taken: the badge isn't issued and valid; no orders are taken at this time of the year; the period
ends before it could be sent; it is on order already; nothing on offer was chosen."""

StepRefusal = Literal["no-such-order", "wrong-state", "held", "changed", "too-early", "no-address"]
"""Why an item doesn't take a step: not known; not in a state before it; its badge is revoked, expired or waits for its
correction; it was printed as a version that was corrected since; its day hasn't come; the address was lost."""

ORDER_DIGITS = 8

OPEN: tuple[PaperState, ...] = ("ordered", "paid", "printed")
"""On order: not ordered once more meanwhile."""


@dataclass(frozen=True)
class PlacedItem:
    """An item of an order as it is now; what it was printed and sent as, once it was."""

    order_id: str
    item: PaperItem
    registration_id: str
    ordered_at: datetime
    state: PaperState
    revision: int
    at: datetime
    assertion_id: str | None
    sheet_id: str | None
    shipper: str | None
    tracking: str | None
    has_address: bool


@dataclass(frozen=True)
class PaperOffer:
    """A product with the first day on which it would be sent if it were ordered now."""

    item: PaperItem
    product: PaperProduct
    sent_from: date


def offers(paper: Paper, badge: WalletBadge, now: datetime) -> list[PaperOffer]:
    return [
        PaperOffer(item, product, sent_from(paper, product, japan_date(now), badge))
        for item in PAPER_ITEMS
        if (product := paper.product(item)) is not None
    ]


def refusal(paper: Paper, badge: WalletBadge, now: datetime) -> Refusal | None:
    """Why nothing can be ordered for this badge now; None if something can."""
    if state_of(badge, now) != "issued":
        return "not-issued"
    if not is_open(paper, japan_date(now)):
        return "closed"
    if all(offer.sent_from > badge.valid_until for offer in offers(paper, badge, now)):
        return "ends-first"
    return None


def registrations_with_orders(own: Iterable[WalletBadge]) -> list[str]:
    """The registrations whose orders an account sees, given all of its own badges.

    An order is for a registration and belongs to the account that has its newest version. A former version may be with
    another account, to whose address it went by mistake.
    """
    return [badge.registration_id for badge in own if badge.corrected_by is None]


def is_open(paper: Paper, today: date) -> bool:
    """Whether orders are taken on this day."""
    return paper.orders_until is None or today <= _next(paper.orders_until, _year_begins(paper, today))


def sent_from(paper: Paper, product: PaperProduct, ordered_on: date, badge: WalletBadge) -> date:
    """The first day on which the product is sent: that of the year of the order, and never before the badge's own."""
    return max(_next(product.sent_from, _year_begins(paper, ordered_on)), japan_date(badge.issued_at))


def step_refusal(
    decision: PaperDecision, placed: PlacedItem, badge: WalletBadge | None, paper: Paper | None, now: datetime
) -> StepRefusal | None:
    """Why the item doesn't take this step; None if it does. `badge`: the newest version of its registration's."""
    if placed.state not in PAPER_STEPS[decision].before:
        return "wrong-state"
    if decision not in ("paper-printed", "paper-sent"):
        return None
    if badge is None or state_of(badge, now) != "issued":
        return "held"
    if decision == "paper-printed":
        return None
    if placed.assertion_id != badge.assertion_id:
        return "changed"
    if not placed.has_address:
        return "no-address"
    product = paper.product(placed.item) if paper else None
    if paper and product and japan_date(now) < sent_from(paper, product, japan_date(placed.ordered_at), badge):
        return "too-early"
    return None


def total_of(paper: Paper, items: Sequence[PaperItem]) -> int:
    """In yen. ValueError for an item that isn't on offer."""
    total = 0
    for item in items:
        product = paper.product(item)
        if product is None:
            raise ValueError(f"got item {item!r}, expected one that the programme offers")
        total += product.price
    return total


def names_of(paper: Paper | None, items: Sequence[PaperItem]) -> str:
    """The products in a line of Japanese; an item that is no longer on offer by its code."""
    products = [(item, paper.product(item) if paper else None) for item in PAPER_ITEMS if item in items]
    return "、".join(item if product is None else product.name.ja for item, product in products)


def _year_begins(paper: Paper, today: date) -> date:
    """The day on which the year of orders began in which `today` is."""
    begins = _of_year(paper.orders_from, today.year)
    return begins if begins <= today else _of_year(paper.orders_from, today.year - 1)


def _next(day: str, since: date) -> date:
    """The first such day, MM-DD, on or after `since`."""
    found = _of_year(day, since.year)
    return found if found >= since else _of_year(day, since.year + 1)


def _of_year(day: str, year: int) -> date:
    return date.fromisoformat(f"{year:04d}-{day}")


def forgotten_before(paper: Paper, now: datetime) -> datetime:
    """Postal addresses of orders that ended before this moment, or were placed and not paid, are deleted."""
    return now - timedelta(days=paper.address_kept_days)
