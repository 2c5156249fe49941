"""Orders of paper by the person who is logged in, or by the office for somebody: the form, the order, the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.wallet.badge.badges import own
from services.wallet.domain.badge import WalletBadge
from services.wallet.domain.paper import (
    OPEN,
    PaperOffer,
    PlacedItem,
    Refusal,
    names_of,
    offers,
    refusal,
    registrations_with_orders,
    total_of,
)
from services.wallet.domain.postal import PostalAddress, PostalProblems, postal_problems, tidied
from services.wallet.metrics import PAPER_ORDERED, REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account, WalletTransaction
from shared.errors import NotFound
from shared.letter_events import AccountLetterRequested
from shared.paper_events import PaperItem, PaperOrdered
from shared.programme import Paper
from shared.runtime.log import logger

log = logger("wallet")

_DRAWS = 20  # of a number, until one is free


@dataclass(frozen=True)
class PaperPage:
    """A badge with what is on offer for it, why nothing can be ordered (None: it can), and what was ordered before."""

    badge: WalletBadge
    paper: Paper
    offers: list[PaperOffer]
    refused: Refusal | None
    placed: list[PlacedItem]


@dataclass(frozen=True)
class RefusedOrder:
    """Why an order was not taken."""

    reason: Refusal | None = None
    address: PostalProblems = field(default_factory=PostalProblems)


def show(account: Account, assertion_id: str, ports: Ports) -> PaperPage:
    """NotFound where the programme offers no paper, and as for `own_badge`."""
    paper = _paper(ports)
    with ports.store.transaction() as tx:
        badge = own(tx, account, assertion_id)
        placed = _placed_by(tx, account, badge)
    now = ports.now()
    on_order = {each.item for each in placed if each.state in OPEN}
    free = [offer for offer in offers(paper, badge, now) if offer.item not in on_order]
    return PaperPage(badge, paper, free, refusal(paper, badge, now), placed)


def order(
    account: Account, assertion_id: str, items: Sequence[PaperItem], typed: PostalAddress, ports: Ports
) -> str | RefusedOrder:
    """Order for the account's own badge; the number of the order. NotFound as for `show`."""
    with ports.acting(account) as tx:
        result = _order(tx, own(tx, account, assertion_id), items, typed, ports)
    return _noted(result, assertion_id, len(items))


def order_by_office(
    assertion_id: str, items: Sequence[PaperItem], typed: PostalAddress, ports: Ports
) -> str | RefusedOrder:
    """Order for somebody who asked by telephone or post. NotFound for an unknown badge, or if no paper is offered."""
    with ports.changing() as tx:
        badge = tx.badges.get(assertion_id)
        if badge is None:
            raise NotFound(f"badge {assertion_id}")
        result = _order(tx, badge, items, typed, ports)
    return _noted(result, assertion_id, len(items))


def _order(
    tx: WalletTransaction, badge: WalletBadge, items: Sequence[PaperItem], typed: PostalAddress, ports: Ports
) -> str | RefusedOrder:
    """Keep the order and announce it, with the letter that says how to pay; the number of the order.

    Each item is on order once for a registration, however often the form is sent.
    """
    paper, now, address = _paper(ports), ports.now(), tidied(typed)
    wanted = [offer.item for offer in offers(paper, badge, now) if offer.item in items]
    reason = refusal(paper, badge, now) or (None if wanted else "nothing")
    problems = postal_problems(address)
    if reason is None and not problems:
        tx.badges.lock_versions([badge.registration_id])  # two forms at once: the second sees the order of the first
        if tx.paper.open_items(badge.registration_id).isdisjoint(wanted):
            # If we die here, nothing was ordered. After the commit the outbox has the order and its letter.
            return _place(tx, badge, wanted, paper, address, ports)
        reason = "ordered-already"
    return RefusedOrder(reason, problems)


def _noted(result: str | RefusedOrder, assertion_id: str, items: int) -> str | RefusedOrder:
    """In the log and the figures, once its transaction is committed."""
    if isinstance(result, RefusedOrder):
        REFUSED.labels(f"paper-{result.reason or 'address'}").inc()
    else:
        PAPER_ORDERED.inc()
        log.info("ordered", order_id=result, assertion_id=assertion_id, items=items)
    return result


def _placed_by(tx: WalletTransaction, account: Account, badge: WalletBadge) -> list[PlacedItem]:
    """What was ordered for the registration of the account's own badge; nothing if its newest version is another's."""
    visible = registrations_with_orders(tx.badges.list_own(account.account_id))
    return tx.paper.of_registration(badge.registration_id) if badge.registration_id in visible else []


def change_address(
    account: Account, assertion_id: str, order_id: str, typed: PostalAddress, ports: Ports
) -> PostalProblems:
    """The order goes to another address, as long as something of it has to be sent. NotFound for any other order."""
    address = tidied(typed)
    problems = postal_problems(address)
    with ports.acting(account) as tx:
        orders = _placed_by(tx, account, own(tx, account, assertion_id))
        placed = [each for each in orders if each.order_id == order_id]
        if not any(each.state in (*OPEN, "returned") for each in placed):
            raise NotFound(f"order {order_id}: none of badge {assertion_id} that waits to be sent")
        if not problems:
            tx.paper.set_address(order_id, address)
    return problems


def _place(
    tx: WalletTransaction,
    badge: WalletBadge,
    items: Sequence[PaperItem],
    paper: Paper,
    address: PostalAddress,
    ports: Ports,
) -> str:
    now, total = ports.now(), total_of(paper, items)
    for _ in range(_DRAWS):
        order_id = ports.new_order_id()
        event = PaperOrdered(
            order_id=order_id,
            registration_id=badge.registration_id,
            items=tuple(items),
            total=total,
            ordered_at=now,
        )
        if tx.paper.place(event, address):
            break
    else:
        raise RuntimeError(f"no free order number in {_DRAWS} draws")
    tx.announce(
        AccountLetterRequested(
            letter_id=f"paper-received/{order_id}",
            letter="paper-received",
            recipient=badge.holder.email,
            facts={
                "name": badge.holder.family_first,
                "items": names_of(paper, items),
                "total": f"{total:,}円",
                "how_to_pay": "\n".join((paper.how_to_pay.ja, *filter(None, [paper.payment_url]))),
                "order_number": order_id,
            },
            requested_at=now,
        )
    )
    return order_id


def _paper(ports: Ports) -> Paper:
    if ports.programme.paper is None:
        raise NotFound("paper: the programme has none")
    return ports.programme.paper
