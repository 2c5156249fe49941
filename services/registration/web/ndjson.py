"""NDJSON in and out: a body of any length is read as a stream, and answered as one while it is still being read.

Nothing waits for a client that sends all before it reads: what it has not taken yet lies in a temporary file.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.registration.domain.delivery import json_row, refuse_other_kinds
from services.registration.domain.record import FieldProblem
from services.registration.domain.rows import RejectedField, UnreadableDeliveryError
from services.registration.domain.soundness import trimmed
from services.registration.handlers import Ports
from services.registration.intake.lines import LONGEST_LINE, LineSplitter
from services.registration.intake.receiving import PART_ROWS, Receiving, Row, Summary
from shared.errors import cause_of
from shared.runtime.db import UNAVAILABLE, is_unavailable

MEDIA_TYPE = "application/x-ndjson"
_CHUNK = 64 * 1024


class Lines:
    """The numbered rows of an NDJSON body, taken from its stream in parts."""

    def __init__(self, body: AsyncIterator[bytes], first_row: int | None) -> None:
        self._body = body
        self._splitter = LineSplitter(LONGEST_LINE)
        self._number = first_row or 1
        self._is_first = True

    @property
    def next_row(self) -> int:
        """The number of the row after those that were given out."""
        return self._number

    async def parts(self) -> AsyncIterator[list[Row]]:
        """At most PART_ROWS lines at once. UnreadableDeliveryError if the first ones show another kind of file."""
        lines: list[bytes] = []
        async for chunk in self._body:
            for line in self._splitter.feed(chunk):
                lines.append(line)
                if len(lines) == PART_ROWS:
                    yield self._rows(lines)
                    lines = []
        lines += self._splitter.end()
        yield self._rows(lines)

    def _rows(self, lines: list[bytes]) -> list[Row]:
        if self._is_first:
            refuse_other_kinds(b"\n".join(lines))
            self._is_first = False
        first, self._number = self._number, self._number + len(lines)
        return list(_numbered(lines, first))


def _numbered(lines: list[bytes], first: int) -> Iterator[Row]:
    for number, line in enumerate(lines, first):
        if len(line) > LONGEST_LINE:
            problem = FieldProblem(
                "row", f"more than {LONGEST_LINE} bytes", f"a JSON object of at most {LONGEST_LINE} bytes"
            )
            yield RejectedField(number, problem)
        elif trimmed(line.decode("utf-8", "replace")):
            yield json_row(number, line)


async def take_all(request: Request, first_row: int | None, source: str, ports: Ports) -> Summary:
    """Take the whole body in; the answer comes at its end."""
    receiving = Receiving(source, ports)
    async for rows in Lines(request.stream(), first_row).parts():
        await run_in_threadpool(receiving.take, rows)
    return await run_in_threadpool(receiving.finish)


class StreamedAnswer(Response):
    """A line for each row that is not simply accepted, as soon as it is known; the summary as the last line.

    Until the first part is committed an error is the status of the answer; after that it is the last line, with the row
    from which the sender sends again.
    """

    def __init__(
        self,
        request: Request,
        first_row: int | None,
        source: str,
        ports: Ports,
        wake: Callable[[], None],
        refuse: Callable[[UnreadableDeliveryError], Response],
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._wake = wake
        self._refuse = refuse
        self._request = request
        self._first_row = first_row
        self._source = source
        self._ports = ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spool = _Spool()
        receiving = Receiving(self._source, self._ports, spool.write)
        lines = Lines(self._request.stream(), self._first_row)
        writer: asyncio.Task[None] | None = None
        from_row = lines.next_row
        last: dict[str, Any] | None = None
        try:
            async for rows in lines.parts():
                await run_in_threadpool(receiving.take, rows)
                from_row = lines.next_row
                writer = writer or asyncio.create_task(self._write(spool, send))
                spool.wake()
                self._wake()
            summary = await run_in_threadpool(receiving.finish)
        except UnreadableDeliveryError as error:  # of the first lines: nothing is written yet
            await (await run_in_threadpool(self._refuse, error))(scope, receive, send)
            return
        except UNAVAILABLE as error:
            if writer is None or not is_unavailable(error):
                raise
            # What is committed stays: the same rows change nothing when they are sent again.
            last = {"error": cause_of(error, 200), "status": 503, "send_again_from_row": from_row}
        else:
            last = _last_line(summary)
        finally:
            if writer is not None and last is None:  # the client is gone, or we have a bug: nobody waits for lines
                writer.cancel()
        spool.write(last)
        spool.end()
        await (writer or self._write(spool, send))

    async def _write(self, spool: _Spool, send: Send) -> None:
        headers = [(b"content-type", MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in spool.chunks():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _last_line(summary: Summary) -> dict[str, Any]:
    return {"outcome": "summary", **summary.counts}


class _Spool:
    """Lines that wait until the client takes them, in a file. Written by a thread, read by the event loop."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="akashi-answer-")  # noqa: SIM115  closed at the end of the delivery
        self._lock = threading.Lock()
        self._read = 0
        self._ended = False
        self._more = asyncio.Event()

    def write(self, line: dict[str, Any]) -> None:
        with self._lock:
            self._file.seek(0, 2)
            self._file.write(msgspec.json.encode(line) + b"\n")

    def wake(self) -> None:
        """In the event loop: there may be more lines."""
        self._more.set()

    def end(self) -> None:
        """In the event loop: there are no more lines."""
        self._ended = True
        self._more.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            while chunk := self._next():
                yield chunk
            if self._ended:
                self._file.close()
                return
            self._more.clear()
            await self._more.wait()

    def _next(self) -> bytes:
        with self._lock:
            self._file.seek(self._read)
            chunk = self._file.read(_CHUNK)
        self._read += len(chunk)
        return chunk
