"""Orders of paper: what there is, and the steps that the office takes for many at once. The wallet carries them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from services.ops.acts.orders import Attribution, announced
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from services.ops.board.paper import (
    AT_ONCE,
    DECISION_OF,
    SUBJECT,
    PaperAct,
    PaperCount,
    PaperRow,
    SheetRow,
    named,
)
from services.ops.ports import Ports
from services.ops.store.board import Seen
from services.ops.store.events import OpsTransaction
from shared.errors import NotFound
from shared.paper_events import PAPER_STATES, PAPER_STEPS, PaperDecision, PaperItem, PaperLine, PaperState

MOST = 25_000  # rows of an answer
_STEPS, _LATEST = 5, 50  # on the page, of so many


@dataclass(frozen=True)
class PaperBoard:
    """Counts of all items, the items in one state, the latest sheets, the latest steps with their outcomes."""

    counts: list[PaperCount]
    rows: list[PaperRow]
    sheets: list[SheetRow]
    steps: list[DecisionLine]


def board(ports: Ports, states: Sequence[PaperState], by: str, *, limit: int, seen: Seen = None) -> PaperBoard:
    """`seen`: of the people of these qualifications only, the steps of the user `by` only, and no print sheets, which
    hold everybody's."""
    with ports.store.transaction() as tx:
        rows = tx.paper.rows(states, None, seen=seen, limit=limit)
        steps = tx.decisions.decisions(SUBJECT, limit=_LATEST)
        own = steps if seen is None else [step for step in steps if step.by == by]
        return PaperBoard(tx.paper.counts(seen), rows, tx.paper.sheets(limit=20) if seen is None else [], own[:_STEPS])


def counts(ports: Ports) -> list[PaperCount]:
    with ports.store.transaction() as tx:
        return tx.paper.counts()


def rows(
    ports: Ports, state: PaperState | None, item: PaperItem | None, *, limit: int = MOST, seen: Seen = None
) -> list[PaperRow]:
    with ports.store.transaction() as tx:
        return tx.paper.rows([state] if state else PAPER_STATES, item, seen=seen, limit=limit)


def sheets(ports: Ports) -> list[SheetRow]:
    with ports.store.transaction() as tx:
        return tx.paper.sheets(limit=1000)


def take_step(
    ports: Ports,
    act: PaperAct,
    who: Attribution,
    *,
    ids: Sequence[str] | None,
    item: PaperItem | None = None,
    shipper: str | None = None,
    seen: Seen = None,
) -> list[DecisionLine]:
    """Order a step for these items (`ids`, as in `named`), or for all that wait for it and are not held.

    `seen`: items of people of other qualifications are unknown.
    One decision for each 1000 items. The same order that is pending is one. NotFound for an item that isn't known;
    ValueError for what names none; AlreadyDecidedError when there is nothing to do.
    """
    decision = DECISION_OF[act]
    if ids is None and act in ("returned", "cancel"):
        raise ValueError(f"got everything for {act}, expected the orders by their numbers")
    with ports.store.transaction() as tx:
        tx.decisions.lock_orders()
        lines = _waiting(tx, decision, item) if ids is None else _named(tx, decision, ids, item, seen)
        if not lines:
            before = ", ".join(PAPER_STEPS[decision].before)
            raise AlreadyDecidedError(f"got no item for {act}, expected some that are {before} and not held")
        parts = [lines[at : at + AT_ONCE] for at in range(0, len(lines), AT_ONCE)]
        return [_order(tx, ports, decision, part, who, shipper) for part in parts]


def _waiting(tx: OpsTransaction, decision: PaperDecision, item: PaperItem | None) -> list[PaperLine]:
    """All for which it is the next step. Items that could repeat it, as for a reprint, are not among them."""
    first = PAPER_STEPS[decision].before[:1]
    return [PaperLine(row.order_id, row.item) for row in tx.paper.rows(first, item, limit=MOST) if row.held is None]


def _named(
    tx: OpsTransaction, decision: PaperDecision, ids: Sequence[str], item: PaperItem | None, seen: Seen
) -> list[PaperLine]:
    """Those that are named, so that the outcome says of each why it didn't take the step; of a whole order the items
    that can take it."""
    wanted = [each for each in named(ids) if item in (None, each.line.item)]
    known = tx.paper.known([each.line.order_id for each in wanted], seen)
    orders = {order_id for order_id, _ in known}
    able = {
        (row.order_id, row.item)
        for row in tx.paper.rows(PAPER_STEPS[decision].before, item, only=sorted(orders), limit=MOST)
    }
    for line, whole in wanted:
        if line.order_id not in orders or not (whole or (line.order_id, line.item) in known):
            raise NotFound(f"got order {line.order_id}/{line.item}, expected one of: akashi paper list")
    return [line for line, whole in wanted if not whole or (line.order_id, line.item) in able]


def _order(
    tx: OpsTransaction,
    ports: Ports,
    decision: PaperDecision,
    lines: Sequence[PaperLine],
    who: Attribution,
    shipper: str | None,
) -> DecisionLine:
    name = f"{decision}/{sha256(msgspec.json.encode((lines, shipper))).hexdigest()[:16]}"
    return announced(
        tx, decision, SUBJECT, name, who, ports.now(), value=str(len(lines)), paper=lines, shipper=shipper, once=True
    )
