"""The one place that starts an HTTP server: uvicorn, with limits on connections, heads, slow senders and readers.

A reverse proxy in front buffers requests and has such limits too; these hold without one, and on the inside.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.runtime.access import MOST_CONNECTIONS
from shared.runtime.metrics import counter

HEAD_BYTES = 32 * 1024  # request line and headers
HEAD_SECONDS = 10.0  # from the connection, or the first byte of a further request, to the end of its headers
BODY_SECONDS = 20.0  # in each such period
BODY_BYTES = 10_000  # at least so many arrive, or the rest
WRITE_SECONDS = 60.0  # until a client takes more of an answer
KEEP_ALIVE_SECONDS = 15
"""Idle between two requests. Longer than clients keep a connection (httpx, and so each service, 5 s): one that both
give up at the same moment costs a request."""

_BACKLOG = 2048

CUT_OFF = counter("web_cut_off", "Connections ended by a limit, by which", ("limit",))


class WebServer(uvicorn.Server):
    """uvicorn that leaves the signals to the process, and looks at the clock once a second instead of ten times.

    `should_exit` may be set by any thread, and ends it at once.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _ending: asyncio.Event
    _is_ending = False

    @property
    def should_exit(self) -> bool:
        return self._is_ending

    @should_exit.setter
    def should_exit(self, is_ending: bool) -> None:
        self._is_ending = is_ending
        if is_ending and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: it has ended already
                self._loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        self._ending, self._loop = asyncio.Event(), asyncio.get_running_loop()
        while not await self.on_tick(0):  # writes the answers' Date
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 1.0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_server(app: ASGIApp, *, host: str, port: int, most_connections: int = MOST_CONNECTIONS) -> WebServer:
    """A server to be run; port 0 takes any free one.

    WebSockets are not served: their handshake is a GET. X-Forwarded-… is read by the guard, never here.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=LimitedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=most_connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        backlog=_BACKLOG,
    )
    return WebServer(config)


class LimitedProtocol(HttpToolsProtocol):
    """A connection. It is cut off with 408, 431 or 503 where a limit is reached, or silently when nothing was sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Counted here: uvicorn refuses the newest connection, and counts those that are being closed.
        self._most, self.limit_concurrency = self.limit_concurrency or MOST_CONNECTIONS, None
        self._waits_for_head = True
        self._head_bytes = 0  # of a head that is not whole yet, or of what frames a body
        self._body_bytes = 0  # in this period
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._refusal = http.HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self._await_head()
        if len(self.connections) > self._most:
            self._make_room()

    def shutdown(self) -> None:
        """At a stop of the server: what is being answered ends as usual, but a stream of events has no end."""
        super().shutdown()
        if not self.transport.is_closing() and (b"accept", b"text/event-stream") in (self.headers or ()):
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._body_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self._cut_off("head", http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._waits_for_head and self._is_idle() and self.timeout_keep_alive_task is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._waits_for_head = False
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > HEAD_BYTES:
            CUT_OFF.labels("head").inc()
            self._refusal = http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("the head is too large")  # ends the parsing; answered by send_400_response
        self._take_absolute_target()
        super().on_headers_complete()
        self._body_bytes = 0
        self._body_timer = self.loop.call_later(BODY_SECONDS, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        self._waits_for_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._since = self.loop.time()
        if self._waits_for_head and self._head_bytes and not self.transport.is_closing():
            self._await_head()  # the next request has begun meanwhile

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_SECONDS, self._abort)

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What can't be parsed is a 400; what a limit forbids has its own status."""
        status = self._refusal
        text = msg if status == http.HTTPStatus.BAD_REQUEST else status.phrase
        body = f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _is_waiting(self) -> bool:
        return self._waits_for_head and self._is_idle() and not self.transport.is_closing()

    def _is_idle(self) -> bool:
        """No answer is being made."""
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._cut_off("slow-head", http.HTTPStatus.REQUEST_TIMEOUT if self._head_bytes else None)

    def _look_at_body(self) -> None:
        """Called once a period while a body is on its way. Time in which we don't read doesn't count."""
        if self.cycle.waiting_for_100_continue or self.flow.read_paused or self._body_bytes >= BODY_BYTES:
            self._body_bytes = 0
            self._body_timer = self.loop.call_later(BODY_SECONDS, self._look_at_body)
            return
        self._body_timer = None
        self._cut_off("slow-body", None if self.cycle.response_started else http.HTTPStatus.REQUEST_TIMEOUT)

    def _abort(self) -> None:
        if not self._waits_for_head:  # it is still sending: a client may send all before it reads
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self._abort)
            return
        CUT_OFF.labels("slow-reader").inc()
        self.transport.abort()

    def _make_room(self) -> None:
        """Ends the connection that has waited longest for a whole request; this one, if all others are answered."""
        ours = [each for each in self.connections if isinstance(each, LimitedProtocol)]
        if sum(not each.transport.is_closing() for each in ours) > self._most:
            oldest = min((each for each in ours if each._is_waiting()), key=lambda each: each._since)
            oldest._cut_off("connections", http.HTTPStatus.SERVICE_UNAVAILABLE)

    def _cut_off(self, limit: str, status: http.HTTPStatus | None) -> None:
        if self.transport.is_closing():
            return
        CUT_OFF.labels(limit).inc()
        if status is None:
            self.transport.close()
        else:
            self._refusal = status
            self.send_400_response("")

    def _take_absolute_target(self) -> None:
        """`GET http://host/path`: that host counts. Beside another Host there are then two, which the guard refuses.

        Source: RFC 9112, 3.2.2.
        """
        _, mark, rest = self.url.partition(b"://")
        if self.url.startswith(b"/") or not mark:
            return
        authority, slash, path = rest.partition(b"/")
        if not slash:
            authority, question, query = rest.partition(b"?")
            path = question + query
        self.url = b"/" + path
        if not any(name == b"host" and value == authority for name, value in self.headers):
            self.headers.append((b"host", authority))
