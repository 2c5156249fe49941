"""The board for all who look: computed once however many do, pushed to open pages as it changes, kept for an outage.

An open page holds a stream of server-sent events. Each second one small query tells whether anything changed; only then
are its figures read and drawn, once for each desk and language, and the same bytes go to all. Its lists, which take ten
times as long, follow every few seconds, and at once after a decision.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from time import monotonic

from starlette.concurrency import run_in_threadpool

from services.ops import queries
from services.ops.ports import Ports
from services.ops.queries import BoardPage
from services.ops.web.cache import AnswerCache
from shared.errors import NotFound
from shared.runtime.db import UNAVAILABLE
from shared.runtime.log import logger
from shared.runtime.web.language import Language

Key = tuple[str | None, tuple[str, ...] | None]
"""Cohort (None: the latest) and the qualifications that are seen (None: all)."""
Draw = Callable[[BoardPage, Language, bool], str]
"""The board as HTML: all of it, or (False) its figures."""

_LOOK = 1.0  # seconds between two looks at whether anything changed
_WHOLE = 8.0  # seconds after which all of it is drawn: lists, times, lag and health go on
_TRY_AGAIN = 2.0  # seconds between two tries of a database that is away
STREAM_SECONDS = 60.0  # then the browser opens the next one: whether it may is asked again


class Boards:
    """The board of each cohort and desk. While the database is away, as it was last, with what is known since."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._cache: AnswerCache[BoardPage] = AnswerCache()
        self._last: dict[Key, BoardPage] = {}
        self._lock = threading.Lock()
        self._away_since: datetime | None = None
        self._tried = 0.0
        self._failure: Exception | None = None
        self.decisions = 0
        """How often something was decided here: another number, and the lists have changed."""

    def page(self, cohort: str | None, seen: tuple[str, ...] | None) -> BoardPage:
        """NotFound for an unknown cohort. One of UNAVAILABLE when the database is away and was never read."""
        key = (cohort, seen)
        with self._lock:
            last = self._last.get(key)
        try:
            page = self._cache.get(key, lambda: self._read(cohort, seen))
        except UNAVAILABLE:
            if last is None:
                raise
            return self._as_last(last)
        with self._lock:
            self._last[key] = page
        return page

    def figures(self, cohort: str | None, seen: tuple[str, ...] | None) -> BoardPage:
        """The board without its lists; while the database is away, as `page`. NotFound when a later cohort has come."""
        with self._lock:
            last = self._last.get((cohort, seen))
        if last is None or self._away_since is not None:
            return self.page(cohort, seen)
        try:
            return queries.board_figures(self._ports, last, cohort, seen)
        except UNAVAILABLE:
            return self.page(cohort, seen)

    def _read(self, cohort: str | None, seen: tuple[str, ...] | None) -> BoardPage:
        """By one thread at a time. One that waited for another's failed try raises its error, and doesn't try again."""
        if self._failure is not None and monotonic() - self._tried < _TRY_AGAIN:
            raise self._failure
        try:
            page = queries.board_page(self._ports, cohort, seen)
        except UNAVAILABLE as error:
            self._away_since, self._tried = self._away_since or self._ports.now(), monotonic()
            self._failure = error
            raise
        self._away_since = self._failure = None
        return page

    def stamp(self) -> object:
        """Something that differs when any board of now differs from an earlier one; None: it can't be told."""
        if self._away_since is not None:
            return None
        try:
            return queries.stamp(self._ports)
        except UNAVAILABLE:
            return None

    def clear(self) -> None:
        """After a decision: the next look sees it."""
        self._cache.clear()
        self.decisions += 1

    def _as_last(self, page: BoardPage) -> BoardPage:
        return replace(page, status=queries.measured(page.status, self._ports), away_since=self._away_since)


@dataclass
class _Channel:
    """Of one key: who listens in which language, and what they see: the board, and figures of later than that."""

    listeners: dict[Language, int] = field(default_factory=dict)
    drawn: dict[Language, bytes] = field(default_factory=dict)
    figures: dict[Language, bytes] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class LiveBoards:
    """Streams of server-sent events. Lives in the event loop of the web server."""

    def __init__(self, boards: Boards, draw: Draw) -> None:
        self._boards = boards
        self._draw = draw
        self._channels: dict[Key, _Channel] = {}
        self._log = logger("ops")

    async def events(self, key: Key, language: Language, *, once: bool, known: str) -> AsyncIterator[bytes]:
        """Events `board`: the drawn board now, unless it is the one `known`; then it, or its figures, as they change.

        Figures have the id of the board that they are about.

        Ends after a minute, or with `once` after the first.
        """
        if once:
            yield await run_in_threadpool(self._board, key, language)
            return
        channel = self._channels.setdefault(key, _Channel())
        channel.listeners[language] = channel.listeners.get(language, 0) + 1
        if channel.task is None or channel.task.done():
            channel.task = asyncio.create_task(self._follow(key, channel))
        try:
            ends_at, seen, seen_figures = monotonic() + STREAM_SECONDS, b"", b""
            yield b"retry: 2000\n\n"
            while (left := ends_at - monotonic()) > 0:
                changed, event = channel.changed, channel.drawn.get(language, b"")
                figures = channel.figures.get(language, b"")
                if event != seen or (seen_figures and not figures):  # equal ones may follow figures that differed
                    if seen or _id(event) != known:
                        yield event
                    seen = event
                if figures != seen_figures:
                    if figures:
                        yield figures
                    seen_figures = figures
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return
        finally:
            channel.listeners[language] -= 1
            if not channel.listeners[language]:
                del channel.listeners[language]
                channel.drawn.pop(language, None)
                channel.figures.pop(language, None)

    async def _follow(self, key: Key, channel: _Channel) -> None:
        """While anybody listens: look, and draw what has changed."""
        stamp: object = None
        drawn_at, decisions = 0.0, self._boards.decisions
        while channel.listeners:
            try:
                now, decided = await run_in_threadpool(self._boards.stamp), self._boards.decisions
                is_whole = decided != decisions or not set(channel.listeners) <= set(channel.drawn)
                is_whole = is_whole or monotonic() - drawn_at > (_WHOLE if now is not None else _TRY_AGAIN)
                if now != stamp and not is_whole:
                    is_whole = not await self._draw_figures(key, channel)
                if is_whole:
                    await self._draw_boards(key, channel)
                    drawn_at, decisions = monotonic(), decided
                if is_whole or now != stamp:
                    stamp = now
                    channel.changed.set()
                    channel.changed = asyncio.Event()
            except Exception as error:  # the page says that its figures are old; the next look may succeed
                self._log.warning("failed", part="board", cause=type(error).__name__)
            await asyncio.sleep(_LOOK)
        if self._channels.get(key) is channel:
            del self._channels[key]

    async def _draw_boards(self, key: Key, channel: _Channel) -> None:
        for language in list(channel.listeners):
            channel.drawn[language] = await run_in_threadpool(self._board, key, language)
            channel.figures.pop(language, None)

    async def _draw_figures(self, key: Key, channel: _Channel) -> bool:
        """False when there is more to draw than figures."""
        try:
            page = await run_in_threadpool(self._boards.figures, *key)
        except NotFound:
            return False
        for language in list(channel.drawn):
            text = await run_in_threadpool(self._draw, page, language, False)
            if (board := channel.drawn.get(language)) is not None:
                channel.figures[language] = _event(text, _id(board))
        return True

    def _board(self, key: Key, language: Language) -> bytes:
        text = self._draw(self._boards.page(*key), language, True)
        return _event(text, sha256(text.encode()).hexdigest()[:16])


def _event(text: str, id: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"id: {id}\nevent: board\n{lines}\n".encode()


def _id(event: bytes) -> str:
    return event.partition(b"\n")[0].removeprefix(b"id: ").decode()
