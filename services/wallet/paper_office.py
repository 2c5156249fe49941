"""The office's steps for orders of paper, each for many at once; the list for the shipper and the print sheets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from msgspec.structs import replace

from services.wallet.domain.badge import WalletBadge
from services.wallet.domain.paper import PlacedItem, StepRefusal, names_of, step_refusal
from services.wallet.domain.shipping import Encoding, ShippingLine, shipping_csv
from services.wallet.metrics import PAPER_TAKEN
from services.wallet.ports import Ports
from services.wallet.store import WalletTransaction
from shared import object_keys
from shared.clock import japan_date
from shared.errors import NotFound
from shared.events import Event
from shared.letter_events import AccountLetterRequested
from shared.office_events import DecisionSettled, OfficeDecided
from shared.paper_events import (
    PAPER_STEPS,
    PaperDecision,
    PaperItem,
    PaperLine,
    PaperOutcome,
    PaperRefusal,
    PaperState,
    PaperUpdated,
    PrintEntry,
    PrintSheetOrdered,
)
from shared.runtime.log import logger

log = logger("wallet")

_NAMED = 20  # refused items in the detail of an outcome


def is_ours(decision: OfficeDecided) -> bool:
    """Whether the wallet carries this decision out."""
    return decision.decision in PAPER_STEPS


def _step(decision: OfficeDecided) -> PaperDecision:
    return next(step for step in PAPER_STEPS if step == decision.decision)


Refused = list[tuple[PaperLine, StepRefusal]]


def note_taken(decision: OfficeDecided, refused: Refused) -> None:
    """In the log and the figures, once its transaction is committed."""
    words = Counter(word for _, word in refused)
    log.info("decided", decision_id=decision.decision_id, items=len(decision.paper), refused=words.total())
    PAPER_TAKEN.labels(decision.decision, "done").inc(len(decision.paper) - words.total())
    for word, count in words.items():
        PAPER_TAKEN.labels(decision.decision, word).inc(count)


def take_step(tx: WalletTransaction, decision: OfficeDecided, ports: Ports) -> Refused:
    """A step for each item that can take it; the decision's outcome names those that can't, and why.

    Printed is what the newest badge says then. Each printed item is on a sheet that the renderer draws.
    """
    now, refused = ports.now(), list[tuple[PaperLine, StepRefusal]]()
    lines = {(line.order_id, line.item): line for line in decision.paper}
    placed = tx.paper.lock(list(lines.values()))
    badges = tx.badges.newest([each.registration_id for each in placed.values()])
    taken: list[_Taken] = []
    for key, line in lines.items():
        item = placed.get(key)
        badge = badges.get(item.registration_id) if item else None
        word: StepRefusal | None = "no-such-order"
        if item is not None:
            word = step_refusal(_step(decision), item, badge, ports.programme.paper, now)
        if word is not None:
            refused.append((line, word))
        elif item is not None:
            taken.append(_Taken(item, badge, line))
    sheets: list[PrintSheetOrdered] = []
    if decision.decision == "paper-printed":
        sheets = _sheets(decision, taken, now)
    on_sheet = {sheet.item: sheet.sheet_id for sheet in sheets}
    tx.paper.update([_updated(each, decision, on_sheet.get(each.placed.item), now) for each in taken])
    letters: Sequence[Event] = _letters(decision, taken, ports) if decision.decision == "paper-sent" else ()
    tx.announce(*sheets, *letters, _settled(decision, len(taken), refused, now))
    return refused


@dataclass(frozen=True)
class _Taken:
    """An item that takes the step, with the newest version of its badge."""

    placed: PlacedItem
    badge: WalletBadge | None
    line: PaperLine


def _updated(taken: _Taken, decision: OfficeDecided, sheet_id: str | None, now: datetime) -> PaperUpdated:
    before = taken.placed
    event = PaperUpdated(
        order_id=before.order_id,
        item=before.item,
        state=PAPER_STEPS[_step(decision)].after,
        revision=before.revision + 1,
        at=now,
        assertion_id=before.assertion_id,
        sheet_id=before.sheet_id,
        shipper=before.shipper,
        tracking=before.tracking,
    )
    return _with(event, taken, decision, sheet_id)


def _with(event: PaperUpdated, taken: _Taken, decision: OfficeDecided, sheet_id: str | None) -> PaperUpdated:
    if decision.decision == "paper-printed" and taken.badge is not None:
        return replace(event, assertion_id=taken.badge.assertion_id, sheet_id=sheet_id)
    if decision.decision == "paper-sent":
        return replace(event, shipper=decision.shipper, tracking=taken.line.tracking)
    return event


def _sheets(decision: OfficeDecided, taken: Sequence[_Taken], now: datetime) -> list[PrintSheetOrdered]:
    """One for each product; by qualification, so that sheets of one design lie together."""
    of: dict[PaperItem, list[tuple[str, str, str]]] = defaultdict(list)
    for each in taken:
        if each.badge is not None:
            of[each.placed.item].append((each.badge.qualification, each.placed.order_id, each.badge.assertion_id))
    of_this = sha256(decision.decision_id.encode()).hexdigest()[:12]
    return [
        PrintSheetOrdered(
            sheet_id=f"{japan_date(now):%Y%m%d}-{item}-{of_this}",
            item=item,
            entries=tuple(PrintEntry(order_id, assertion_id) for _, order_id, assertion_id in sorted(entries)),
            ordered_at=now,
        )
        for item, entries in sorted(of.items())
    ]


def _letters(decision: OfficeDecided, taken: Sequence[_Taken], ports: Ports) -> list[AccountLetterRequested]:
    """One for each order and parcel: what of it was sent by this decision."""
    parcels: dict[tuple[str, str], list[_Taken]] = defaultdict(list)
    for each in taken:
        parcels[each.placed.order_id, each.line.tracking or ""].append(each)
    return [
        AccountLetterRequested(
            letter_id=f"paper-sent/{decision.decision_id}/{order_id}" + (f"/{tracking}" if tracking else ""),
            letter="paper-sent",
            recipient=badge.holder.email,
            facts={
                "name": badge.holder.family_first,
                "items": names_of(ports.programme.paper, [each.placed.item for each in parcel]),
                "order_number": order_id,
                "shipper": decision.shipper or "",
                "tracking": tracking,
            },
            requested_at=ports.now(),
        )
        for (order_id, tracking), parcel in parcels.items()
        if (badge := parcel[0].badge) is not None
    ]


def _settled(decision: OfficeDecided, done: int, refused: Refused, now: datetime) -> DecisionSettled:
    return DecisionSettled(
        decision_id=decision.decision_id,
        subject=decision.subject,
        service="wallet",
        outcome="partly" if done and refused else "not-possible" if refused else "done",
        settled_at=now,
        detail=_detail(done, refused) if refused else None,
        paper=PaperOutcome(
            taken=done, refused=tuple(PaperRefusal(line.order_id, line.item, word) for line, word in refused)
        ),
    )


def _detail(done: int, refused: Refused) -> str:
    """For the command, and for an ops of the former release."""
    named = [f"{line.order_id}/{line.item} {word}" for line, word in refused[:_NAMED]]
    more = [f"{len(refused) - _NAMED} more"] if len(refused) > _NAMED else []
    return f"{done} done; not: {', '.join((*named, *more))}"


# ── what the office takes away ──────────────────────────────────────────────────────────────────────────


def addresses(states: Sequence[PaperState], sheet_id: str | None, encoding: Encoding, ports: Ports) -> bytes:
    """The list for the shipper. NotInCp932 as in `shipping_csv`."""
    with ports.store.transaction() as tx:
        lines: list[ShippingLine] = tx.paper.shipping(states, sheet_id)
    log.info("listed", addresses=len(lines), sheet_id=sheet_id)
    return shipping_csv(lines, encoding)


def sheet(sheet_id: str, ports: Ports) -> bytes:
    """The PDF of a sheet. NotFound until the renderer has drawn it; TryLater while the storage is away."""
    if not object_keys.is_sheet_id(sheet_id):
        raise NotFound(f"sheet {sheet_id[:60]!r}")
    return ports.objects.get(object_keys.print_sheet(sheet_id))
