"""The erasure of a person as the office orders and sees it; what else names an order of paper. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Final

import msgspec

from services.ops.board.paper import PaperRow
from shared.errors import NotFound

ERASE: Final = "erase"
ERASED: Final = "erased"
"""The outcome of an order about somebody who was erased before it was carried out."""

ERASERS = ("registration", "issuer", "renderer", "mailer", "wallet", "ops")
"""The services that hold something personal: each settles the order when it holds nothing of the person any more."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """That a registration or a badge is of somebody who was erased, and by which order."""

    decision_id: str
    erased_at: datetime


class ErasedError(NotFound):
    """Of this registration nothing is known any more: its person was erased."""

    def __init__(self, id: str, erasure: Erasure) -> None:
        super().__init__(f"{id} was erased on {erasure.erased_at:%Y-%m-%d %H:%M}Z, ordered by {erasure.decision_id}")
        self.id, self.erasure = id, erasure


class PersonsRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """One registration of the person. `issued`: it has a badge; `revoked`: the newest of them doesn't count."""

    registration_id: str
    name: str | None
    qualification: str | None
    cohort: str
    valid_from: date | None
    valid_until: date | None
    issued: bool
    revoked: bool


class ErasurePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Who would be erased, as far as the board knows: all registrations of the person, and the open orders of paper.

    `pending`: the order that is given already.
    """

    registration_id: str
    name: str | None
    registrations: list[PersonsRegistration]
    paper: list[PaperRow]
    pending: str | None = None


def erase_name(registration_id: str) -> str:
    """The id of such an order, unless one before it came to nothing: then it is numbered."""
    return f"{ERASE}/{registration_id}"


def without_tracking(items: str, order_ids: Collection[str]) -> str:
    """The items of a step for paper, as they are on record, without the parcels of these orders."""

    def shown(item: str) -> str:
        named, _, _ = item.partition("=")
        return named if named.partition("/")[0] in order_ids else item

    return "、".join(map(shown, items.split("、")))
