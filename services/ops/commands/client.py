"""Client of the ops API for the commands. Every failure ends the command with one line that says what to do next."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from services.ops.config import Board, board_of
from shared.errors import RefuseToStart
from shared.runtime.commands import say

if TYPE_CHECKING:
    import httpx

UNREACHABLE = 2  # exit code: no answer of ops
REFUSED = 1  # exit code: ops refused
_SECONDS = 30.0

T = TypeVar("T")


def fetch(path: str, shape: type[T], **query: str | None) -> T:
    """The answer to GET. Ends the command when there is none of this shape."""
    return fetch_within(_SECONDS, path, shape, **query)


def fetch_within(seconds: float, path: str, shape: type[T], **query: str | None) -> T:
    """The same of a question that takes its time."""
    return _decoded(_ask("GET", path, query, None, seconds).content, shape)


def fetch_pages(path: str, shape: type[T], *, limit: int, **query: str | None) -> Iterator[T]:
    """The answers to GET, page after page of at most `limit`. Ends the command when one is not of this shape."""
    asked: Mapping[str, str | None] = {**query, "limit": str(limit)}
    while True:
        answer = _ask("GET", path, asked, None)
        yield _decoded(answer.content, shape)
        if "next" not in answer.links:
            return
        asked = dict(parse_qsl(urlsplit(answer.links["next"]["url"]).query))


def order(path: str, body: Mapping[str, str]) -> dict[str, str]:
    """POST; the answer is an object of texts. Ends the command when it is refused."""
    return send(path, body, dict[str, str])


def send(path: str, body: Mapping[str, object], shape: type[T]) -> T:
    """The answer to POST. Ends the command when it is refused."""
    return _decoded(_ask("POST", path, {}, body).content, shape)


def _ask(
    method: str,
    path: str,
    query: Mapping[str, str | None],
    body: Mapping[str, object] | None,
    seconds: float = _SECONDS,
) -> httpx.Response:
    import httpx  # 0.2 s: not for `akashi --help`

    try:
        board = board_of(os.environ)
        base = board.url
    except RefuseToStart as error:
        _end(UNREACHABLE, str(error))
    given = {name: value for name, value in query.items() if value is not None}
    try:
        answer = httpx.request(method, base + path, params=given, json=body, timeout=seconds, headers=_headers(board))
    except httpx.HTTPError as error:
        _end(
            UNREACHABLE,
            f"{base} に接続できません。make run か akashi up で起動するか、"
            f"AKASHI_PORT_BASE か OPS_URL を設定してください。"
            f" / can't be reached ({type(error).__name__}): start it, or set AKASHI_PORT_BASE or OPS_URL.",
        )
    if answer.status_code in (502, 503, 504):
        _end(
            UNREACHABLE,
            f"{base} は今は答えられません。少し待ってから、もう一度実行してください。"
            f" / can't answer now, try again soon: {_detail(answer.content)}",
        )
    if answer.is_error:
        _end(REFUSED, f"受け付けられませんでした / refused ({base}, {answer.status_code}): {_detail(answer.content)}")
    return answer


def _headers(board: Board) -> dict[str, str]:
    return {"accept": "application/json", "authorization": f"Bearer {board.key or '-'}"}


def _decoded(content: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.DecodeError as error:
        _end(
            UNREACHABLE,
            f"ops の答えではありません。OPS_URL を確かめてください。 / not an answer of ops, check OPS_URL: {error}",
        )


def _detail(content: bytes) -> str:
    try:
        answer: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return ""
    return str(answer.get("detail", "")) if isinstance(answer, dict) else ""


def _end(code: int, line: str) -> NoReturn:
    say(f"akashi: {line}", err=True)
    raise SystemExit(code)
