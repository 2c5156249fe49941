"""Shared by the routes of ops: types of texts in requests, JSON answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Response
from pydantic import StringConstraints
from starlette.responses import JSONResponse

from services.ops.board.answers import encode
from services.ops.board.decisions import AlreadyDecidedError, DecisionLine
from shared.errors import NotFound
from shared.runtime.web.fields import PLAIN

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), PLAIN]
Value = Annotated[str, StringConstraints(max_length=300), PLAIN]
ID = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), PLAIN]


@dataclass(frozen=True)
class Confirmation:
    """What a page asks for before an order that can't be taken back (`confirmation.html`): why, and one of `words`.

    `words`: in Japanese and in English. `why` and `typed`: as the form has them that was sent; the page that refuses it
    has the reason again. `typed` None: none was sent yet, or by the page before, which doesn't ask for the word.
    """

    words: tuple[str, str]
    why: str = ""
    typed: str | None = None

    def sent(self, why: str, typed: str | None) -> Confirmation:
        """With what the form has."""
        return replace(self, why=why, typed=typed)

    @property
    def is_given(self) -> bool:
        """Whether the word was typed, in one of its languages."""
        return (self.typed or "").strip().casefold() in self.words

    @property
    def is_wrong(self) -> bool:
        return self.typed is not None and not self.is_given


def json_answer(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def refused_answer(status: int, detail: str) -> Response:
    return JSONResponse({"error": status, "detail": detail}, status)


def ordered(give: Callable[[], DecisionLine], decided: Callable[[], None]) -> Response:
    """The answer to an order that `give` gives; `decided` is called once it is in the outbox. 404, 409 when refused."""
    try:
        line = give()
    except NotFound as missing:
        return refused_answer(404, str(missing))
    except AlreadyDecidedError as refused:
        return refused_answer(409, str(refused))
    decided()
    return json_answer(encode(line))
