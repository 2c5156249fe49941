"""What the wallet keeps of one account, as its owner may take it along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.paper_events import PaperItem, PaperState
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class OwnAddress:
    address: str
    is_primary: bool
    verified_at: datetime


@dataclass(frozen=True)
class OwnSession:
    device: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class OwnPasskey:
    device: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class OwnAccount:
    """Neither password nor tokens: only their hashes are kept, which are of use to attackers only."""

    full_name: str
    created_at: datetime
    addresses: tuple[OwnAddress, ...]
    sessions: tuple[OwnSession, ...]
    passkeys: tuple[OwnPasskey, ...]


@dataclass(frozen=True)
class OwnItem:
    """What was ordered: how far it is, and since when; with which number it was sent."""

    item: PaperItem
    state: PaperState
    at: datetime
    assertion_id: str | None
    shipper: str | None
    tracking: str | None


@dataclass(frozen=True)
class OwnOrder:
    """An order of paper; with the address that it goes to as long as that is kept, then null."""

    order_id: str
    registration_id: str
    ordered_at: datetime
    total: int
    addressee: str | None
    postcode: str | None
    prefecture: str | None
    line: str | None
    phone: str | None
    items: tuple[OwnItem, ...] = ()


def own_account(tx: Transaction, account_id: int) -> OwnAccount:
    row = tx.cursor.execute(
        "select full_name, created_at from accounts where account_id = %s", (account_id,)
    ).fetchone()
    assert row is not None
    addresses = tx.fetch_all(
        OwnAddress,
        "select address, is_primary, verified_at from addresses where account_id = %s"
        " order by is_primary desc, verified_at",
        (account_id,),
    )
    sessions = tx.fetch_all(
        OwnSession,
        "select device, created_at, last_seen_at, expires_at from sessions where account_id = %s order by created_at",
        (account_id,),
    )
    passkeys = tx.fetch_all(
        OwnPasskey,
        "select device, created_at, used_at from passkeys where account_id = %s order by created_at",
        (account_id,),
    )
    return OwnAccount(row[0], row[1], tuple(addresses), tuple(sessions), tuple(passkeys))


def own_orders(tx: Transaction, registration_ids: Sequence[str]) -> list[OwnOrder]:
    """Of all registrations of one person, the latest first."""
    orders = tx.fetch_all(
        OwnOrder,
        "select order_id, registration_id, ordered_at, total, addressee, postcode, prefecture, line, phone"
        " from paper_orders where registration_id = any(%s) order by ordered_at desc, order_id",
        (list(registration_ids),),
    )
    return [replace(order, items=_items_of(tx, order.order_id)) for order in orders]


def _items_of(tx: Transaction, order_id: str) -> tuple[OwnItem, ...]:
    found = tx.fetch_all(
        OwnItem,
        "select item, state, at, assertion_id, shipper, tracking from paper_items where order_id = %s order by item",
        (order_id,),
    )
    return tuple(found)
