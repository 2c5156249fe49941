"""Orders of paper as the office sees them, the words for them, and how it names them in an order. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from shared.paper_events import PAPER_ITEMS, PaperDecision, PaperItem, PaperLine, PaperOutcome, PaperState
from shared.programme import Bilingual

SUBJECT: Final = "paper"
AT_ONCE: Final = 1000
"""Items of one decision."""

PaperAct = Literal["paid", "print", "sent", "returned", "cancel"]
"""What the office says: `akashi paper paid`."""

DECISION_OF: dict[PaperAct, PaperDecision] = {
    "paid": "paper-paid",
    "print": "paper-printed",
    "sent": "paper-sent",
    "returned": "paper-returned",
    "cancel": "paper-cancelled",
}

PaperHold = Literal["revoked", "expired", "waits", "changed"]


class PaperRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item of an order. `held`: why it is neither printed nor sent now."""

    order_id: str
    item: PaperItem
    state: PaperState
    at: datetime
    ordered_at: datetime
    total: int  # in yen, of the whole order
    registration_id: str
    name: str | None
    qualification: str | None
    registration_number: str | None  # as of now; what is printed is that of the printing
    held: PaperHold | None
    sheet_id: str | None
    shipper: str | None
    tracking: str | None

    @property
    def id(self) -> str:
        return f"{self.order_id}/{self.item}"


class PaperCount(msgspec.Struct, frozen=True, kw_only=True):
    item: PaperItem
    state: PaperState
    count: int
    held: int  # of these


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A print sheet that is drawn. `left_out`: orders of what could not be drawn."""

    sheet_id: str
    item: PaperItem
    pages: int
    printed: int
    left_out: list[str]
    rendered_at: datetime


ITEMS: dict[str, Bilingual] = {
    "certificate": Bilingual("登録証（紙）", "Certificate"),
    "card": Bilingual("登録者証（カード）", "Card"),
}

PAPER_FIELDS: dict[str, Bilingual] = {
    "items": Bilingual("申し込み", "Orders"),
    "shipper": Bilingual("運送会社", "Carrier"),
}
"""What the record has of a step."""

STATES: dict[str, Bilingual] = {
    "ordered": Bilingual("入金待ち", "ordered"),
    "paid": Bilingual("入金済み", "paid"),
    "printed": Bilingual("印刷", "printed"),
    "sent": Bilingual("発送済み", "sent"),
    "returned": Bilingual("返送", "returned"),
    "cancelled": Bilingual("取りやめ", "cancelled"),
}

HOLDS: dict[str, Bilingual] = {
    "revoked": Bilingual("バッジが取り消されました。取りやめにします。", "The badge was revoked: cancel it."),
    "expired": Bilingual("有効期間が過ぎました。取りやめにします。", "The period is over: cancel it."),
    "waits": Bilingual("新しいバッジの発行を待っています。", "Waits until the corrected badge is issued."),
    "changed": Bilingual(
        "印刷のあとに訂正されました。印刷し直します。", "Corrected since it was printed: print it again."
    ),
}

REFUSALS: dict[str, Bilingual] = {
    "no-such-order": Bilingual("申し込みがない", "no such order"),
    "wrong-state": Bilingual("いまの段階ではできない", "not in a state before this step"),
    "held": Bilingual("保留", "held"),
    "changed": Bilingual("印刷のあとに訂正された", "corrected since it was printed"),
    "too-early": Bilingual("発送できる日の前", "its day has not come"),
    "no-address": Bilingual("送り先がない", "no postal address"),
}
"""Why an item did not take a step, as the wallet answers."""

_NAMED = 20  # refused items that are named; the API has all


def outcome_detail(outcome: PaperOutcome) -> Bilingual | None:
    """What became of a step in words: which items did not take it, and why. None if all did."""
    if not outcome.refused:
        return None
    named = [(each, REFUSALS.get(each.code, Bilingual(each.code, each.code))) for each in outcome.refused[:_NAMED]]
    ja = [f"{each.order_id} {ITEMS[each.item].ja}（{why.ja}）" for each, why in named]
    en = [f"{each.order_id} {ITEMS[each.item].en}: {why.en}" for each, why in named]
    if (more := len(outcome.refused) - _NAMED) > 0:
        ja, en = [*ja, f"ほか{more}件"], [*en, f"{more} more"]
    return Bilingual(
        f"{outcome.taken}件完了。できなかったもの：{'、'.join(ja)}", f"{outcome.taken} done; not: {', '.join(en)}"
    )


_ID = re.compile(r"([0-9]{8})(?:/(certificate|card))?(?:=(.{1,60}))?")


class Named(NamedTuple):
    """An item that the office named; `whole`: only its order, with all its items."""

    line: PaperLine
    whole: bool


def named(ids: Sequence[str]) -> list[Named]:
    """From `12345678/card`, `12345678` for both items, `12345678/card=4021-5566-7788` with its tracking number.

    ValueError for anything else. An item that is named twice is one, with the last tracking number.
    """
    found: dict[tuple[str, PaperItem], Named] = {}
    for id in ids:
        match = _ID.fullmatch(id.strip())
        if match is None:
            raise ValueError(f"got order {id!r}, expected 12345678, 12345678/card or 12345678/card=TRACKING")
        order_id, only, tracking = match.groups()
        for item in PAPER_ITEMS:
            if only in (None, item):
                found[order_id, item] = Named(PaperLine(order_id, item, tracking), only is None)
    return list(found.values())
