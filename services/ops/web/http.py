"""Shared by the routes of ops: types of texts in requests, JSON answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
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


def is_typed(typed: str | None, words: Collection[str]) -> bool:
    """Whether the word was typed that confirms an order which can't be taken back, in one of its languages."""
    return (typed or "").strip().casefold() in words


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
