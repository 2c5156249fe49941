"""The letters of a cohort: held or not, those that were not delivered, the orders about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import FastAPI, Form, Request, Response
from starlette.responses import RedirectResponse

from services.ops.acts import letters as room
from services.ops.acts.orders import Attribution
from services.ops.board import wording
from services.ops.board.decisions import AlreadyDecidedError
from services.ops.board.timeline import ANSWERS
from services.ops.ports import Ports
from services.ops.web.http import ID, Words, ordered
from services.ops.web.scope import Scope
from shared.errors import NotFound
from shared.runtime.web import Pages
from shared.runtime.web.office_gate import NotAllowed, user_of

HoldAct = Literal["hold", "resume"]


@dataclass(frozen=True)
class LettersHoldOrder:
    cohort: ID
    by: Words
    why: Words


@dataclass(frozen=True)
class ResendOrder:
    """`id`: the badge's assertion_id, or the registration's for its newest badge."""

    id: ID
    letter: ID
    by: Words
    why: Words


def letters_pages(app: FastAPI, html: Pages, scope: Scope, ports: Ports, decided: Callable[[], None]) -> None:
    """`decided` is called when an order is in the outbox."""

    def shown(request: Request, cohort: str | None, status: int = 200, refused: str | None = None) -> Response:
        page = room.letters_page(ports, cohort, scope.seen_by(request))
        rows = [
            (
                assertion_id,
                letter,
                wording.words_for(wording.LETTERS, letter.letter),
                wording.words_for(wording.LETTER_STATES, letter.state),
            )
            for assertion_id, letter in page.undelivered
        ]
        others = [
            (
                wording.words_for(wording.REQUESTED_LETTERS, letter.letter),
                wording.words_for(wording.LETTER_STATES, letter.state),
                letter,
            )
            for letter in page.requested
        ]
        return html.page(
            request,
            "letters.html",
            status=status,
            page=page,
            rows=rows,
            others=others,
            answers=ANSWERS,
            refused=refused,
        )

    @app.get("/letters", include_in_schema=False)
    def letters(request: Request, cohort: str | None = None) -> Response:
        return shown(request, cohort)

    @app.post("/letters", include_in_schema=False)
    def order(
        request: Request,
        act: Annotated[Literal["hold", "resume", "resend"], Form()],
        why: Annotated[Words, Form()],
        cohort: Annotated[ID, Form()],
        message: Annotated[str, Form()] = "",
    ) -> Response:
        who = Attribution(user_of(request).name, why)
        if act != "resend" and not user_of(request).is_admin:
            raise NotAllowed
        try:
            if act == "resend":
                assertion_id, _, letter = message.partition("/")
                scope.must_see(request, assertion_id)
                room.resend(ports, assertion_id, letter, who)
            else:
                room.hold(ports, cohort, who, resume=act == "resume")
        except (AlreadyDecidedError, NotFound) as error:
            return shown(request, cohort, 409, str(error))
        decided()
        return RedirectResponse(f"/decisions?about={cohort if act != 'resend' else assertion_id}", 303)


def letters_api(app: FastAPI, ports: Ports, decided: Callable[[], None]) -> None:
    @app.post("/api/v1/letters/resend")
    def resend(order: ResendOrder) -> Response:
        """Send a letter about a badge again: the same letter, to the same address."""
        return ordered(lambda: room.resend(ports, order.id, order.letter, Attribution(order.by, order.why)), decided)

    @app.post("/api/v1/letters/{act}")
    def hold(act: HoldAct, order: LettersHoldOrder) -> Response:
        """Hold the letters of a cohort, or resume them."""
        who = Attribution(order.by, order.why)
        return ordered(lambda: room.hold(ports, order.cohort, who, resume=act == "resume"), decided)
