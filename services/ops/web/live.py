"""The board for all who look: computed once however many do, pushed to open pages as it changes, kept for an outage.

An open page holds a stream of server-sent events. Each second one small query tells whether anything changed; only then
is the board read and drawn, once for each desk and language, and the same bytes go to all.
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
from shared.runtime.db import UNAVAILABLE
from shared.runtime.log import logger
from shared.runtime.web.language import Language

Key = tuple[str | None, tuple[str, ...] | None]
"""Cohort (None: the latest) and the qualifications that are seen (None: all)."""
Draw = Callable[[BoardPage, Language], str]

_LOOK = 1.0  # seconds between two looks at whether anything changed
_AT_LEAST = 5.0  # seconds after which it is drawn all the same: times, lag and health go on
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

    def _read(self, cohort: str | None, seen: tuple[str, ...] | None) -> BoardPage:
        """By one thread at a time. Who waited while another tried in vain doesn't try, and wait, again."""
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

    def _as_last(self, page: BoardPage) -> BoardPage:
        return replace(page, status=queries.measured(page.status, self._ports), away_since=self._away_since)


@dataclass
class _Channel:
    """Of one key: who listens in which language, and what they see."""

    listeners: dict[Language, int] = field(default_factory=dict)
    drawn: dict[Language, bytes] = field(default_factory=dict)
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
        """Events `board` with the drawn board, now (unless it is the one `known`) and whenever it has changed.

        Ends after a minute, or with `once` after the first.
        """
        if once:
            yield await run_in_threadpool(self._event, key, language)
            return
        channel = self._channels.setdefault(key, _Channel())
        channel.listeners[language] = channel.listeners.get(language, 0) + 1
        if channel.task is None or channel.task.done():
            channel.task = asyncio.create_task(self._follow(key, channel))
        try:
            ends_at, seen = monotonic() + STREAM_SECONDS, b""
            yield b"retry: 2000\n\n"
            while (left := ends_at - monotonic()) > 0:
                changed, event = channel.changed, channel.drawn.get(language, b"")
                if event != seen:
                    if seen or _id(event) != known:
                        yield event
                    seen = event
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except TimeoutError:
                    return
        finally:
            channel.listeners[language] -= 1
            if not channel.listeners[language]:
                del channel.listeners[language]
                channel.drawn.pop(language, None)

    async def _follow(self, key: Key, channel: _Channel) -> None:
        """While anybody listens: look, and draw what has changed."""
        stamp: object = None
        drawn_at = 0.0
        while channel.listeners:
            try:
                now = await run_in_threadpool(self._boards.stamp)
                is_new = set(channel.listeners) - set(channel.drawn)
                if is_new or now != stamp or monotonic() - drawn_at > _AT_LEAST:
                    for language in list(channel.listeners):
                        channel.drawn[language] = await run_in_threadpool(self._event, key, language)
                    stamp, drawn_at = now, monotonic()
                    channel.changed.set()
                    channel.changed = asyncio.Event()
            except Exception as error:  # the page says that its figures are old; the next look may succeed
                self._log.warning("failed", part="board", cause=type(error).__name__)
            await asyncio.sleep(_LOOK)
        if self._channels.get(key) is channel:
            del self._channels[key]

    def _event(self, key: Key, language: Language) -> bytes:
        text = self._draw(self._boards.page(*key), language)
        id = sha256(text.encode()).hexdigest()[:16]
        lines = "".join(f"data: {line}\n" for line in text.splitlines())
        return f"id: {id}\nevent: board\n{lines}\n".encode()


def _id(event: bytes) -> str:
    return event.partition(b"\n")[0].removeprefix(b"id: ").decode()
