"""Shared by the routes of ops: types of texts in requests, JSON answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Response
from pydantic import StringConstraints
from starlette.responses import JSONResponse

from shared.runtime.web.fields import PLAIN

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), PLAIN]
ID = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), PLAIN]


def json_answer(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def refused_answer(status: int, detail: str) -> Response:
    return JSONResponse({"error": status, "detail": detail}, status)
