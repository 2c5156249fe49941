"""Orders of paper, as a page and as an API: counts, the list, steps for many at once, the print sheets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import paper as room
from services.ops.acts.orders import Attribution
from services.ops.board import paper as words
from services.ops.board.answers import encode
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from services.ops.board.paper import DECISION_OF, PaperAct
from services.ops.board.wording import words_for
from services.ops.ports import Ports
from services.ops.web.decisions_view import decision_rows
from services.ops.web.http import ID, Confirmation, Value, Words, json_answer, refused_answer
from services.ops.web.scope import Scope
from shared.errors import NotFound
from shared.paper_events import PAPER_ITEMS, PAPER_STATES, PAPER_STEPS, PaperItem, PaperState
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import user_of

_SHOWN = 500  # items on the page; the API has all
CANCELLING = Confirmation(("取りやめ", "cancel"))


@dataclass(frozen=True)
class StepOrder:
    """Which items: their ids (`12345678/card`, `12345678`), or with `everything` all that wait for the step."""

    by: Words
    why: Words
    ids: list[ID] | None = None
    everything: bool = False
    item: PaperItem | None = None
    shipper: Words | None = None


def paper_pages(app: FastAPI, html: Pages, scope: Scope, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when a decision is in the outbox."""

    def shown(request: Request, state: PaperState, status: int = 200, refused: str | None = None) -> Response:
        board = room.board(ports, [state], user_of(request).name, limit=_SHOWN, seen=scope.seen_by(request))
        steps = decision_rows(board.steps)
        acts = [act for act, decision in DECISION_OF.items() if state in PAPER_STEPS[decision].before]
        return html.page(
            request,
            "paper.html",
            status=status,
            board=board,
            counts={(each.item, each.state): each for each in board.counts},
            state=state,
            states=PAPER_STATES,
            items=PAPER_ITEMS,
            acts=acts,
            steps=steps,
            waiting=any(step.waiting for step in steps),
            words=words,
            words_for=words_for,
            shown=_SHOWN,
            refused=refused,
        )

    def ask_once_more(request: Request, state: PaperState, ids: list[str], asked: Confirmation) -> Response:
        rows = room.rows(ports, state, None, limit=_SHOWN, seen=scope.seen_by(request))
        return html.page(
            request,
            "paper-cancel.html",
            status=422 if asked.is_wrong else 200,
            asked=asked,
            rows=[row for row in rows if row.id in ids],
            ids=ids,
            state=state,
            words=words,
            words_for=words_for,
        )

    @app.get("/paper", include_in_schema=False)
    def paper(request: Request, state: PaperState = "ordered") -> Response:
        return shown(request, state)

    @app.post("/paper", include_in_schema=False)
    def step(
        request: Request,
        act: Annotated[PaperAct, Form()],
        why: Annotated[Words, Form()],
        state: Annotated[PaperState, Form()],
        id: Annotated[list[ID], Form()] = [],  # noqa: B006 (FastAPI copies it)
        line: Annotated[list[ID], Form()] = [],  # noqa: B006
        tracking: Annotated[list[Value], Form()] = [],  # noqa: B006
        shipper: Annotated[str, Form(max_length=100)] = "",
        typed: Annotated[Value | None, Form()] = None,
    ) -> Response:
        """`tracking`: the number of the parcel of each `line` of the page, ticked or not."""
        if not id:
            return shown(request, state, 422, "none")
        asked = CANCELLING.sent(why, typed)
        if act == "cancel" and not asked.is_given:
            return ask_once_more(request, state, id, asked)
        if act == "sent":
            parcels = {one: number.strip() for one, number in zip(line, tracking, strict=False)}
            id = [f"{one}={parcels[one]}" if parcels.get(one) else one for one in id]
        try:
            room.take_step(
                ports,
                act,
                Attribution(user_of(request).name, why),
                ids=id,
                shipper=shipper.strip() or None,
                seen=scope.seen_by(request),
            )
        except (AlreadyDecidedError, NotFound, ValueError) as error:
            return shown(request, state, 409, str(error))
        decided()
        return RedirectResponse(f"/paper?state={state}", 303)


def paper_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    @app.get("/api/v1/paper")
    def rows(state: PaperState | None = None, item: PaperItem | None = None) -> Response:
        """Items of orders, the oldest order first; no postal address."""
        return json_answer(encode(room.rows(ports, state, item)))

    @app.get("/api/v1/paper/counts")
    def counts() -> Response:
        """How many items are in each state."""
        return json_answer(encode(room.counts(ports)))

    @app.get("/api/v1/paper/sheets")
    def sheets() -> Response:
        """Print sheets that are drawn, the latest first."""
        return json_answer(encode(room.sheets(ports)))

    @app.post("/api/v1/paper/{act}")
    def step(act: PaperAct, order: StepOrder) -> Response:
        """Take a step for items: {"ids": ["…"]} or {"everything": true}, with {"by": "…", "why": "…"}."""
        if (order.ids is not None) == order.everything:
            return refused_answer(422, "expected either ids or everything")
        who = Attribution(order.by, order.why)
        try:
            lines: list[DecisionLine] = room.take_step(
                ports, act, who, ids=order.ids, item=order.item, shipper=order.shipper
            )
        except NotFound as missing:
            return refused_answer(404, str(missing))
        except ValueError as wrong:
            return refused_answer(422, str(wrong))
        except AlreadyDecidedError as refused:
            return refused_answer(409, str(refused))
        decided()
        return json_answer(encode(lines))
